#include "train/epoch.hpp"

#include <algorithm>
#include <cmath>

#include "core/number.hpp"
#include "train/training_folder.hpp"

namespace sharcs::internal {
namespace {

/// Samples that a training shows where nobody says how many epochs it has: what small tasks need to teach a narrow
/// width (MRPC's .734 after 8 epochs were .805 after 30).
constexpr double samples_to_show = 120'000;

int quarter(int epochs) { return std::max(1, static_cast<int>(std::lround(epochs / 4.0))); }

bool trains_exits_at_the_end(const TrainingOptions& options, const ModelConfig& config) {
  const bool at_the_end =
      options.exit_training == ExitTraining::two_stage || options.exit_training == ExitTraining::self_distilled;
  return options.recipe == Recipe::distilled && at_the_end && config.sharcs && !config.sharcs->exits.empty();
}

}  // namespace

TrainingOptions resolved(const TrainingOptions& options, Index samples, const ModelConfig& config) {
  TrainingOptions result = options;
  if (result.epochs == 0) {
    const int least = options.recipe == Recipe::sharcs ? 10 : 4;
    result.epochs =
        std::clamp(static_cast<int>(std::lround(samples_to_show / static_cast<double>(samples))), least, 30);
  }
  if (result.warmup_epochs == 0) result.warmup_epochs = quarter(result.epochs);
  if (result.exit_epochs == 0) result.exit_epochs = quarter(result.epochs);
  if (!trains_exits_at_the_end(options, config)) result.exit_epochs = 0;
  return result;
}

EpochPhase phase_of(int number, const TrainingOptions& options, const ModelConfig& config) {
  if (!config.sharcs) return EpochPhase::full_width;
  if (options.recipe == Recipe::sharcs)
    return number > options.window ? EpochPhase::all_widths : EpochPhase::full_width;
  if (number > options.epochs - options.exit_epochs) return EpochPhase::exits_alone;
  return number > options.warmup_epochs ? EpochPhase::distillation : EpochPhase::full_width;
}

EpochRecord record_of(const Epoch& epoch, const TrainingState& state, const std::vector<double>& widths) {
  const EpochTally& tally = state.tally;
  const EpochTally::OfWidth total = tally.total();
  const bool distils = epoch.phase == EpochPhase::distillation;
  EpochRecord record = {.epoch = epoch.number,
                        .settings = TrainingFolder::settings_name,
                        .full_width_only = epoch.phase == EpochPhase::full_width,
                        .steps = state.step,
                        .total_steps = state.total_steps,
                        .samples = distils ? tally.widths.back().samples : total.samples,
                        .tokens = tally.tokens,
                        .seconds = tally.seconds,
                        .learning_rate = tally.learning_rate,
                        .loss_task = total.mean_task_loss(),
                        .loss_router = epoch.trains_router() ? total.mean_router_loss() : nan};
  for (std::size_t i = 0; i < widths.size(); ++i) {
    const EpochTally::OfWidth& trained = tally.widths[i];
    const auto has_width = [i](WidthLabel label) { return label.contains(static_cast<int>(i)); };
    record.widths.push_back({.width = widths[i],
                             .samples = distils ? epoch.plan.bucket_sizes.back() : epoch.plan.bucket_sizes[i],
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
