#include "eval/recorded_evaluation.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <iterator>
#include <nlohmann/json.hpp>
#include <optional>

#include "core/number.hpp"
#include "core/quote.hpp"
#include "data/metrics.hpp"
#include "eval/evaluation_json.hpp"
#include "eval/recording_metrics.hpp"
#include "io/file.hpp"
#include "io/json_cursor.hpp"
#include "model/answers.hpp"
#include "model/length_cost.hpp"
#include "model/mask_guess.hpp"
#include "model/predicted_label.hpp"
#include "model/task_names.hpp"
#include "model/task_spec_json.hpp"
#include "model/window_answer.hpp"
#include "sharcs/error.hpp"

namespace sharcs {
using namespace internal;
namespace {

using nlohmann::ordered_json;

/// A file of schema 1 has two probabilities of a sample, from which the logits of all classes are made.
constexpr std::size_t most_classes_of_first_schema = 100;
/// Of an input whose time was taken: longer than all that encoders read, and its multiply-adds fit into 64 bits.
constexpr int most_tokens = 1 << 16;

std::string text_of(const ordered_json& value) {
  return value.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
}

// To JSON.

ordered_json numbers_json(const std::vector<double>& values) {
  ordered_json list = ordered_json::array();
  for (const double value : values) list.push_back(finite_or_null(value));
  return list;
}

/// The shortest decimal number that is read as this float: 0.1, and not 0.10000000149011612.
ordered_json shortest(float value) {
  if (!std::isfinite(value)) return nullptr;
  char text[32];
  const char* const end = std::to_chars(text, std::end(text), value).ptr;
  double decimal = 0;
  std::from_chars(text, end, decimal);
  return decimal;
}

ordered_json logits_json(std::span<const float> logits) {
  ordered_json list = ordered_json::array();
  for (const float logit : logits) list.push_back(shortest(logit));
  return list;
}

ordered_json cost_json(const LengthCost& cost) { return numbers_of(cost); }

ordered_json answer_json(const RecordedAnswer& answer) {
  ordered_json object = {{"name", answer.name}, {"width", answer.width}};
  if (answer.exit_layer > 0) object["exit_layer"] = answer.exit_layer;
  object["cost"] = cost_json(answer.cost);
  object["path"] = cost_json(answer.path);
  object["seconds"] = finite_or_null(answer.seconds);
  return object;
}

ordered_json point_json(const OperatingPoint& point) {
  ordered_json object = {{"name", point.name},
                         {"series", point.series},
                         {"shares", numbers_json(point.shares)},
                         {"cost_fraction", finite_or_null(point.cost_fraction)}};
  if (point.time_fraction) object["time_fraction"] = finite_or_null(*point.time_fraction);
  object["metrics"] = metric_map_json(point.metrics);
  object["score"] = estimate_json(point.score);
  if (point.lead) object["lead"] = estimate_json(*point.lead);
  return object;
}

ordered_json latency_json(const Latency& latency) {
  return {{"width", latency.width},
          {"tokens", latency.tokens},
          {"batch", latency.batch},
          {"runs", latency.runs},
          {"seconds", finite_or_null(latency.seconds)},
          {"low", finite_or_null(latency.low)},
          {"high", finite_or_null(latency.high)}};
}

ordered_json sample_json(const Recording& recording, std::size_t i, int answer_of_sample) {
  const Sample& sample = recording.samples[i];
  ordered_json object = {{"text", sample.text}};
  if (sample.pair) object["pair"] = *sample.pair;
  object["id"] = sample.id;
  object["line"] = sample.line;
  if (sample.difficulty) object["difficulty"] = *sample.difficulty;
  object["tokens"] = recording.tokens[i];
  if (recording.is_regression() && recording.outputs > 1)
    object["targets"] = numbers_json({recording.targets_of(i).begin(), recording.targets_of(i).end()});
  else if (recording.is_regression())
    object["target"] = finite_or_null(recording.targets[i]);
  else if (recording.finds_answers()) {
    object["question"] = recording.questions[i];
    object["window"] = sample.window.value_or(0);
    object["answers"] = ordered_json::array();
    if (sample.answers)
      for (const TextRange& range : *sample.answers) object["answers"].push_back({range.begin, range.end});
    object["label"] = recording.labels[i];
    for (const RecordedAnswer& answer : recording.answers) object["texts"].push_back(answer.texts[i]);
  } else if (recording.labels_words()) {
    object["words"] = sample.words;
    object["tags"] = recording.true_tags_of(i);
    for (const RecordedAnswer& answer : recording.answers)
      if (recording.fills_masks()) object["texts"].push_back(answer.texts[i]);
  } else if (recording.is_multi_label())
    object["labels"] = labels_in_set(recording.labels[i]);
  else
    object["label"] = recording.labels[i];
  object["answer"] = answer_of_sample;
  object["router_logits"] = logits_json(recording.router_logits_of(i));
  object["logits"] = ordered_json::array();
  for (int answer = 0; answer <= recording.full_width(); ++answer)
    object["logits"].push_back(logits_json(recording.logits_of(i, answer)));
  for (const RecordedAnswer& answer : recording.answers)
    if (!answer.scores.empty()) object["scores"].push_back(shortest(answer.scores[i]));
  return object;
}

/// A list with an element a line.
std::string lines_of(const std::vector<ordered_json>& elements) {
  std::string text = "[";
  for (const ordered_json& element : elements) {
    text += text.size() > 1 ? ",\n  " : "\n  ";
    text += text_of(element);
  }
  return text + (elements.empty() ? "]" : "\n]");
}

template <class Element>
std::vector<ordered_json> json_of_each(const std::vector<Element>& elements, ordered_json to_json(const Element&)) {
  std::vector<ordered_json> list;
  for (const Element& element : elements) list.push_back(to_json(element));
  return list;
}

// From JSON.

OperatingPoint read_point(const JsonCursor& fields, std::size_t answers) {
  OperatingPoint point;
  point.name = fields["name"].get<std::string>();
  point.series = fields["series"].get<std::string>();
  point.shares = fields["shares"].of_size(answers).each(&JsonCursor::number_or_nan);
  point.cost_fraction = fields["cost_fraction"].number_or_nan();
  if (fields["time_fraction"].exists()) point.time_fraction = fields["time_fraction"].number_or_nan();
  point.metrics = read_metric_map(fields["metrics"]);
  point.score = read_estimate(fields["score"]);
  if (fields["lead"].exists()) point.lead = read_estimate(fields["lead"]);
  return point;
}

Latency read_latency(const JsonCursor& fields, const std::vector<double>& widths) {
  constexpr NumberRange duration = {.least = 0};
  const JsonCursor width = fields["width"];
  const auto fraction = width.get<double>();
  if (std::ranges::find(widths, fraction) == widths.end()) width.fail("one of the recording's widths");
  const auto tokens = fields["tokens"].get<int>({.least = 0});
  if (tokens > most_tokens) fields["tokens"].fail("at most " + std::to_string(most_tokens));
  return {.width = fraction,
          .tokens = tokens,
          .batch = fields["batch"].get<int>({.least = 0}),
          .runs = fields["runs"].get<int>({.least = 0}),
          .seconds = fields["seconds"].get<double>(duration),
          .low = fields["low"].get<double>(duration),
          .high = fields["high"].get<double>(duration)};
}

LengthCost read_cost(const JsonCursor& cost) {
  return cost_of_numbers(cost.of_size(cost.size() == 5 ? 5 : 3).each(&JsonCursor::number_or_nan));
}

void append(std::vector<float>& logits, const std::vector<double>& values) {
  for (const double value : values) logits.push_back(static_cast<float>(value));
}

/// What is known of a window, the last of the samples.
void read_window(const JsonCursor& fields, Recording& recording) {
  Sample& sample = recording.samples.back();
  const std::string context = sample.pair.value_or("");
  sample.question = fields["question"].get<std::size_t>({.least = 0});
  sample.window = fields["window"].get<std::size_t>({.least = 0});
  recording.questions.push_back(sample.question);
  sample.answers = fields["answers"].each([&](const JsonCursor& range) {
    const auto ends = range.of_size(2).get<std::vector<std::size_t>>({.least = 0});
    if (ends[0] > ends[1] || ends[1] > context.size())
      range.fail("two places in the pair's " + std::to_string(context.size()) + " bytes, ascending");
    return TextRange{ends[0], ends[1]};
  });
  recording.labels.push_back(fields["label"].get<int>({.least = 0, .greatest = 2}));
  const auto texts = fields["texts"].of_size(recording.answers.size()).get<std::vector<std::string>>();
  for (std::size_t answer = 0; answer < texts.size(); ++answer)
    recording.answers[answer].texts.push_back(texts[answer]);
}

/// What both schemas say of a sample.
void read_sample_facts(const JsonCursor& fields, Recording& recording) {
  Sample& sample = recording.samples.emplace_back();
  sample.text = fields["text"].get<std::string>();
  if (fields["pair"].exists()) sample.pair = fields["pair"].get<std::string>();
  sample.id = fields["id"].get<std::string>();
  sample.line = fields["line"].get<std::size_t>({.least = 0});
  if (fields["difficulty"].exists()) sample.difficulty = fields["difficulty"].get<int>({.least = 0});
  recording.tokens.push_back(fields["tokens"].get<std::int32_t>({.least = 0}));
  if (recording.is_regression()) {
    if (recording.outputs > 1)
      sample.targets = fields["targets"].of_size(recording.outputs).each(&JsonCursor::number_or_nan);
    else
      sample.targets = {fields["target"].number_or_nan()};
    std::ranges::copy(sample.targets, std::back_inserter(recording.targets));
  } else if (recording.finds_answers()) {
    read_window(fields, recording);
  } else if (recording.labels_words()) {
    sample.words = fields["words"].get<std::vector<std::string>>();
    const auto tags = fields["tags"].get<std::vector<int>>(
        below(recording.fills_masks() ? static_cast<std::size_t>(recording.config.vocab_size) : recording.outputs));
    if (recording.fills_masks()) {
      const auto texts = fields["texts"].of_size(recording.answers.size()).get<std::vector<std::string>>();
      for (std::size_t answer = 0; answer < texts.size(); ++answer)
        recording.answers[answer].texts.push_back(texts[answer]);
    }
    if (tags.empty() || tags.size() > sample.words.size())
      fields["tags"].fail("one for each word that the model reads, at least one and at most " +
                          std::to_string(sample.words.size()));
    recording.labels.insert(recording.labels.end(), tags.begin(), tags.end());
    if (recording.first_words.empty()) recording.first_words.push_back(0);
    recording.first_words.push_back(recording.labels.size());
  } else if (recording.is_multi_label()) {
    int set = 0;
    for (const int label : fields["labels"].get<std::vector<int>>(below(recording.outputs))) set |= 1 << label;
    sample.label = set;
    recording.labels.push_back(set);
  } else {
    sample.label = fields["label"].get<int>(below(recording.outputs));
    recording.labels.push_back(*sample.label);
  }
  const std::vector<double> router_logits = fields["router_logits"].each(&JsonCursor::number_or_nan);
  const std::size_t expected = recording.size() > 1 && recording.router_logits.empty() ? 0 : recording.widths().size();
  if (router_logits.size() != expected && !(recording.size() == 1 && router_logits.empty()))
    fields["router_logits"].fail(expected == 0 ? "none, as for the samples before"
                                               : "a list of " + std::to_string(expected) + ", or none");
  append(recording.router_logits, router_logits);
}

/// From schema 2 on: a list of logits for each answer.
void read_logits(const JsonCursor& sample, Recording& recording) {
  const JsonCursor logits = sample["logits"];
  logits.of_size(recording.answers.size());
  if (recording.finds_answers()) {
    constexpr double most_rows = most_tokens;
    for (std::size_t answer = 0; answer < recording.answers.size(); ++answer) {
      const JsonCursor row = logits.element(answer);
      const auto numbers = row.of_size(WindowAnswer::numbers).get<std::vector<double>>();
      for (const double place : {numbers[0], numbers[1]})
        if (!(place >= 0 && place <= most_rows))
          row.fail("rows from 0 to " + std::to_string(most_tokens) + " in front");
      append(recording.answers[answer].logits, numbers);
    }
    return;
  }
  const std::size_t rows =
      recording.labels_words() ? recording.true_tags_of(recording.first_words.size() - 2).size() : 1;
  for (std::size_t answer = 0; answer < recording.answers.size(); ++answer)
    append(recording.answers[answer].logits,
           logits.element(answer).of_size(rows * recording.outputs).each(&JsonCursor::number_or_nan));
  if (recording.fills_masks())
    for (std::size_t answer = 0; answer < recording.answers.size(); ++answer) {
      const std::vector<float>& all = recording.answers[answer].logits;
      for (std::size_t at = all.size() - rows * MaskGuess::numbers; at < all.size(); at += MaskGuess::numbers)
        if (!(all[at] >= 0 && all[at] < static_cast<float>(recording.config.vocab_size)) || !(all[at + 1] <= 0) ||
            !(all[at + 2] <= 0))
          logits.element(answer).fail("a token of the vocabulary and two logarithms of probabilities for each mask");
    }
  if (!sample["scores"].exists()) return;
  const auto exits = static_cast<std::size_t>(
      std::ranges::count_if(recording.answers, [](const RecordedAnswer& answer) { return answer.exit_layer > 0; }));
  const std::vector<double> scores = sample["scores"].of_size(exits).each(&JsonCursor::number_or_nan);
  auto score = scores.begin();
  for (RecordedAnswer& answer : recording.answers)
    if (answer.exit_layer > 0) answer.scores.push_back(static_cast<float>(*score++));
}

/// Schema 1: makes logits of the probabilities of the predicted and of the true class.
void read_probabilities(const JsonCursor& fields, Recording& recording) {
  const std::size_t widths = recording.answers.size();
  if (recording.is_regression()) {
    const std::vector<double> values = fields["predicted"].of_size(widths).each(&JsonCursor::number_or_nan);
    for (std::size_t w = 0; w < widths; ++w) append(recording.answers[w].logits, {values[w]});
    return;
  }
  const auto predicted = fields["predicted"].of_size(widths).get<std::vector<int>>(below(recording.outputs));
  const std::vector<double> confidence = fields["confidence"].of_size(widths).each(&JsonCursor::number_or_nan);
  const std::vector<double> true_confidence =
      fields["true_confidence"].of_size(widths).each(&JsonCursor::number_or_nan);
  const auto label = static_cast<std::size_t>(recording.labels.back());
  for (std::size_t w = 0; w < widths; ++w) {
    const auto winner = static_cast<std::size_t>(predicted[w]);
    // Rounding must not let another class win.
    const double highest = std::nextafter(static_cast<float>(confidence[w]), 0.0f), lowest = 1e-7;
    const double rest = 1 - confidence[w] - (winner == label ? 0 : true_confidence[w]);
    const std::size_t others = recording.outputs - (winner == label ? 1 : 2);
    std::vector<double> probabilities(
        recording.outputs,
        std::min(highest, std::max(lowest, rest / static_cast<double>(std::max<std::size_t>(others, 1)))));
    probabilities[label] = std::min(highest, std::max(lowest, true_confidence[w]));
    probabilities[winner] = confidence[w];
    for (double& probability : probabilities) probability = std::log(probability);
    append(recording.answers[w].logits, probabilities);
  }
}

/// Schema 1 has widths in place of answers.
std::vector<RecordedAnswer> read_widths(const JsonCursor& fractions, const ModelConfig& config) {
  std::vector<RecordedAnswer> answers;
  const WidthSet widths(config);
  for (const double fraction : fractions.each(&JsonCursor::number_or_nan)) {
    RecordedAnswer& answer = answers.emplace_back();
    answer.name = short_number(fraction);
    answer.width = fraction;
    for (const Width& width : widths)
      if (width.fraction() == fraction) answer.cost = multiply_adds_by_length(config, width);
    answer.path = stem_multiply_adds_by_length(config);
  }
  if (answers.empty() || !std::ranges::is_sorted(answers, {}, &RecordedAnswer::width))
    fractions.fail("ascending fractions");
  return answers;
}

/// `shared_cost`: of schema 2, the path of all answers.
std::vector<RecordedAnswer> read_answers(const JsonCursor& list, const std::optional<LengthCost>& shared_cost) {
  std::vector<RecordedAnswer> answers = list.each([&](const JsonCursor& answer) {
    return RecordedAnswer{.name = answer["name"].get<std::string>(),
                          .width = answer["width"].number_or_nan(),
                          .exit_layer = answer["exit_layer"].get_or(0, {.least = 0, .greatest = 1 << 16}),
                          .cost = read_cost(answer["cost"]),
                          .path = shared_cost ? *shared_cost : read_cost(answer["path"]),
                          .logits = {},
                          .scores = {},
                          .seconds = answer["seconds"].number_or_nan()};
  });
  std::vector<double> widths;
  for (const RecordedAnswer& answer : answers)
    if (answer.exit_layer == 0) widths.push_back(answer.width);
  if (answers.empty() || answers.size() > 64 || answers.back().exit_layer > 0 || !std::ranges::is_sorted(widths))
    list.fail("1 to 64 answers of ascending widths, the last of them no exit");
  return answers;
}

void read_task(const JsonCursor& task, Recording& recording) {
  task.object();
  recording.task = task["name"].get<std::string>();
  recording.classes = task["labels"].get<std::vector<std::string>>();
  const auto kind = task["kind"].get<TaskKind>();
  const bool one_number = kind == TaskKind::regression && !recording.config.multi_output;
  recording.outputs = kind == TaskKind::masked_lm ? MaskGuess::numbers : one_number ? 1 : recording.classes.size();
  if (recording.outputs == 0) task["labels"].fail("at least one name");
  if (recording.config.multi_output && (kind != TaskKind::regression || recording.outputs < 2))
    task["kind"].refuse("is " + quote(to_string(kind)) + " with " + std::to_string(recording.outputs) +
                        " labels; the model is a regression with several numbers for a text");
  if (!fits(kind, recording.config))
    task["kind"].refuse("is " + quote(to_string(kind)) + "; the model labels " + what_is_labelled(recording.config));
  if ((recording.config.labels_tokens() || kind == TaskKind::masked_lm) && recording.classes != recording.config.labels)
    task["labels"].fail("those of the model");
  if ((kind == TaskKind::multi_label) != recording.config.multi_label)
    task["kind"].refuse("is " + quote(to_string(kind)) + "; the model's \"problem_type\" says otherwise");
  if (recording.is_multi_label() && recording.outputs > most_labels_in_set)
    task["labels"].refuse("has " + std::to_string(recording.outputs) + " labels; expected at most " +
                          std::to_string(most_labels_in_set));
  recording.metrics = task["metrics"].each(read_metric);
  if (recording.metrics.empty()) task["metrics"].fail("at least one name");
  const auto is_of_tokens = [](TaskKind each) {
    return each == TaskKind::token_classification || each == TaskKind::question_answering ||
           each == TaskKind::masked_lm;
  };
  for (const Metric metric : recording.metrics)
    if (const TaskKind of_metric = MetricDefinition::of(metric).kind();
        of_metric != kind && (is_of_tokens(kind) || is_of_tokens(of_metric)))
      task["metrics"].refuse("has " + quote(to_string(metric)) + "; expected metrics of a " + to_string(kind));
}

}  // namespace

std::string RecordedEvaluation::to_json() const {
  const ordered_json task = {{"name", recording.task},
                             {"kind", to_string(recording.is_regression()    ? TaskKind::regression
                                                : recording.is_multi_label() ? TaskKind::multi_label
                                                : recording.finds_answers()  ? TaskKind::question_answering
                                                : recording.fills_masks()    ? TaskKind::masked_lm
                                                : recording.labels_words()   ? TaskKind::token_classification
                                                                             : TaskKind::classification)},
                             {"labels", recording.classes},
                             {"metrics", [&] {
                                std::vector<std::string> names;
                                for (const Metric metric : recording.metrics) names.push_back(to_string(metric));
                                return names;
                              }()}};
  std::vector<ordered_json> samples;
  for (std::size_t i = 0; i < recording.size(); ++i) samples.push_back(sample_json(recording, i, answer_of_sample[i]));
  const std::pair<const char*, std::string> keys[] = {
      {"schema", std::to_string(schema)},
      {"sharcs", text_of(sharcs::version())},
      {"model", text_of(recording.model)},
      {"config", text_of(ordered_json::parse(recording.config.to_json()))},
      {"task", text_of(task)},
      {"data", text_of(recording.data)},
      {"threads", std::to_string(threads)},
      {"answers", lines_of(json_of_each(recording.answers, answer_json))},
      {"policy", text_of(policy)},
      {"evaluation", text_of(evaluation_json(evaluation))},
      {"points", lines_of(json_of_each(points, point_json))},
      {"latency", lines_of(json_of_each(latency, latency_json))},
      {"calls", lines_of(json_of_each(calls, call_times_json))},
      {"samples", lines_of(samples)},
  };
  std::string text = "{";
  for (const auto& [key, value] : keys)
    text += (text.size() > 1 ? ",\n\"" : "\n\"") + std::string(key) + "\": " + value;
  return text + "\n}\n";
}

RecordedEvaluation RecordedEvaluation::parse(std::string_view text, const std::string& name) {
  const JsonCursor fields = JsonCursor::parse(text, name, JsonKind::data);
  const int found = fields["schema"].get<int>({.least = 0});
  if (found < 1 || found > schema)
    fields["schema"].refuse("is " + std::to_string(found) + "; this program reads schemas 1 to " +
                            std::to_string(schema));
  const bool is_first_schema = found == 1;
  RecordedEvaluation file;
  Recording& recording = file.recording;
  file.version = fields["sharcs"].get<std::string>();
  recording.model = fields["model"].get<std::string>();
  recording.config = ModelConfig::parse(fields["config"].object().dump(), name + ": config");
  read_task(fields["task"], recording);
  recording.data = fields["data"].get<std::string>();
  file.threads = fields["threads"].get<int>({.least = 0});
  file.policy = fields["policy"].get<std::string>();
  if (is_first_schema && recording.labels_words())
    fields["task"]["kind"].refuse("is " + quote(fields["task"]["kind"].get<std::string>()) +
                                  ", which a file of schema 1 cannot hold");
  if (is_first_schema && recording.outputs > most_classes_of_first_schema)
    fields["task"]["labels"].refuse("has " + std::to_string(recording.outputs) + " names; expected at most " +
                                    std::to_string(most_classes_of_first_schema) + " in a file of schema 1");
  std::optional<LengthCost> shared_cost;
  if (found == 2) shared_cost = read_cost(fields["shared_cost"]);
  recording.answers =
      is_first_schema ? read_widths(fields["widths"], recording.config) : read_answers(fields["answers"], shared_cost);
  const JsonCursor evaluation = fields[is_first_schema ? "summary" : "evaluation"];
  file.evaluation = read_evaluation(evaluation);
  const std::size_t answers = recording.answers.size();
  if (file.evaluation.answers.size() != answers)
    evaluation[found < schema ? "widths" : "answers"].refuse("has " + std::to_string(file.evaluation.answers.size()) +
                                                             " entries; expected " + std::to_string(answers));
  file.points = fields["points"].each([&](const JsonCursor& point) { return read_point(point, answers); });
  file.latency = fields["latency"].each(
      [&, widths = recording.widths()](const JsonCursor& times) { return read_latency(times, widths); });
  if (fields["calls"].exists()) file.calls = fields["calls"].each(read_call_times);
  file.answer_of_sample = fields["samples"].each([&](const JsonCursor& sample) {
    read_sample_facts(sample, recording);
    if (is_first_schema)
      read_probabilities(sample, recording);
    else
      read_logits(sample, recording);
    return sample[is_first_schema ? "width" : "answer"].get<int>(below(answers));
  });
  if (is_first_schema) recording.answers.back().seconds = file.evaluation.seconds_full;
  if (recording.finds_answers()) score_texts(recording, recording.samples);
  return file;
}

RecordedEvaluation RecordedEvaluation::load(const std::filesystem::path& file) {
  return parse(read_text_file(file), file.string());
}

void RecordedEvaluation::save(const std::filesystem::path& file) const {
  if (recording.samples.size() != recording.size())
    throw ShapeError("a recording of " + std::to_string(recording.size()) + " samples with " +
                     std::to_string(recording.samples.size()) + " texts cannot be saved");
  write_file_atomically(file, to_json());
}

Recording Recording::load(const std::filesystem::path& file) { return RecordedEvaluation::load(file).recording; }

}  // namespace sharcs
