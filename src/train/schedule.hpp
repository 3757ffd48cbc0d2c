#pragma once

#include "sharcs/training_options.hpp"

namespace sharcs::internal {

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
