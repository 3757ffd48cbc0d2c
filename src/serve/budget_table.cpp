#include "serve/budget_table.hpp"

#include <algorithm>

#include "core/number.hpp"
#include "io/file.hpp"
#include "sharcs/calibration.hpp"
#include "sharcs/error.hpp"

namespace sharcs::internal {
namespace {

/// Why the recording is none of this model; empty when it is one.
std::string difference(const Recording& recording, const ModelConfig& config) {
  const std::vector<Answer> answers = answers_of(config);
  const bool same = std::ranges::equal(recording.answers, answers, {}, &RecordedAnswer::name, &Answer::name);
  if (!same) return "its recording.json has the answers of another model";
  const bool same_task =
      recording.is_multi_label() == config.multi_label && recording.config.multi_output == config.multi_output;
  return same_task ? "" : "its recording.json is of another task";
}

}  // namespace

BudgetTable BudgetTable::of(const std::filesystem::path& folder, const ModelConfig& config) {
  BudgetTable table;
  const std::filesystem::path file = folder / "recording.json";
  if (!is_there(file)) {
    table.why_empty_ = "its folder has no recording.json (sharcs train and sharcs eval --output write it)";
    return table;
  }
  try {
    const Recording recording = Recording::load(file);
    table.why_empty_ = difference(recording, config);
    if (!table.why_empty_.empty()) return table;
    constexpr int steps = 20;
    std::vector<CalibrationTarget> targets;
    for (int i = 1; i <= steps; ++i) targets.push_back({.budget = i / static_cast<double>(steps)});
    // What to expect of new samples, which cross-validation tells, is not asked for here: two parts are the fewest.
    const auto calibrations = calibrate(recording, CostModel::multiply_adds(recording), targets, {.folds = 2});
    for (std::size_t i = 0; i < targets.size(); ++i)
      if (calibrations[i].met) table.rows_.push_back({*targets[i].budget, Policy::of(calibrations[i].rule)});
    if (table.rows_.empty()) table.why_empty_ = "no policy keeps a budget";
  } catch (const Error& error) {
    table.why_empty_ = error.what();
  }
  return table;
}

const BudgetTable::Row& BudgetTable::find(double budget, const std::string& name) const {
  if (rows_.empty())
    throw ConfigError(name + " is " + short_number(budget) +
                      ", but the model has no calibrated budgets: " + why_empty_);
  const auto above = std::ranges::upper_bound(rows_, budget + 1e-9, {}, &Row::budget);
  if (above == rows_.begin())
    throw ConfigError(name + " is " + short_number(budget) + "; expected at least " +
                      short_number(rows_.front().budget) + ", the least that the model can keep");
  return above[-1];
}

}  // namespace sharcs::internal
