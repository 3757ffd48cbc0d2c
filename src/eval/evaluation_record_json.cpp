#include "eval/evaluation_record_json.hpp"

#include "core/nan.hpp"

namespace sharcs::internal {
namespace {

using nlohmann::ordered_json;

CalibrationBin read_bin(const JsonFields& fields) {
  return {.low = fields.number("low"),
          .high = fields.number("high"),
          .samples = fields.count("samples"),
          .predicted = fields.number("predicted"),
          .right = fields.number("right")};
}

WidthEvaluation read_width(const JsonFields& fields) {
  return {.width = fields.number("width"),
          .samples = fields.count("samples"),
          .cost_fraction = fields.number("cost_fraction"),
          .routed = read_metric_map(fields.object("routed")),
          .all = read_metric_map(fields.object("all")),
          .calibration = fields.each("calibration", read_bin)};
}

ordered_json bin_json(const CalibrationBin& bin) {
  return {{"low", bin.low},
          {"high", bin.high},
          {"samples", bin.samples},
          {"predicted", finite_or_null(bin.predicted)},
          {"right", finite_or_null(bin.right)}};
}

}  // namespace

ordered_json estimate_record_json(const Estimate& estimate) {
  return {{"value", finite_or_null(estimate.value)},
          {"low", finite_or_null(estimate.interval.low)},
          {"high", finite_or_null(estimate.interval.high)}};
}

Estimate read_estimate(const JsonFields& fields) {
  return {fields.number("value"), {fields.number("low"), fields.number("high")}};
}

double share_of(std::int64_t samples, std::int64_t of) {
  return of > 0 ? static_cast<double>(samples) / static_cast<double>(of) : nan;
}

ordered_json metric_map_json(const MetricMap& metrics) {
  ordered_json object = ordered_json::object();
  for (const auto& [name, value] : metrics) object[name] = finite_or_null(value);
  return object;
}

MetricMap read_metric_map(const JsonFields& fields) {
  MetricMap values;
  for (const auto& [name, value] : fields.whole().items()) values[name] = fields.number(name);
  return values;
}

ordered_json evaluation_record_json(const EvaluationRecord& evaluation) {
  ordered_json widths = ordered_json::array();
  for (const WidthEvaluation& width : evaluation.widths) {
    ordered_json calibration = ordered_json::array();
    for (const CalibrationBin& bin : width.calibration) calibration.push_back(bin_json(bin));
    widths.push_back({{"width", width.width},
                      {"samples", width.samples},
                      {"share", finite_or_null(share_of(width.samples, evaluation.samples))},
                      {"cost_fraction", finite_or_null(width.cost_fraction)},
                      {"routed", metric_map_json(width.routed)},
                      {"all", metric_map_json(width.all)},
                      {"calibration", std::move(calibration)}});
  }
  return {{"name", evaluation.name},
          {"samples", evaluation.samples},
          {"routed", metric_map_json(evaluation.routed)},
          {"full", metric_map_json(evaluation.full)},
          {"cost_fraction", finite_or_null(evaluation.cost_fraction)},
          {"seconds_routed", finite_or_null(evaluation.seconds_routed)},
          {"seconds_full", finite_or_null(evaluation.seconds_full)},
          {"widths", std::move(widths)}};
}

EvaluationRecord read_evaluation_record(const JsonFields& fields) {
  return {.name = fields.text("name"),
          .samples = fields.count("samples"),
          .routed = read_metric_map(fields.object("routed")),
          .full = read_metric_map(fields.object("full")),
          .cost_fraction = fields.number("cost_fraction"),
          .seconds_routed = fields.number("seconds_routed"),
          .seconds_full = fields.number("seconds_full"),
          .widths = fields.each("widths", read_width)};
}

}  // namespace sharcs::internal
