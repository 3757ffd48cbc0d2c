#include "train/pace.hpp"

#include <algorithm>
#include <utility>

#include "core/number.hpp"

namespace sharcs::internal {

Pace::Pace(int epochs, Clock clock) : clock_(std::move(clock)), epochs_(epochs) {}

void Pace::begin_epoch(int epoch, std::int64_t steps, std::int64_t done_steps) {
  // An epoch that was resumed in the middle does not tell how long a whole one takes.
  if (epoch_ > 0 && skipped_steps_ == 0) epoch_before_seconds_ = elapsed();
  epoch_start_ = clock_();
  epoch_ = epoch;
  steps_ = steps;
  skipped_steps_ = done_steps;
  done_steps_ = 0;
  samples_ = 0;
  seconds_to_last_step_ = 0;
}

void Pace::add_step(std::int64_t samples) {
  ++done_steps_;
  samples_ += samples;
  seconds_to_last_step_ = elapsed();
}

double Pace::samples_per_second() const {
  return seconds_to_last_step_ > 0 ? static_cast<double>(samples_) / seconds_to_last_step_ : 0;
}

double Pace::seconds_left() const {
  const bool has_before = epoch_before_seconds_ >= 0;
  if (steps_ == 0 || (done_steps_ == 0 && !has_before)) return nan;
  const auto steps = static_cast<double>(steps_);
  double whole_epoch = epoch_before_seconds_;
  if (done_steps_ > 0) {
    const double from_this = seconds_to_last_step_ * steps / static_cast<double>(done_steps_);
    const double weight = has_before ? std::min(1.0, 4 * static_cast<double>(done_steps_) / steps) : 1;
    whole_epoch = weight * from_this + (1 - weight) * whole_epoch;
  }
  const double left_in_epoch = 1 - static_cast<double>(skipped_steps_ + done_steps_) / steps;
  return whole_epoch * (std::max(left_in_epoch, 0.0) + (epochs_ - epoch_));
}

}  // namespace sharcs::internal
