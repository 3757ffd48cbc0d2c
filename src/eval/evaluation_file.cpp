#include "sharcs/evaluation_file.hpp"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "core/json_fields.hpp"
#include "core/json_reader.hpp"
#include "eval/evaluation_record_json.hpp"
#include "io/file.hpp"
#include "sharcs/error.hpp"
#include "sharcs/version.hpp"

namespace sharcs {
using namespace internal;
namespace {

using nlohmann::json;
using nlohmann::ordered_json;

std::string text_of(const ordered_json& value) {
  return value.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
}

double six_decimals(double value) { return std::round(value * 1e6) / 1e6; }

std::vector<double> softmax(std::span<const float> logits) {
  const float greatest = *std::max_element(logits.begin(), logits.end());
  std::vector<double> probabilities;
  double sum = 0;
  for (const float logit : logits) sum += probabilities.emplace_back(std::exp(static_cast<double>(logit - greatest)));
  for (double& probability : probabilities) probability /= sum;
  return probabilities;
}

// From an evaluation.

SampleResult sample_result(const Sample& sample, const Answers& answers, std::size_t i, int width) {
  SampleResult result{.text = sample.text,
                      .pair = sample.pair,
                      .id = sample.id,
                      .line = static_cast<std::int64_t>(sample.line),
                      .difficulty = sample.difficulty,
                      .tokens = answers.tokens[i],
                      .label = answers.labels.empty() ? 0 : answers.labels[i],
                      .target = answers.targets.empty() ? 0 : answers.targets[i],
                      .width = width};
  for (const float logit : answers.router_logits_of(i)) result.router_logits.push_back(six_decimals(logit));
  for (int at = 0; at <= answers.widest(); ++at) {
    if (answers.labels.empty()) {
      result.values.push_back(six_decimals(answers.value_of(i, at)));
      continue;
    }
    const std::vector<double> probabilities = softmax(answers.logits_of(i, at));
    result.predicted.push_back(answers.label_of(i, at));
    result.confidence.push_back(six_decimals(probabilities[static_cast<std::size_t>(result.predicted.back())]));
    result.true_confidence.push_back(six_decimals(probabilities[static_cast<std::size_t>(result.label)]));
  }
  return result;
}

OperatingPoint point_of(std::string name, std::string series, const RoutingResult& result) {
  OperatingPoint point{.name = std::move(name),
                       .series = std::move(series),
                       .shares = result.shares,
                       .cost_fraction = result.cost_fraction,
                       .time_fraction = {},
                       .metrics = {},
                       .score = result.score,
                       .lead = {}};
  for (const MetricValue& metric : result.metrics) point.metrics[to_string(metric.metric)] = metric.value;
  return point;
}

// To JSON.

ordered_json numbers_json(const std::vector<double>& values) {
  ordered_json list = ordered_json::array();
  for (const double value : values) list.push_back(finite_or_null(value));
  return list;
}

ordered_json point_json(const OperatingPoint& point) {
  ordered_json object = {{"name", point.name},
                         {"series", point.series},
                         {"shares", numbers_json(point.shares)},
                         {"cost_fraction", finite_or_null(point.cost_fraction)}};
  if (point.time_fraction) object["time_fraction"] = finite_or_null(*point.time_fraction);
  object["metrics"] = metric_map_json(point.metrics);
  object["score"] = estimate_record_json(point.score);
  if (point.lead) object["lead"] = estimate_record_json(*point.lead);
  return object;
}

ordered_json latency_json(const LatencyRecord& record) {
  return {{"width", record.width},
          {"tokens", record.tokens},
          {"batch", record.batch},
          {"runs", record.runs},
          {"seconds", finite_or_null(record.seconds)},
          {"low", finite_or_null(record.low)},
          {"high", finite_or_null(record.high)}};
}

ordered_json sample_json(const SampleResult& sample, bool is_regression) {
  ordered_json object = {{"text", sample.text}};
  if (sample.pair) object["pair"] = *sample.pair;
  object["id"] = sample.id;
  object["line"] = sample.line;
  if (sample.difficulty) object["difficulty"] = *sample.difficulty;
  object["tokens"] = sample.tokens;
  if (is_regression)
    object["target"] = finite_or_null(sample.target);
  else
    object["label"] = sample.label;
  object["width"] = sample.width;
  object["router_logits"] = numbers_json(sample.router_logits);
  object["predicted"] = is_regression ? numbers_json(sample.values) : ordered_json(sample.predicted);
  object["confidence"] = numbers_json(sample.confidence);
  object["true_confidence"] = numbers_json(sample.true_confidence);
  return object;
}

/// A list with an element a line.
template <class Element, class ToJson>
std::string lines_of(const std::vector<Element>& elements, const ToJson& to_json_of) {
  std::string text = "[";
  for (const Element& element : elements) {
    text += text.size() > 1 ? ",\n  " : "\n  ";
    text += text_of(to_json_of(element));
  }
  return text + (elements.empty() ? "]" : "\n]");
}

// From JSON.

OperatingPoint read_point(const JsonFields& fields, std::size_t widths) {
  OperatingPoint point;
  point.name = fields.text("name");
  point.series = fields.text("series");
  point.shares = fields.numbers("shares", widths);
  point.cost_fraction = fields.number("cost_fraction");
  if (fields.has("time_fraction")) point.time_fraction = fields.number("time_fraction");
  point.metrics = read_metric_map(fields.object("metrics"));
  point.score = read_estimate(fields.object("score"));
  if (fields.has("lead")) point.lead = read_estimate(fields.object("lead"));
  return point;
}

LatencyRecord read_latency(const JsonFields& fields) {
  constexpr std::size_t end = 1u << 31;
  return {.width = fields.number("width"),
          .tokens = static_cast<int>(fields.index("tokens", end)),
          .batch = static_cast<int>(fields.index("batch", end)),
          .runs = static_cast<int>(fields.index("runs", end)),
          .seconds = fields.number("seconds"),
          .low = fields.number("low"),
          .high = fields.number("high")};
}

SampleResult read_sample(const JsonFields& fields, const EvaluationFile& file) {
  constexpr std::size_t end = 1u << 31;
  const std::size_t widths = file.widths.size();
  SampleResult sample;
  sample.text = fields.text("text");
  if (fields.has("pair")) sample.pair = fields.text("pair");
  sample.id = fields.text("id");
  sample.line = fields.count("line");
  if (fields.has("difficulty")) sample.difficulty = static_cast<int>(fields.index("difficulty", end));
  sample.tokens = static_cast<int>(fields.index("tokens", end));
  sample.width = static_cast<int>(fields.index("width", widths));
  sample.router_logits = fields.numbers("router_logits");
  if (!sample.router_logits.empty() && sample.router_logits.size() != widths)
    fields.fail("router_logits", "a list of " + std::to_string(widths) + ", or none");
  if (file.is_regression()) {
    sample.target = fields.number("target");
    sample.values = fields.numbers("predicted", widths);
  } else {
    sample.label = static_cast<int>(fields.index("label", file.labels.size()));
    sample.predicted = fields.indices("predicted", widths, file.labels.size());
    sample.confidence = fields.numbers("confidence", widths);
    sample.true_confidence = fields.numbers("true_confidence", widths);
  }
  return sample;
}

json parse_json(std::string_view text, const std::string& name) {
  try {
    return json::parse(text);
  } catch (const json::parse_error& error) {
    throw DataError(invalid_json(error, text, name));
  }
}

}  // namespace

std::vector<OperatingPoint> points_of(const Comparison& comparison) {
  std::vector<OperatingPoint> points = {point_of("routed", "routed", comparison.routing)};
  for (const BaselineResult& baseline : comparison.baselines) {
    points.push_back(point_of(baseline.name, to_string(baseline.baseline), baseline.result));
    points.back().lead = baseline.lead;
  }
  return points;
}

EvaluationFile EvaluationFile::of(const Evaluation& evaluation, const Task& task, const Dataset& dataset,
                                  const ModelConfig& config) {
  const Answers& answers = evaluation.answers;
  if (answers.samples() != dataset.size())
    throw ShapeError("an evaluation of " + std::to_string(answers.samples()) + " samples beside a data set of " +
                     std::to_string(dataset.size()));
  EvaluationFile file;
  file.version = sharcs::version();
  file.config = config;
  file.task = task.name();
  file.kind = task.kind();
  file.labels = task.labels();
  for (const Metric metric : task.metrics()) file.metrics.push_back(to_string(metric));
  file.data = dataset.file;
  file.widths = answers.widths;
  file.summary = evaluation.record;
  for (std::size_t i = 0; i < dataset.size(); ++i)
    file.samples.push_back(sample_result(dataset.samples[i], answers, i, evaluation.routing.width_of_sample[i]));
  return file;
}

std::string EvaluationFile::to_json() const {
  const ordered_json task_object = {
      {"name", task}, {"kind", to_string(kind)}, {"labels", labels}, {"metrics", metrics}};
  const auto sample_line = [this](const SampleResult& sample) { return sample_json(sample, is_regression()); };
  const std::pair<const char*, std::string> keys[] = {
      {"schema", std::to_string(schema)},
      {"sharcs", text_of(sharcs::version())},
      {"model", text_of(model)},
      {"config", text_of(ordered_json::parse(config.to_json()))},
      {"task", text_of(task_object)},
      {"data", text_of(data)},
      {"policy", text_of(policy)},
      {"threads", std::to_string(threads)},
      {"widths", text_of(numbers_json(widths))},
      {"summary", text_of(evaluation_record_json(summary))},
      {"points", lines_of(points, point_json)},
      {"latency", lines_of(latency, latency_json)},
      {"samples", lines_of(samples, sample_line)},
  };
  std::string text = "{";
  for (const auto& [key, value] : keys)
    text += (text.size() > 1 ? ",\n\"" : "\n\"") + std::string(key) + "\": " + value;
  return text + "\n}\n";
}

EvaluationFile EvaluationFile::parse(std::string_view text, const std::string& name) {
  const json parsed = parse_json(text, name);
  const JsonFields fields(parsed, name);
  if (const std::int64_t found = fields.count("schema"); found != schema)
    throw DataError(name + ": \"schema\" is " + std::to_string(found) + "; this program reads schema " +
                    std::to_string(schema));
  EvaluationFile file;
  file.version = fields.text("sharcs");
  file.model = fields.text("model");
  file.config = ModelConfig::parse(fields.object("config").whole().dump(), name + ": config");
  const JsonFields task = fields.object("task");
  file.task = task.text("name");
  const std::string kind = task.text("kind");
  if (kind == to_string(TaskKind::regression))
    file.kind = TaskKind::regression;
  else if (kind != to_string(TaskKind::classification))
    task.fail("kind", "\"classification\" or \"regression\"");
  file.labels = task.texts("labels");
  file.metrics = task.texts("metrics");
  if (file.metrics.empty()) task.fail("metrics", "at least one name");
  file.data = fields.text("data");
  file.policy = fields.text("policy");
  file.threads = static_cast<int>(fields.index("threads", 1u << 31));
  file.widths = fields.numbers("widths");
  if (file.widths.empty() || !std::is_sorted(file.widths.begin(), file.widths.end()))
    fields.fail("widths", "ascending fractions");
  file.summary = read_evaluation_record(fields.object("summary"));
  if (file.summary.widths.size() != file.widths.size())
    throw DataError(name + ": \"summary.widths\" has " + std::to_string(file.summary.widths.size()) +
                    " entries; expected " + std::to_string(file.widths.size()));
  file.points = fields.each("points", [&](const JsonFields& point) { return read_point(point, file.widths.size()); });
  file.latency = fields.each("latency", read_latency);
  file.samples = fields.each("samples", [&](const JsonFields& sample) { return read_sample(sample, file); });
  return file;
}

EvaluationFile EvaluationFile::load(const std::filesystem::path& file) {
  return parse(read_text_file(file), file.string());
}

void EvaluationFile::save(const std::filesystem::path& file) const { write_file_atomically(file, to_json()); }

}  // namespace sharcs
