#include "cli/sweep_result.hpp"

#include <algorithm>

#include "core/json_reader.hpp"
#include "eval/evaluation_record_json.hpp"

namespace sharcs::internal {

SweepResult SweepResult::of(const EvaluationReport& report, const Comparison& comparison, int best_epoch,
                            double training_seconds) {
  const EvaluationRecord& record = report.evaluation().record;
  const BaselineResult& widest =
      *std::find_if(comparison.baselines.rbegin(), comparison.baselines.rend(),
                    [](const BaselineResult& baseline) { return baseline.baseline == Baseline::fixed; });
  return {.best_epoch = best_epoch,
          .training_seconds = training_seconds,
          .routed = record.routed,
          .full = record.full,
          .score = comparison.routing.score,
          .lead = widest.lead,
          .cost_fraction = comparison.routing.cost_fraction,
          .time_fraction = record.seconds_routed / record.seconds_full,
          .widths = report.evaluation().answers.widths,
          .shares = comparison.routing.shares};
}

nlohmann::ordered_json SweepResult::json() const {
  return {{"best_epoch", best_epoch},
          {"training_seconds", finite_or_null(training_seconds)},
          {"routed", metric_map_json(routed)},
          {"full", metric_map_json(full)},
          {"score", estimate_record_json(score)},
          {"lead_over_full", estimate_record_json(lead)},
          {"cost_fraction", finite_or_null(cost_fraction)},
          {"time_fraction", finite_or_null(time_fraction)},
          {"widths", widths},
          {"shares", shares}};
}

SweepResult SweepResult::from(const JsonFields& fields) {
  SweepResult result;
  result.best_epoch = static_cast<int>(fields.index("best_epoch", 1u << 31));
  result.training_seconds = fields.number("training_seconds");
  result.routed = read_metric_map(fields.object("routed"));
  result.full = read_metric_map(fields.object("full"));
  result.score = read_estimate(fields.object("score"));
  result.lead = read_estimate(fields.object("lead_over_full"));
  result.cost_fraction = fields.number("cost_fraction");
  result.time_fraction = fields.number("time_fraction");
  result.widths = fields.numbers("widths");
  result.shares = fields.numbers("shares", result.widths.size());
  return result;
}

}  // namespace sharcs::internal
