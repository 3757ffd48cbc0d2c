#include "train/epoch.hpp"

#include <algorithm>

#include "core/nan.hpp"
#include "train/training_folder.hpp"

namespace sharcs::internal {

EpochPhase next_phase(const HardnessHistory& history, bool has_router) {
  return has_router && !history.full_width_only() ? EpochPhase::all_widths : EpochPhase::full_width;
}

EpochRecord record_of(const Epoch& epoch, const TrainingState& state, const std::vector<double>& widths) {
  const EpochTally& tally = state.tally;
  const EpochTally::OfWidth total = tally.total();
  EpochRecord record = {.epoch = epoch.number,
                        .settings = TrainingFolder::settings_name,
                        .full_width_only = epoch.phase == EpochPhase::full_width,
                        .steps = state.step,
                        .total_steps = state.total_steps,
                        .samples = total.samples,
                        .tokens = tally.tokens,
                        .seconds = tally.seconds,
                        .learning_rate = tally.learning_rate,
                        .loss_task = total.mean_task_loss(),
                        .loss_router = epoch.trains_router() ? total.mean_router_loss() : nan};
  for (std::size_t i = 0; i < widths.size(); ++i) {
    const EpochTally::OfWidth& trained = tally.widths[i];
    const auto has_width = [i](WidthLabel label) { return label.contains(static_cast<int>(i)); };
    record.widths.push_back({.width = widths[i],
                             .samples = epoch.plan.bucket_sizes[i],
                             .labelled = std::ranges::count_if(epoch.labels, has_width),
                             .loss_task = trained.mean_task_loss(),
                             .loss_router = epoch.trains_router() ? trained.mean_router_loss() : nan});
  }
  if (state.widths_before.empty()) return record;
  for (const auto& row :
       width_transitions(state.widths_before, epoch.plan.width_of_sample, static_cast<int>(widths.size())))
    record.transitions.emplace_back(row.begin(), row.end());
  return record;
}

bool is_better(const EpochRecord& record, const std::optional<EpochRecord>& best) {
  if (!best) return true;
  if (record.full_width_only != best->full_width_only) return best->full_width_only;
  if (record.score != best->score) return record.score > best->score;
  return !record.full_width_only && record.evaluations[0].cost_fraction < best->evaluations[0].cost_fraction;
}

}  // namespace sharcs::internal
