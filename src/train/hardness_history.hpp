#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/matrix_view.hpp"
#include "sharcs/hardness.hpp"
#include "train/width_label.hpp"

namespace sharcs::internal {

struct HardnessOptions {
  HardnessMeasure measure = HardnessMeasure::confidence;
  /// Epochs that decide a label; the first `window` epochs train the largest width only.
  int window = 3;
  /// The model's widths as fractions, ascending.
  std::vector<double> widths = {};
  /// One pair a width. They may overlap and leave gaps.
  std::vector<Threshold> thresholds = {};

  /// Throws ConfigError when the window is below 1, there is not one pair a width, a pair has low ≥ high, or the pairs
  /// are out of order: from each width to the next larger one, neither end may move towards easier samples.
  void check() const;
};

/// Everything that a HardnessHistory needs to continue, for checkpoints. NaN stands for "never seen".
struct HardnessState {
  std::int64_t epochs_seen = 0;
  /// [samples, window], ring: epoch e stands in column e mod window.
  std::vector<float> values = {};
  /// The running epoch's values and the steps at which they were recorded, one a sample.
  std::vector<float> current = {};
  std::vector<std::int64_t> current_steps = {};
};

/// The measures of every training sample over the last `window` epochs, and the hardness labels that follow from them
/// (arXiv:2310.12126, section 3.1).
///
/// Width r is in a sample's label when over the window min ≥ low(r) and max < high(r); a sample that fits no width goes
/// to the largest. A sample that an epoch does not see keeps its last value for that epoch, as in the authors' code;
/// one that no epoch of the window has a value for goes to the largest width.
class HardnessHistory {
 public:
  /// Throws ConfigError as HardnessOptions::check().
  HardnessHistory(Index samples, HardnessOptions options);

  Index samples() const { return samples_; }
  const HardnessOptions& options() const { return options_; }
  std::int64_t epochs_seen() const { return state_.epochs_seen; }
  /// Whether the coming epoch still trains the largest width only.
  bool full_width_only() const { return state_.epochs_seen < options_.window; }

  /// Keeps `value` for the running epoch. Of several values of one sample the one of the greatest `step` counts, of
  /// several in one step the hardest, so the order of calls does not matter. Throws TrainingError when the value is not
  /// finite.
  void record(Index sample, float value, std::int64_t step);
  /// Closes the running epoch: its values enter the window.
  void finish_epoch();

  /// The label from the finished epochs; the largest width alone while full_width_only().
  WidthLabel label(Index sample) const;
  std::vector<WidthLabel> labels() const;

  const HardnessState& state() const { return state_; }
  /// Continues from a saved state. Throws CheckpointError when its sizes are not those of this history.
  void restore(HardnessState state);

 private:
  bool is_harder(float value, float than) const;

  Index samples_;
  HardnessOptions options_;
  HardnessState state_;
};

}  // namespace sharcs::internal
