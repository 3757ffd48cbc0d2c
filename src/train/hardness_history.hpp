#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/matrix_view.hpp"
#include "sharcs/training_options.hpp"
#include "train/width_label.hpp"

namespace sharcs::internal {

struct HardnessOptions {
  HardnessMeasure measure = HardnessMeasure::confidence;
  /// How many past epochs decide a label. The first `window` epochs train the largest width only.
  int window = 3;
  /// The model's widths as fractions, ascending.
  std::vector<double> widths = {};
  /// One pair for each width. They may overlap and leave gaps.
  std::vector<Threshold> thresholds = {};

  /// Throws ConfigError when the window is below 1, there is not one pair for each width, a pair has low ≥ high, or the
  /// pairs are out of order: a larger width must not ask for easier samples than a smaller one.
  void check() const;
};

/// The state of a HardnessHistory, for checkpoints. NaN means that there is no value.
struct HardnessState {
  std::int64_t epochs_seen = 0;
  /// [samples, window]; epoch e is in column e mod window.
  std::vector<float> values = {};
  /// For each sample its value in the running epoch, and the step at which it was recorded; −1: none.
  std::vector<float> current = {};
  std::vector<std::int64_t> current_steps = {};
};

/// Each training sample's confidence (or entropy) in the last `window` epochs, and the hardness labels that follow from
/// it (arXiv:2310.12126, section 3.1).
///
/// Example: with window 3 and thresholds [0.8, 1.01) for width 0.25, a sample with the confidences 0.85, 0.9, 0.95 gets
/// the label 0.25. The rule: width r is in the label when the least value is ≥ low(r) and the greatest is < high(r). If
/// no width fits, the label is the largest width. A sample that an epoch does not train keeps its last value for that
/// epoch, as in the authors' code; if it has no value at all, its label is the largest width.
class HardnessHistory {
 public:
  /// Throws ConfigError as HardnessOptions::check().
  HardnessHistory(Index samples, HardnessOptions options);

  Index samples() const { return samples_; }
  const HardnessOptions& options() const { return options_; }
  std::int64_t epochs_seen() const { return state_.epochs_seen; }
  /// Whether the coming epoch still trains the largest width only.
  bool full_width_only() const { return state_.epochs_seen < options_.window; }

  /// Records a sample's value in the running epoch. If it gets several, the one of the latest step counts, and of
  /// several in one step the hardest; so the order of the calls does not matter. Throws TrainingError when the value is
  /// not finite.
  void record(Index sample, float value, std::int64_t step);
  /// Ends the running epoch: its values replace those of the oldest epoch in the window.
  void finish_epoch();

  /// The label from the finished epochs; the largest width alone while full_width_only().
  WidthLabel label(Index sample) const;
  std::vector<WidthLabel> labels() const;

  const HardnessState& state() const { return state_; }
  /// Goes on from a saved state. Throws CheckpointError when its sizes are not those of this history.
  void restore(HardnessState state);

 private:
  bool is_harder(float value, float than) const;

  Index samples_;
  HardnessOptions options_;
  HardnessState state_;
};

}  // namespace sharcs::internal
