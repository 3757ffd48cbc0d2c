#include "eval/evaluation_json.hpp"

#include "core/number.hpp"

namespace sharcs::internal {
namespace {

using nlohmann::ordered_json;

ReliabilityBin read_bin(const JsonCursor& fields) {
  return {.low = fields["low"].number_or_nan(),
          .high = fields["high"].number_or_nan(),
          .samples = read_count(fields["samples"]),
          .predicted = fields["predicted"].number_or_nan(),
          .right = fields["right"].number_or_nan()};
}

AnswerMetrics read_answer(const JsonCursor& fields) {
  const double width = fields["width"].number_or_nan();
  return {.name = fields["name"].get_or(short_number(width)),
          .width = width,
          .samples = read_count(fields["samples"]),
          .cost_fraction = fields["cost_fraction"].number_or_nan(),
          .routed = read_metric_map(fields["routed"]),
          .all = read_metric_map(fields["all"]),
          .reliability = fields[fields["calibration"].exists() ? "calibration" : "reliability"].each(read_bin)};
}

ordered_json bin_json(const ReliabilityBin& bin) {
  return {{"low", bin.low},
          {"high", bin.high},
          {"samples", bin.samples},
          {"predicted", finite_or_null(bin.predicted)},
          {"right", finite_or_null(bin.right)}};
}

}  // namespace

std::int64_t read_count(const JsonCursor& place) {
  constexpr std::int64_t most = 10'000'000'000'000;
  const auto count = place.get<std::int64_t>({.least = 0});
  if (count > most) place.fail("at most " + std::to_string(most));
  return count;
}

ordered_json estimate_json(const Estimate& estimate) {
  return {{"value", finite_or_null(estimate.value)},
          {"low", finite_or_null(estimate.interval.low)},
          {"high", finite_or_null(estimate.interval.high)}};
}

Estimate read_estimate(const JsonCursor& fields) {
  return {fields["value"].number_or_nan(), {fields["low"].number_or_nan(), fields["high"].number_or_nan()}};
}

double share_of(std::int64_t samples, std::int64_t of) {
  return of > 0 ? static_cast<double>(samples) / static_cast<double>(of) : nan;
}

ordered_json metric_map_json(const MetricMap& metrics) {
  ordered_json object = ordered_json::object();
  for (const auto& [name, value] : metrics) object[name] = finite_or_null(value);
  return object;
}

MetricMap read_metric_map(const JsonCursor& fields) {
  MetricMap values;
  for (const auto& [name, value] : fields.object().items()) values[name] = fields[name].number_or_nan();
  return values;
}

ordered_json evaluation_json(const Evaluation& evaluation) {
  ordered_json answers = ordered_json::array();
  for (const AnswerMetrics& answer : evaluation.answers) {
    ordered_json reliability = ordered_json::array();
    for (const ReliabilityBin& bin : answer.reliability) reliability.push_back(bin_json(bin));
    answers.push_back({{"name", answer.name},
                       {"width", answer.width},
                       {"samples", answer.samples},
                       {"share", finite_or_null(share_of(answer.samples, evaluation.samples))},
                       {"cost_fraction", finite_or_null(answer.cost_fraction)},
                       {"routed", metric_map_json(answer.routed)},
                       {"all", metric_map_json(answer.all)},
                       {"reliability", std::move(reliability)}});
  }
  return {{"name", evaluation.name},
          {"samples", evaluation.samples},
          {"routed", metric_map_json(evaluation.routed)},
          {"full", metric_map_json(evaluation.full)},
          {"cost_fraction", finite_or_null(evaluation.cost_fraction)},
          {"seconds_routed", finite_or_null(evaluation.seconds_routed)},
          {"seconds_full", finite_or_null(evaluation.seconds_full)},
          {"answers", std::move(answers)}};
}

Evaluation read_evaluation(const JsonCursor& fields) {
  return {.name = fields["name"].get<std::string>(),
          .samples = read_count(fields["samples"]),
          .routed = read_metric_map(fields["routed"]),
          .full = read_metric_map(fields["full"]),
          .cost_fraction = fields["cost_fraction"].number_or_nan(),
          .seconds_routed = fields["seconds_routed"].number_or_nan(),
          .seconds_full = fields["seconds_full"].number_or_nan(),
          .answers = fields[fields["widths"].exists() ? "widths" : "answers"].each(read_answer)};
}

}  // namespace sharcs::internal
