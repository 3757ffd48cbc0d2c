#pragma once

#include <cstdint>
#include <vector>

#include "model/parameter_store.hpp"

namespace sharcs {

struct AdamwOptions {
  double beta1 = 0.9;
  double beta2 = 0.999;
  double eps = 1e-8;
  double weight_decay = 0.01;
};

/// AdamW (Loshchilov and Hutter 2019) as the authors run it: eps outside the bias correction, decay after the update
/// and not on biases and LayerNorms. A parameter that takes no part in a step is left alone in that step, its step
/// count too.
template <class T>
class Adamw {
 public:
  Adamw(const ParameterLayout& layout, const AdamwOptions& options);

  /// One step on the parameters i with participates[i]. The gradient is multiplied by `gradient_scale` first (clipping,
  /// averaging over micro-batches).
  void step(ParameterStore<T>& values, const ParameterStore<T>& gradients, const std::vector<bool>& participates,
            double learning_rate, double gradient_scale = 1);

  /// The state, for checkpoints.
  ParameterStore<T>& first_moments() { return first_moments_; }
  ParameterStore<T>& second_moments() { return second_moments_; }
  std::vector<std::int64_t>& step_counts() { return step_counts_; }

 private:
  AdamwOptions options_;
  ParameterStore<T> first_moments_;
  ParameterStore<T> second_moments_;
  std::vector<std::int64_t> step_counts_;  // of each parameter
};

}  // namespace sharcs
