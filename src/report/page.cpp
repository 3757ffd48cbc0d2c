#include "report/page.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <numeric>

#include "core/number.hpp"
#include "data/metrics.hpp"
#include "eval/class_quality.hpp"
#include "eval/comparison.hpp"
#include "eval/difficulty.hpp"
#include "eval/evaluation_json.hpp"
#include "eval/recording_metrics.hpp"
#include "eval/reliability.hpp"
#include "eval/router_knowledge.hpp"
#include "report/findings.hpp"
#include "report/run_folder.hpp"
#include "sharcs/error.hpp"
#include "sharcs/model.hpp"

namespace sharcs::internal {
namespace {

using nlohmann::ordered_json;

/// Five significant digits are more than a plot shows.
ordered_json rounded(double value) {
  if (!std::isfinite(value)) return nullptr;
  return std::strtod(fmt::format("{:.5g}", value).c_str(), nullptr);
}

ordered_json rounded(const std::vector<double>& values) {
  ordered_json list = ordered_json::array();
  for (const double value : values) list.push_back(rounded(value));
  return list;
}

double rounded_number(double value) {
  const ordered_json number = rounded(value);
  return number.is_null() ? nan : number.get<double>();
}

ordered_json rounded(const Estimate& estimate) {
  return estimate_json({rounded_number(estimate.value),
                        {rounded_number(estimate.interval.low), rounded_number(estimate.interval.high)}});
}

ordered_json headline_json(const RunFolder& run) {
  const std::optional<Headline> headline = headline_of(run);
  if (!headline) return nullptr;
  return {{"data", headline->data},
          {"score", headline->score},
          {"is_share", headline->is_share},
          {"routed", rounded(headline->routed)},
          {"full", rounded(headline->full)},
          {"lead", headline->lead ? rounded(*headline->lead) : nullptr},
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
  for (const Evaluation& evaluation : epoch.evaluations) {
    ordered_json sent = ordered_json::array();
    for (const AnswerMetrics& width : evaluation.answers) sent.push_back(width.samples);
    evaluations.push_back({{"name", evaluation.name},
                           {"routed", rounded(score(evaluation.routed))},
                           {"full", rounded(score(evaluation.full))},
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

ordered_json reliability_json(const Evaluation& evaluation) {
  ordered_json widths = ordered_json::array();
  for (const AnswerMetrics& width : evaluation.answers) {
    ordered_json bins = ordered_json::array();
    for (const ReliabilityBin& bin : width.reliability)
      bins.push_back({bin.low, bin.high, bin.samples, rounded(bin.predicted), rounded(bin.right)});
    widths.push_back({{"error", rounded(reliability_error(width.reliability))}, {"bins", std::move(bins)}});
  }
  return widths;
}

ordered_json points_json(const std::vector<OperatingPoint>& points) {
  const std::vector<bool> is_on_front = on_front(points);
  ordered_json list = ordered_json::array();
  for (std::size_t i = 0; i < points.size(); ++i) {
    const OperatingPoint& point = points[i];
    list.push_back({{"name", point.name},
                    {"series", point.series},
                    {"shares", rounded(point.shares)},
                    {"cost", rounded(point.cost_fraction)},
                    {"time", point.time_fraction ? rounded(*point.time_fraction) : nullptr},
                    {"score", rounded(point.score)},
                    {"lead", point.lead ? rounded(*point.lead) : nullptr},
                    {"on_front", bool{is_on_front[i]}}});
  }
  return list;
}

ordered_json latency_json(const RecordedEvaluation& recorded) {
  const ModelConfig& config = recorded.recording.config;
  const WidthSet widths(config);
  ordered_json list = ordered_json::array();
  for (const Latency& latency : recorded.latency) {
    double cost = nan;
    for (const Width& width : widths)
      if (width.fraction() == latency.width)
        cost = static_cast<double>(multiply_adds(config, width, latency.tokens)) /
               static_cast<double>(multiply_adds(config, widths.widest(), latency.tokens));
    list.push_back({{"width", latency.width},
                    {"tokens", latency.tokens},
                    {"batch", latency.batch},
                    {"runs", latency.runs},
                    {"seconds", rounded(latency.seconds)},
                    {"low", rounded(latency.low)},
                    {"high", rounded(latency.high)},
                    {"cost", rounded(cost)}});
  }
  return list;
}

ordered_json calls_json(const std::vector<CallTimes>& calls) {
  ordered_json list = ordered_json::array();
  for (const CallTimes& times : calls) list.push_back(call_times_json(times));
  return list;
}

/// Indices in the data set's order.
std::vector<std::size_t> shown_samples(const Recording& recording, std::size_t most) {
  std::vector<std::size_t> order(recording.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  if (order.size() <= most) return order;
  std::ranges::stable_sort(order, {}, [&](std::size_t i) { return router_margin(recording, i); });
  order.erase(order.begin() + static_cast<std::ptrdiff_t>(most / 2),
              order.end() - static_cast<std::ptrdiff_t>(most - most / 2));
  std::ranges::sort(order);
  return order;
}

/// A regression's numbers for a sample: a list, or where there is one that.
template <class Value>
ordered_json rounded_values(std::span<const Value> values) {
  if (values.size() == 1) return rounded(static_cast<double>(values.front()));
  ordered_json list = ordered_json::array();
  for (const Value value : values) list.push_back(rounded(static_cast<double>(value)));
  return list;
}

ordered_json sample_json(const RecordedEvaluation& recorded, std::size_t i) {
  const Recording& recording = recorded.recording;
  const Sample& sample = recording.samples[i];
  ordered_json object = {{"text", sample.text}};
  if (sample.pair) object["pair"] = *sample.pair;
  if (sample.line > 0) object["line"] = sample.line;
  if (sample.difficulty) object["difficulty"] = *sample.difficulty;
  object["tokens"] = recording.tokens[i];
  object["truth"] = recording.is_regression()  ? rounded_values(recording.targets_of(i))
                    : recording.labels_words() ? ordered_json(truth_of(recording, i, ", "))
                                               : ordered_json(recording.labels[i]);
  object["width_index"] = recorded.answer_of_sample[i];
  object["router_margin"] = rounded(router_margin(recording, i));
  object["predicted"] = ordered_json::array();
  for (int answer = 0; answer <= recording.full_width(); ++answer) {
    object["predicted"].push_back(recording.is_regression()  ? rounded_values(recording.logits_of(i, answer))
                                  : recording.labels_words() ? ordered_json(said_of(recording, i, answer, ", "))
                                                             : ordered_json(recording.label_of(i, answer)));
    if (!recording.is_regression()) object["confidence"].push_back(rounded(true_probability(recording, i, answer)));
    if (recording.finds_answers() || recording.fills_masks()) object["right"].push_back(is_right(recording, i, answer));
  }
  return object;
}

ordered_json difficulty_json(const RecordedEvaluation& recorded) {
  ordered_json levels = ordered_json::array();
  const std::optional<Difficulty> difficulty = difficulty_of(recorded.recording, recorded.answer_of_sample);
  if (!difficulty) return levels;
  for (const DifficultyLevel& level : difficulty->levels)
    levels.push_back({{"level", level.level},
                      {"samples", level.samples},
                      {"shares", rounded(level.shares)},
                      {"routed", rounded(level.routed)},
                      {"at_width", rounded(level.at_width)}});
  return levels;
}

ordered_json knowledge_json(const Recording& recording) {
  ordered_json list = ordered_json::array();
  for (const RouterKnowledge& known : router_knowledge(recording))
    list.push_back({{"width", known.width},
                    {"right", rounded(known.right)},
                    {"router", rounded(known.router)},
                    {"confidence", rounded(known.confidence)},
                    {"length", rounded(known.length)}});
  return list;
}

/// Precision and recall of each class; of those that occur among the labels or answers.
ordered_json classes_json(const RecordedEvaluation& recorded) {
  ordered_json list = ordered_json::array();
  const std::vector<ClassQuality> classes = class_qualities(recorded.recording, recorded.answer_of_sample);
  const std::vector<std::string> names = quality_names(recorded.recording);
  for (std::size_t c = 0; c < classes.size(); ++c)
    if (classes[c].samples + classes[c].predicted > 0)
      list.push_back({{"name", names[c]},
                      {"samples", classes[c].samples},
                      {"predicted", classes[c].predicted},
                      {"precision", rounded(classes[c].precision())},
                      {"recall", rounded(classes[c].recall())},
                      {"f1", rounded(classes[c].f1())}});
  return list;
}

/// Of as many classes as fit a page.
ordered_json confusion_json(const RecordedEvaluation& recorded) {
  constexpr std::size_t most = 20;
  if (recorded.recording.outputs > most) return ordered_json::array();
  return confusion_matrix(recorded.recording, recorded.answer_of_sample);
}

ordered_json recorded_json(const RecordedEvaluation& recorded, const ReportOptions& options) {
  const Recording& recording = recorded.recording;
  ordered_json samples = ordered_json::array();
  for (const std::size_t i : shown_samples(recording, options.samples)) samples.push_back(sample_json(recorded, i));
  return {{"task", recording.task},
          {"is_regression", recording.is_regression()},
          {"is_multi_label", recording.is_multi_label()},
          {"labels", recording.classes},
          {"data", recording.data},
          {"classes", classes_json(recorded)},
          {"confusion", confusion_json(recorded)},
          {"policy", recorded.policy},
          {"threads", recorded.threads},
          {"has_router", !recording.router_logits.empty()},
          {"knowledge", knowledge_json(recording)},
          {"latency", latency_json(recorded)},
          {"calls", calls_json(recorded.calls)},
          {"need", recording.is_regression() ? ordered_json::array() : ordered_json(need_against_choice(recorded))},
          {"difficulty", difficulty_json(recorded)},
          {"all_samples", recording.size()},
          {"samples", std::move(samples)}};
}

ordered_json run_json(const RunFolder& run, const ReportOptions& options) {
  ordered_json json = {{"name", run.name}, {"folder", run.folder}};
  const Evaluation* evaluation = best_evaluation(run);
  std::vector<double> widths;
  std::vector<std::string> answers;
  if (evaluation != nullptr)
    for (const AnswerMetrics& answer : evaluation->answers) {
      answers.push_back(answer.name);
      if (!answer.name.starts_with("exit ")) widths.push_back(answer.width);
    }
  else
    for (const WidthTraining& width : run.epochs.front().widths) {
      widths.push_back(width.width);
      answers.push_back(short_number(width.width));
    }
  json["widths"] = widths;
  json["answers"] = answers;
  json["headline"] = headline_json(run);
  json["sent"] = ordered_json::array();
  json["reliability"] = ordered_json::array();
  json["points"] = ordered_json::array();
  if (evaluation != nullptr) {
    for (const AnswerMetrics& width : evaluation->answers)
      json["sent"].push_back({{"samples", width.samples},
                              {"cost", rounded(width.cost_fraction)},
                              {"routed", rounded(score(width.routed))},
                              {"all", rounded(score(width.all))}});
    json["reliability"] = reliability_json(*evaluation);
    json["points"] = points_json(points_of(run, *headline_of(run)));
  }
  json["epochs"] = ordered_json::array();
  for (const EpochRecord& epoch : run.epochs) json["epochs"].push_back(epoch_json(epoch));
  json["recorded"] = run.recorded ? recorded_json(*run.recorded, options) : nullptr;
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
