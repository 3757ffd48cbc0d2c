#pragma once

#include <optional>
#include <vector>

#include "train/epoch_plan.hpp"
#include "train/hardness_history.hpp"
#include "train/training_state.hpp"

namespace sharcs::internal {

/// A training goes through two phases. Each epoch belongs to one.
enum class EpochPhase {
  /// Every sample is trained at the largest width, and the router is not trained. This phase finds out how hard the
  /// samples are. A model without router stays in it.
  full_width,
  /// Every sample is trained at a width of its hardness label, and the router learns the labels.
  all_widths,
};

/// An epoch under way. All of it is decided before its first step and stays as it is until the last.
struct Epoch {
  int number = 1;  ///< from 1
  EpochPhase phase = EpochPhase::full_width;
  std::vector<WidthLabel> labels = {};  ///< of all training samples; none in the phase full_width
  EpochPlan plan = {};

  bool trains_router() const { return phase == EpochPhase::all_widths; }
};

/// The phase of the epoch that comes after those in `history`.
EpochPhase next_phase(const HardnessHistory& history, bool has_router);

/// What a finished epoch has trained, without score and evaluations. `widths`: the model's, ascending, as fractions.
EpochRecord record_of(const Epoch& epoch, const TrainingState& state, const std::vector<double>& widths);

/// Whether an epoch becomes the best one, as Trainer says. `best`: of the epochs before, if there are any.
bool is_better(const EpochRecord& record, const std::optional<EpochRecord>& best);

}  // namespace sharcs::internal
