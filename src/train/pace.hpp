#pragma once

#include <cstdint>

#include "core/clock.hpp"

namespace sharcs::internal {

/// How fast training goes, and how long it will still take.
///
/// The time left is estimated from the running epoch, because epochs are not equally long: the first ones, at full
/// width, take longer. The first steps of an epoch say little about the rest, so until a quarter of it is done the
/// epoch before counts too, less with every step. Evaluation and checkpoints between two epochs count to the first of
/// them.
class Pace {
 public:
  explicit Pace(int epochs, Clock clock = steady_seconds);

  /// Epoch `epoch` (from 1) of `steps` steps begins. `done_steps` of them were done before the run was resumed.
  void begin_epoch(int epoch, std::int64_t steps, std::int64_t done_steps = 0);
  /// An optimizer step on `samples` samples is done.
  void add_step(std::int64_t samples);

  /// In this epoch so far; 0 before its first step.
  double samples_per_second() const;
  /// Until the end of the last epoch; NaN while there is nothing to estimate it from.
  double seconds_left() const;

 private:
  double elapsed() const { return clock_() - epoch_start_; }

  Clock clock_;
  int epochs_;
  int epoch_ = 0;
  std::int64_t steps_ = 0;
  std::int64_t skipped_steps_ = 0;
  std::int64_t done_steps_ = 0;
  std::int64_t samples_ = 0;
  double epoch_start_ = 0;
  double seconds_to_last_step_ = 0;
  double epoch_before_seconds_ = -1;  // negative: none
};

}  // namespace sharcs::internal
