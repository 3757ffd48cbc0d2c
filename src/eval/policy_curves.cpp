#include "eval/policy_curves.hpp"

#include <algorithm>

#include "core/number.hpp"
#include "eval/recorded_evaluation.hpp"
#include "routing/confidence.hpp"
#include "routing/policy_kind.hpp"

namespace sharcs::internal {
namespace {

/// For the intervals of a curve, of which only the picture is shown.
constexpr int curve_resamples = 500;

}  // namespace

std::vector<CalibrationOptions> possible_calibrations(const Recording& recording, const CalibrationOptions& options) {
  const bool has_exits = recording.widths().size() < recording.answers.size();
  const bool has_narrow = recording.widths().size() > 1;
  const bool has_scores =
      std::ranges::any_of(recording.answers, [](const RecordedAnswer& answer) { return !answer.scores.empty(); });
  std::vector<CalibrationOptions> list;
  for (const PolicyKind& kind : policy_kinds()) {
    const PolicySearch& search = kind.search;
    if (!search.router && !search.narrow && !search.exits) continue;
    const bool by_router_alone = search.router && !search.narrow && !search.exits;
    if ((search.exits && !search.narrow && !has_exits) || (search.narrow && !search.exits && !has_narrow)) continue;
    if (search.exits && search.narrow && !(has_exits && has_narrow)) continue;
    if (by_router_alone && (recording.router_logits.empty() || !has_narrow)) continue;
    for (const ConfidenceMeasure& measure : confidences::all()) {
      if (measure.name != Confidence().name() && !search.exits) continue;
      if (measure.name == "learned-score" && !has_scores) continue;
      if (measure.name == "entropy" && (recording.finds_answers() || recording.fills_masks())) continue;
      if (measure.name == "patience" && search.narrow) continue;
      CalibrationOptions each = options;
      each.kind = kind.name;
      each.confidence = measure.name;
      each.one_threshold = measure.name == "patience";
      list.push_back(each);
      if (!search.exits || search.narrow || each.one_threshold) continue;
      each.one_threshold = true;
      list.push_back(each);
    }
  }
  return list;
}

std::string name_of_policy(const CalibrationOptions& options) {
  std::string name = options.kind;
  if (options.confidence != Confidence().name() && options.kind != "router") name += " of " + options.confidence;
  if (options.one_threshold && options.confidence != "patience") name += ", one threshold";
  return name;
}

std::vector<OperatingPoint> policy_curves(const Recording& recording, const CalibrationOptions& options) {
  const CostModel costs = CostModel::multiply_adds(recording);
  std::vector<CalibrationTarget> targets;
  for (const double budget : {0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0}) targets.push_back({.budget = budget});
  std::vector<OperatingPoint> points;
  for (const CalibrationOptions& each : possible_calibrations(recording, options)) {
    if (each.confidence != Confidence().name() || each.one_threshold) continue;
    const std::vector<Calibration> curve = calibrate(recording, costs, targets, each);
    for (std::size_t i = 0; i < curve.size(); ++i) {
      if (!curve[i].met) continue;
      OperatingPoint point =
          compare(recording, curve[i].expected, {.bootstrap = {.resamples = curve_resamples, .seed = options.seed}})
              .front();
      point.name = "budget " + short_number(*targets[i].budget);
      point.series = std::string(calibrated_series) + " " + name_of_policy(each);
      points.push_back(std::move(point));
    }
  }
  return points;
}

}  // namespace sharcs::internal
