#pragma once

#include "sharcs/schedule_shape.hpp"

namespace sharcs::internal {

struct ScheduleOptions {
  ScheduleShape shape = ScheduleShape::linear;
  /// The learning rate at the end of the warm-up.
  double peak = 2e-5;
  /// Steps over which the rate rises from 0 to the peak, in either shape.
  double warmup = 0;
  /// Steps after which the linear shape has come down to 0. The constant shape does not read it.
  double total = 0;
};

/// The learning rate as a pure function of how far training has come, so that resuming needs no state of it.
///
/// linear: peak · done / warmup, then peak · (total − done) / (total − warmup), never below 0
/// (get_linear_schedule_with_warmup of Hugging Face). constant: the same rise, then the peak.
///
/// `done` counts finished steps, so the first step of a run with warm-up has the rate 0. The unit is the caller's:
/// where the number of steps to come is not known, because it depends on the sizes of the width buckets, epochs will do
/// for `warmup`, `total` and `done` alike.
class Schedule {
 public:
  /// Throws ConfigError when a number is negative or not finite.
  explicit Schedule(const ScheduleOptions& options);

  double learning_rate(double done) const;

 private:
  ScheduleOptions options_;
};

}  // namespace sharcs::internal
