#include "cli/sweep_result.hpp"

#include <algorithm>

#include "core/number.hpp"
#include "eval/comparison.hpp"
#include "eval/evaluation_json.hpp"
#include "io/json_cursor.hpp"

namespace sharcs::internal {

SweepResult SweepResult::of(const EvaluationReport& report, const std::vector<OperatingPoint>& comparison,
                            const SweepTraining& training) {
  const Evaluation& evaluation = report.evaluation();
  const OperatingPoint& routing = comparison.front();
  return {.best_epoch = training.best_epoch,
          .training_seconds = training.seconds,
          .routed = evaluation.routed,
          .full = evaluation.full,
          .score = routing.score,
          .lead = *point_of(comparison, Baseline::fixed).lead,
          .cost_fraction = routing.cost_fraction,
          .time_fraction = evaluation.seconds_routed / evaluation.seconds_full,
          .widths = report.recording().widths(),
          .shares = routing.shares};
}

nlohmann::ordered_json SweepResult::json() const {
  return {{"best_epoch", best_epoch},
          {"training_seconds", finite_or_null(training_seconds)},
          {"routed", metric_map_json(routed)},
          {"full", metric_map_json(full)},
          {"score", estimate_json(score)},
          {"lead_over_full", estimate_json(lead)},
          {"cost_fraction", finite_or_null(cost_fraction)},
          {"time_fraction", finite_or_null(time_fraction)},
          {"widths", widths},
          {"shares", shares}};
}

SweepResult SweepResult::from(const JsonCursor& fields) {
  SweepResult result;
  result.best_epoch = fields["best_epoch"].get<int>({.least = 0});
  result.training_seconds = fields["training_seconds"].number_or_nan();
  result.routed = read_metric_map(fields["routed"]);
  result.full = read_metric_map(fields["full"]);
  result.score = read_estimate(fields["score"]);
  result.lead = read_estimate(fields["lead_over_full"]);
  result.cost_fraction = fields["cost_fraction"].number_or_nan();
  result.time_fraction = fields["time_fraction"].number_or_nan();
  result.widths = fields["widths"].each(&JsonCursor::number_or_nan);
  result.shares = fields["shares"].of_size(result.widths.size()).each(&JsonCursor::number_or_nan);
  return result;
}

}  // namespace sharcs::internal
