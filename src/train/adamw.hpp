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

/// AdamW (Loshchilov and Hutter 2019) as the authors run it: eps outside the bias correction, decay after the update
/// and not on biases and LayerNorms. A parameter that takes no part in a step is left alone in that step, its step
/// count too.
///
/// Word embeddings are stepped row by row. A row whose word is not in the batch has a gradient of zero, but its moments
/// and its decay still move it. Such idle steps are only noted, and taken all at once when the row is needed, by the
/// same arithmetic in the same order (kernels::adamw_idle): after catch_up() the values are, bit for bit, those of an
/// optimizer that goes through the whole table in every step. So a step costs what its batch's words cost, not what the
/// vocabulary does.
template <class T>
class Adamw {
 public:
  Adamw(const ParameterLayout& layout, const AdamwOptions& options);

  /// Takes the idle steps of these word embeddings. Before a pass reads them.
  void catch_up(ParameterStore<T>& values, const RowSet& words);
  /// The same for all of them. Before anyone reads the values, or the moments below.
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
  std::vector<kernels::AdamwStep> history_;  // the steps of the word embeddings since all rows were up to date
  std::vector<std::size_t> taken_;           // how many of them each row has taken
};

}  // namespace sharcs::internal
