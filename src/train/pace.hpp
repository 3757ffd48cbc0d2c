#pragma once

#include <cstdint>

#include "core/clock.hpp"

namespace sharcs::internal {

/// How fast training goes and how long it will still take.
///
/// The time left is told from the epoch under way, since epochs cost more before there are labels than after. The
/// beginning of an epoch says little about all of it, so the epoch before counts as well, the less the further the
/// epoch has come. What passes between epochs (evaluation, checkpoints) is part of an epoch's time.
class Pace {
 public:
  explicit Pace(int epochs, Clock clock = steady_seconds);

  /// Epoch `epoch` (from 1) starts, of which `done_steps` of `steps` were done before, in the run that is resumed.
  void begin_epoch(int epoch, std::int64_t steps, std::int64_t done_steps = 0);
  /// An optimizer step over `samples` samples is done.
  void add_step(std::int64_t samples);

  /// Of this epoch; 0 before the first step.
  double samples_per_second() const;
  /// Until the end of the last epoch; NaN before the first step of all.
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
