#pragma once

#include <cstdint>
#include <vector>

#include "kernels/elementwise.hpp"
#include "train/gradients.hpp"

namespace sharcs::internal {

struct AdamwOptions {
  double beta1 = 0.9;
  double beta2 = 0.999;
  double eps = 1e-8;
  double weight_decay = 0.01;
};

/// AdamW (Loshchilov and Hutter 2019) as the authors run it: eps is added outside the bias correction, and weight decay
/// comes after the update, but not for biases and LayerNorms. A parameter that takes no part in a step keeps its value,
/// its moments and its step count.
///
/// Word embeddings are updated late, to save time. A step of 32 sentences has perhaps 300 of 30,000 words. The other
/// rows have no gradient, but AdamW would still move them a little, by their moments and the decay. These idle steps
/// are noted down and done all at once when a row is needed again (kernels::adamw_idle), with the same arithmetic in
/// the same order. After catch_up() all values have the bits of an optimizer that updates the whole table every time.
template <class T>
class Adamw {
 public:
  Adamw(const ParameterLayout& layout, const AdamwOptions& options);

  /// Does the idle steps of these rows. Call it before a pass reads them.
  void catch_up(ParameterStore<T>& values, const RowSet& words);
  /// Does the idle steps of all rows. Call it before anything reads all values, or the moments below.
  void catch_up(ParameterStore<T>& values);

  /// One step on the parameters that take part. The gradient is multiplied by `gradient_scale` first (clipping).
  void step(ParameterStore<T>& values, const Gradients<T>& gradients, double learning_rate, double gradient_scale = 1);

  /// The state, for checkpoints.
  ParameterStore<T>& first_moments() { return first_moments_; }
  ParameterStore<T>& second_moments() { return second_moments_; }
  std::vector<std::int64_t>& step_counts() { return step_counts_; }

 private:
  void step_words(ParameterStore<T>& values, const Gradients<T>& gradients, const kernels::AdamwStep& step);
  void catch_up_row(ParameterStore<T>& values, std::int32_t row);
  std::span<T> row_of(ParameterStore<T>& store, std::int32_t row) const;

  AdamwOptions options_;
  std::size_t word_embeddings_;
  ParameterStore<T> first_moments_;
  ParameterStore<T> second_moments_;
  std::vector<std::int64_t> step_counts_;    // of each parameter
  std::vector<kernels::AdamwStep> history_;  // all steps since the last catch_up() of all rows
  std::vector<std::size_t> taken_;           // for each row, how many of them it has done
};

}  // namespace sharcs::internal
