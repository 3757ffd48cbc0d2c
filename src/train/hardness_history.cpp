#include "train/hardness_history.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <utility>

#include "core/number.hpp"
#include "sharcs/error.hpp"
#include "train/training_option_table.hpp"

namespace sharcs::internal {
namespace {

constexpr float never_seen = std::numeric_limits<float>::quiet_NaN();
constexpr std::int64_t no_step = -1;

std::string interval(const Threshold& thresholds) {
  return "[" + short_number(thresholds.low) + ", " + short_number(thresholds.high) + ")";
}

}  // namespace

void HardnessOptions::check() const {
  if (window < 1) throw ConfigError("hardness window is " + std::to_string(window) + "; expected at least 1 epoch");
  if (widths.empty() || widths.size() > WidthLabel::max_widths)
    throw ConfigError("hardness labels for " + std::to_string(widths.size()) + " widths; expected 1 to " +
                      std::to_string(WidthLabel::max_widths));
  if (thresholds.size() != widths.size())
    throw ConfigError("hardness thresholds for " + std::to_string(thresholds.size()) +
                      " widths; expected one pair for each of the " + std::to_string(widths.size()) + " widths");
  for (std::size_t i = 0; i < widths.size(); ++i) {
    const Threshold& own = thresholds[i];
    if (!(own.low < own.high))
      throw ConfigError("hardness thresholds of width " + short_number(widths[i]) + " are " + interval(own) +
                        "; expected the first below the second");
    if (i == 0) continue;
    const Threshold& narrower = thresholds[i - 1];
    const bool descending = own.low <= narrower.low && own.high <= narrower.high;
    const bool ascending = own.low >= narrower.low && own.high >= narrower.high;
    if (measure == HardnessMeasure::confidence ? !descending : !ascending)
      throw ConfigError("hardness thresholds out of order: width " + short_number(widths[i]) + " has " + interval(own) +
                        " after " + interval(narrower) + " of width " + short_number(widths[i - 1]) + "; with " +
                        name_of(measure) + " a larger width must not ask for " +
                        (measure == HardnessMeasure::confidence ? "more" : "less"));
  }
}

HardnessHistory::HardnessHistory(Index samples, HardnessOptions options)
    : samples_(samples), options_(std::move(options)) {
  options_.check();
  const auto count = static_cast<std::size_t>(samples);
  state_.values.assign(count * static_cast<std::size_t>(options_.window), never_seen);
  state_.current.assign(count, never_seen);
  state_.current_steps.assign(count, no_step);
}

bool HardnessHistory::is_harder(float value, float than) const {
  return options_.measure == HardnessMeasure::confidence ? value < than : value > than;
}

void HardnessHistory::record(Index sample, float value, std::int64_t step) {
  assert(sample >= 0 && sample < samples_ && step >= 0);
  if (!std::isfinite(value))
    throw TrainingError(name_of(options_.measure) + " of training sample " + std::to_string(sample) + " in step " +
                        std::to_string(step) + " is " + short_number(value));
  const auto i = static_cast<std::size_t>(sample);
  std::int64_t& at = state_.current_steps[i];
  if (step > at || (step == at && is_harder(value, state_.current[i]))) {
    at = step;
    state_.current[i] = value;
  }
}

void HardnessHistory::finish_epoch() {
  const auto window = static_cast<std::size_t>(options_.window);
  const std::size_t column = static_cast<std::size_t>(state_.epochs_seen) % window;
  const std::size_t before = (column + window - 1) % window;
  for (std::size_t i = 0; i < state_.current.size(); ++i) {
    float* const row = &state_.values[i * window];
    row[column] = state_.current_steps[i] == no_step ? row[before] : state_.current[i];
    state_.current[i] = never_seen;
    state_.current_steps[i] = no_step;
  }
  ++state_.epochs_seen;
}

WidthLabel HardnessHistory::label(Index sample) const {
  assert(sample >= 0 && sample < samples_);
  const int widths = static_cast<int>(options_.widths.size());
  const WidthLabel largest = WidthLabel::only(widths - 1);
  if (full_width_only()) return largest;
  const auto window = static_cast<std::size_t>(options_.window);
  float least = std::numeric_limits<float>::infinity();
  float greatest = -least;
  for (const float value : std::span(state_.values).subspan(static_cast<std::size_t>(sample) * window, window)) {
    if (std::isnan(value)) continue;
    least = std::min(least, value);
    greatest = std::max(greatest, value);
  }
  if (least > greatest) return largest;
  WidthLabel label;
  for (int width = 0; width < widths; ++width) {
    // Thresholds are rounded like the values, so that a value written 0.7 is not below a threshold written 0.7.
    const Threshold& thresholds = options_.thresholds[static_cast<std::size_t>(width)];
    if (least >= static_cast<float>(thresholds.low) && greatest < static_cast<float>(thresholds.high)) label.add(width);
  }
  return label.empty() ? largest : label;
}

std::vector<WidthLabel> HardnessHistory::labels() const {
  std::vector<WidthLabel> all(static_cast<std::size_t>(samples_));
  for (Index i = 0; i < samples_; ++i) all[static_cast<std::size_t>(i)] = label(i);
  return all;
}

void HardnessHistory::restore(HardnessState state) {
  const auto fits = [](const auto& saved, const auto& own, const char* what) {
    if (saved.size() != own.size())
      throw CheckpointError("hardness history: " + std::string(what) + " has " + std::to_string(saved.size()) +
                            " elements; expected " + std::to_string(own.size()));
  };
  fits(state.values, state_.values, "values");
  fits(state.current, state_.current, "current");
  fits(state.current_steps, state_.current_steps, "current_steps");
  if (state.epochs_seen < 0)
    throw CheckpointError("hardness history: epochs_seen is " + std::to_string(state.epochs_seen) +
                          "; expected 0 or more");
  state_ = std::move(state);
}

}  // namespace sharcs::internal
