#pragma once

#include <cstdint>
#include <vector>

#include "kernels/elementwise.hpp"
#include "sharcs/training_options.hpp"
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

struct ScheduleOptions {
  ScheduleShape shape = ScheduleShape::linear;
  /// The learning rate at the end of the warm-up.
  double peak = 2e-5;
  /// Steps over which the rate rises from 0 to the peak.
  double warmup = 0;
  /// linear: steps after which the rate has come down to 0.
  double total = 0;
};

/// The learning rate as a function of how much of the training is done.
///
/// linear: peak · done / warmup, then peak · (total − done) / (total − warmup), never below 0
/// (get_linear_schedule_with_warmup of Hugging Face). constant: the same rise, then the peak.
///
/// `done` counts finished steps, so the first step of a run with warm-up has the rate 0. `warmup`, `total` and `done`
/// may also be counted in epochs, where the number of steps of later epochs is not known yet.
class Schedule {
 public:
  /// Throws ConfigError when a number is negative or not finite.
  explicit Schedule(const ScheduleOptions& options);

  double learning_rate(double done) const;

 private:
  ScheduleOptions options_;
};

}  // namespace sharcs::internal
