#include "report/page_data.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <numeric>

#include "core/json_reader.hpp"
#include "core/nan.hpp"
#include "report/findings.hpp"
#include "report/settings.hpp"
#include "sharcs/cost.hpp"
#include "sharcs/version.hpp"

namespace sharcs::internal {
namespace {

using nlohmann::ordered_json;

/// Five significant digits are more than a plot shows.
ordered_json rounded(double value) {
  if (!std::isfinite(value)) return nullptr;
  char text[32];
  std::snprintf(text, sizeof text, "%.5g", value);
  return std::strtod(text, nullptr);
}

ordered_json rounded(const std::vector<double>& values) {
  ordered_json list = ordered_json::array();
  for (const double value : values) list.push_back(rounded(value));
  return list;
}

ordered_json estimate_json(const Estimate& estimate) {
  return {rounded(estimate.value), rounded(estimate.interval.low), rounded(estimate.interval.high)};
}

ordered_json headline_json(const RunFolder& run) {
  const std::optional<Headline> headline = headline_of(run);
  if (!headline) return nullptr;
  return {{"data", headline->data},
          {"score", headline->score},
          {"is_share", headline->is_share},
          {"routed", estimate_json(headline->routed)},
          {"full", estimate_json(headline->full)},
          {"lead", headline->lead ? estimate_json(*headline->lead) : nullptr},
          {"cost", rounded(headline->cost_fraction)},
          {"seconds_routed", rounded(headline->seconds_routed)},
          {"seconds_full", rounded(headline->seconds_full)}};
}

ordered_json epoch_json(const EpochRecord& epoch) {
  ordered_json samples = ordered_json::array(), task = ordered_json::array(), router = ordered_json::array();
  for (const WidthTraining& width : epoch.widths) {
    samples.push_back(width.samples);
    task.push_back(rounded(width.loss_task));
    router.push_back(rounded(width.loss_router));
  }
  ordered_json evaluations = ordered_json::array();
  for (const EvaluationRecord& evaluation : epoch.evaluations) {
    ordered_json sent = ordered_json::array();
    for (const WidthEvaluation& width : evaluation.widths) sent.push_back(width.samples);
    evaluations.push_back({{"name", evaluation.name},
                           {"routed", rounded(score_of(evaluation.routed))},
                           {"full", rounded(score_of(evaluation.full))},
                           {"cost", rounded(evaluation.cost_fraction)},
                           {"sent", std::move(sent)}});
  }
  return {{"epoch", epoch.epoch},
          {"full_width_only", epoch.full_width_only},
          {"best", epoch.best},
          {"steps", epoch.total_steps},
          {"learning_rate", rounded(epoch.learning_rate)},
          {"score", rounded(epoch.score)},
          {"loss_task", rounded(epoch.loss_task)},
          {"loss_router", rounded(epoch.loss_router)},
          {"samples_per_second", rounded(epoch.samples_per_second())},
          {"tokens_per_second", rounded(epoch.tokens_per_second())},
          {"samples", std::move(samples)},
          {"width_loss_task", std::move(task)},
          {"width_loss_router", std::move(router)},
          {"transitions", epoch.transitions},
          {"evaluations", std::move(evaluations)}};
}

ordered_json calibration_json(const EvaluationRecord& record) {
  ordered_json widths = ordered_json::array();
  for (const WidthEvaluation& width : record.widths) {
    ordered_json bins = ordered_json::array();
    for (const CalibrationBin& bin : width.calibration)
      bins.push_back({bin.low, bin.high, bin.samples, rounded(bin.predicted), rounded(bin.right)});
    widths.push_back({{"error", rounded(calibration_error(width.calibration))}, {"bins", std::move(bins)}});
  }
  return widths;
}

/// The points of an evaluation; where none were compared, those that its summary tells.
ordered_json points_json(const Headline& headline, const EvaluationRecord& record,
                         const std::vector<OperatingPoint>& points) {
  ordered_json list = ordered_json::array();
  for (const OperatingPoint& point : points)
    list.push_back({{"name", point.name},
                    {"series", point.series},
                    {"shares", rounded(point.shares)},
                    {"cost", rounded(point.cost_fraction)},
                    {"time", point.time_fraction ? rounded(*point.time_fraction) : nullptr},
                    {"score", estimate_json(point.score)},
                    {"lead", point.lead ? estimate_json(*point.lead) : nullptr}});
  if (!points.empty()) return list;
  list.push_back({{"name", "routed"},
                  {"series", "routed"},
                  {"shares", ordered_json::array()},
                  {"cost", rounded(record.cost_fraction)},
                  {"time", rounded(headline.seconds_routed / headline.seconds_full)},
                  {"score", estimate_json(headline.routed)},
                  {"lead", nullptr}});
  for (const WidthEvaluation& width : record.widths)
    list.push_back({{"name", "fixed " + short_number(width.width)},
                    {"series", "fixed"},
                    {"shares", ordered_json::array()},
                    {"cost", rounded(width.cost_fraction)},
                    {"time", nullptr},
                    {"score", {rounded(score_of(width.all)), nullptr, nullptr}},
                    {"lead", nullptr}});
  return list;
}

ordered_json latency_json(const EvaluationFile& evaluation) {
  const WidthSet widths(evaluation.config);
  ordered_json list = ordered_json::array();
  for (const LatencyRecord& record : evaluation.latency) {
    double cost = nan;
    for (const Width& width : widths)
      if (width.fraction() == record.width)
        cost = static_cast<double>(multiply_adds(evaluation.config, width, record.tokens)) /
               static_cast<double>(multiply_adds(evaluation.config, widths.widest(), record.tokens));
    list.push_back({{"width", record.width},
                    {"tokens", record.tokens},
                    {"batch", record.batch},
                    {"runs", record.runs},
                    {"seconds", rounded(record.seconds)},
                    {"low", rounded(record.low)},
                    {"high", rounded(record.high)},
                    {"cost", rounded(cost)}});
  }
  return list;
}

/// Indices in the data set's order.
std::vector<std::size_t> shown_samples(const EvaluationFile& evaluation, std::size_t most) {
  std::vector<std::size_t> order(evaluation.samples.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  if (order.size() <= most) return order;
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return hardness(evaluation.samples[a], evaluation.is_regression()) <
           hardness(evaluation.samples[b], evaluation.is_regression());
  });
  order.erase(order.begin() + static_cast<std::ptrdiff_t>(most / 2),
              order.end() - static_cast<std::ptrdiff_t>(most - most / 2));
  std::sort(order.begin(), order.end());
  return order;
}

ordered_json samples_json(const EvaluationFile& evaluation, std::size_t most) {
  ordered_json list = ordered_json::array();
  for (const std::size_t i : shown_samples(evaluation, most)) {
    const SampleResult& sample = evaluation.samples[i];
    ordered_json object = {{"text", sample.text}};
    if (sample.pair) object["pair"] = *sample.pair;
    if (sample.line > 0) object["line"] = sample.line;
    if (sample.difficulty) object["difficulty"] = *sample.difficulty;
    object["tokens"] = sample.tokens;
    object["truth"] = evaluation.is_regression() ? rounded(sample.target) : ordered_json(sample.label);
    object["width"] = sample.width;
    object["hardness"] = rounded(hardness(sample, evaluation.is_regression()));
    object["predicted"] = evaluation.is_regression() ? rounded(sample.values) : ordered_json(sample.predicted);
    if (!evaluation.is_regression()) object["confidence"] = rounded(sample.true_confidence);
    list.push_back(std::move(object));
  }
  return list;
}

ordered_json difficulty_json(const EvaluationFile& evaluation) {
  ordered_json levels = ordered_json::array();
  for (const DifficultyLevel& level : difficulty_levels_of(evaluation))
    levels.push_back({{"level", level.level},
                      {"samples", level.samples},
                      {"shares", rounded(level.shares)},
                      {"routed", rounded(level.routed)},
                      {"at_width", rounded(level.at_width)}});
  return levels;
}

ordered_json evaluation_json(const EvaluationFile& evaluation, const ReportOptions& options) {
  return {{"task", evaluation.task},
          {"is_regression", evaluation.is_regression()},
          {"labels", evaluation.labels},
          {"data", evaluation.data},
          {"policy", evaluation.policy},
          {"threads", evaluation.threads},
          {"has_router", evaluation.samples.empty() ? false : !evaluation.samples.front().router_logits.empty()},
          {"latency", latency_json(evaluation)},
          {"need", evaluation.is_regression() ? ordered_json::array() : ordered_json(need_against_choice(evaluation))},
          {"difficulty", difficulty_json(evaluation)},
          {"all_samples", evaluation.samples.size()},
          {"samples", samples_json(evaluation, options.samples)}};
}

ordered_json run_json(const RunFolder& run, const ReportOptions& options) {
  ordered_json json = {{"name", run.name}, {"folder", run.folder}};
  const EvaluationRecord* record = best_record(run);
  std::vector<double> widths, sent;
  if (record != nullptr)
    for (const WidthEvaluation& width : record->widths) widths.push_back(width.width);
  else
    for (const WidthTraining& width : run.epochs.front().widths) widths.push_back(width.width);
  json["widths"] = widths;
  json["headline"] = headline_json(run);
  json["sent"] = ordered_json::array();
  json["calibration"] = ordered_json::array();
  json["points"] = ordered_json::array();
  if (record != nullptr) {
    for (const WidthEvaluation& width : record->widths)
      json["sent"].push_back({{"samples", width.samples},
                              {"cost", rounded(width.cost_fraction)},
                              {"routed", rounded(score_of(width.routed))},
                              {"all", rounded(score_of(width.all))}});
    json["calibration"] = calibration_json(*record);
    json["points"] = points_json(*headline_of(run), *record,
                                 run.evaluation ? run.evaluation->points : std::vector<OperatingPoint>{});
  }
  json["epochs"] = ordered_json::array();
  for (const EpochRecord& epoch : run.epochs) json["epochs"].push_back(epoch_json(epoch));
  json["evaluation"] = run.evaluation ? evaluation_json(*run.evaluation, options) : nullptr;
  return json;
}

ordered_json settings_json(const std::vector<ComparedSetting>& settings) {
  ordered_json list = ordered_json::array();
  for (const ComparedSetting& setting : settings)
    list.push_back({{"key", setting.key}, {"values", setting.values}, {"differs", setting.differs}});
  return list;
}

}  // namespace

ordered_json page_data(std::span<const RunFolder> runs, const ReportOptions& options) {
  ordered_json list = ordered_json::array();
  for (const RunFolder& run : runs) list.push_back(run_json(run, options));
  return {{"version", version()},
          {"runs", std::move(list)},
          {"settings",
           {{"training", settings_json(training_settings(runs))}, {"model", settings_json(model_settings(runs))}}}};
}

}  // namespace sharcs::internal
