#pragma once

#include <optional>
#include <vector>

#include "core/matrix_view.hpp"
#include "sharcs/model_config.hpp"
#include "sharcs/training_options.hpp"
#include "train/epoch_plan.hpp"
#include "train/training_state.hpp"
#include "train/width_label.hpp"

namespace sharcs::internal {

/// A training goes through phases. Each epoch belongs to one.
enum class EpochPhase {
  /// Every sample is trained at the largest width, and the router is not trained. A model without router stays in it.
  full_width,
  /// sharcs: every sample is trained at a width of its hardness label, and the router learns the labels.
  all_widths,
  /// distilled: every sample is trained at all widths, and the router learns which of them are right.
  distillation,
  /// distilled, two_stage and self_distilled: the exits are trained, and nothing else.
  exits_alone,
};

/// An epoch under way. All of it is decided before its first step and stays as it is until the last.
struct Epoch {
  int number = 1;  ///< from 1
  EpochPhase phase = EpochPhase::full_width;
  std::vector<WidthLabel> labels = {};  ///< of all training samples; none in the phase full_width
  EpochPlan plan = {};

  bool trains_router() const { return phase == EpochPhase::all_widths || phase == EpochPhase::distillation; }
};

/// The options with numbers in place of what is left to a rule: epochs, warmup_epochs and exit_epochs that are 0.
TrainingOptions resolved(const TrainingOptions& options, Index samples, const ModelConfig& config);

/// The phase of epoch `number`, from 1. The options are resolved().
EpochPhase phase_of(int number, const TrainingOptions& options, const ModelConfig& config);

/// What a finished epoch has trained, without score and evaluations. `widths`: the model's, ascending, as fractions.
EpochRecord record_of(const Epoch& epoch, const TrainingState& state, const std::vector<double>& widths);

/// Whether an epoch becomes the best one, as Trainer says. `best`: of the epochs before, if there are any.
bool is_better(const EpochRecord& record, const std::optional<EpochRecord>& best);

}  // namespace sharcs::internal
