#include "cli/evaluation_report.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>
#include <optional>
#include <ostream>

#include "cli/comparison_report.hpp"
#include "core/number.hpp"
#include "core/quote.hpp"
#include "data/tokenized_dataset.hpp"
#include "eval/bootstrap.hpp"
#include "eval/class_quality.hpp"
#include "eval/dataset_runner.hpp"
#include "eval/difficulty.hpp"
#include "eval/evaluation_json.hpp"
#include "eval/recorded_evaluation.hpp"
#include "eval/recording_metrics.hpp"
#include "report/terminal.hpp"
#include "sharcs/error.hpp"

namespace sharcs::internal {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t largest_confusion = 12;

std::string level_list(const std::vector<int>& levels) {
  std::string list;
  for (const int level : levels) list += (list.empty() ? "" : ", ") + std::to_string(level);
  return list;
}

double value_in(const MetricMap& metrics, Metric metric) {
  const auto found = metrics.find(to_string(metric));
  return found == metrics.end() ? nan : found->second;
}

/// How many samples were longer than the model reads: those of the greatest length are looked at once more. Of windows
/// and blocks nothing is cut.
std::size_t count_truncated(const Classifier& classifier, const Recording& recording) {
  if (recording.finds_answers() || recording.fills_masks()) return 0;
  std::size_t truncated = 0;
  for (std::size_t i = 0; i < recording.size(); ++i) {
    if (static_cast<std::size_t>(recording.tokens[i]) < classifier.max_tokens()) continue;
    const Sample& sample = recording.samples[i];
    const std::size_t room = classifier.max_tokens() + 1;
    truncated += encode(sample, classifier.tokenizer(), room).ids.size() == room;
  }
  return truncated;
}

/// Other kernels and thread counts round differently.
bool is_near(double a, double b) { return std::abs(a - b) <= 1e-3 * (1 + std::abs(a)); }

bool same_answers_to(const Recording& a, const Recording& b, std::size_t i) {
  const Sample &x = a.samples[i], &y = b.samples[i];
  if (x.text != y.text || x.pair != y.pair || x.label != y.label || x.targets != y.targets || x.words != y.words)
    return false;
  if (!std::ranges::equal(a.router_logits_of(i), b.router_logits_of(i), is_near)) return false;
  for (int answer = 0; answer <= a.full_width(); ++answer) {
    const bool near = a.is_regression() ? std::ranges::equal(a.logits_of(i, answer), b.logits_of(i, answer), is_near)
                                        : is_near(true_probability(a, i, answer), true_probability(b, i, answer));
    if (!near) return false;
  }
  return true;
}

/// Whether both are of the same model, as far as its answers tell, on the same samples.
bool same_answers(const Recording& a, const Recording& b) {
  if (a.outputs != b.outputs || a.widths() != b.widths() || a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i)
    if (!same_answers_to(a, b, i)) return false;
  return true;
}

/// The file that was there before; none when there is none that can be read.
std::optional<RecordedEvaluation> earlier_file(const std::filesystem::path& path) {
  try {
    if (std::filesystem::exists(path)) return RecordedEvaluation::load(path);
  } catch (const Error&) {
  }
  return {};
}

/// Takes over the budgets that calibration has added to the earlier file, when they are of the same answers. Returns
/// what to say of them.
std::string keep_calibrated(const std::filesystem::path& path, RecordedEvaluation& file) {
  const auto is_calibrated = [](const OperatingPoint& point) { return point.series.starts_with(calibrated_series); };
  if (std::ranges::any_of(file.points, is_calibrated)) return "";
  std::optional<RecordedEvaluation> earlier = earlier_file(path);
  if (!earlier) return "";
  std::erase_if(earlier->points, std::not_fn(is_calibrated));
  if (earlier->points.empty()) return "";
  const std::string points = counted(earlier->points.size(), "budget") + " of sharcs calibrate";
  if (!same_answers(earlier->recording, file.recording))
    return path.string() + ": gone: " + points + ", made with another model or other data";
  file.points.insert(file.points.end(), earlier->points.begin(), earlier->points.end());
  return path.string() + ": kept: " + points;
}

}  // namespace

EvaluationReport::EvaluationReport(const Classifier& classifier, const Task& task, const Dataset& dataset,
                                   const EvaluationReportOptions& options)
    : options_(options), notes_(dataset.notes), max_tokens_(classifier.max_tokens()) {
  ClassifierRunner runner(classifier, task, dataset);
  recording_ = runner.record();
  Policy policy = classifier.engine().policy();
  if (options.choose_policy) {
    const PolicyRule rule = options.choose_policy(recording_);
    policy = Policy::of(rule);
    recording_.config.sharcs->policy = rule;
  }
  policy_ = policy.name();
  routing_ = route(recording_, policy);
  evaluation_ = evaluate_timed(runner, recording_, routing_, policy, options.timing_rounds);
  evaluation_.name = options.name;
  if (options.call_seconds > 0)
    calls_ = runner.time_calls(policy, {.seconds_each = options.call_seconds, .seed = options.seed});
  truncated_ = count_truncated(classifier, recording_);
  compare_policies();
}

EvaluationReport::EvaluationReport(Recording recording, const Policy& policy, const EvaluationReportOptions& options)
    : options_(options),
      policy_(policy.name()),
      recording_(std::move(recording)),
      routing_(route(recording_, policy)),
      evaluation_(evaluate(recording_, routing_)) {
  evaluation_.name = options.name;
  compare_policies();
}

void EvaluationReport::compare_policies() {
  const std::vector<int> at_full_width = everything_at(recording_, recording_.full_width());
  rows_ = {{.name = "routed", .metrics = {}, .cost = evaluation_.cost_fraction, .seconds = evaluation_.seconds_routed},
           {.name = "full width", .metrics = {}, .cost = 1, .seconds = evaluation_.seconds_full}};
  for (const Metric& metric : recording_.metrics) {
    rows_[0].metrics.push_back(estimate(metric, routing_.answer_of_sample));
    rows_[1].metrics.push_back(estimate(metric, at_full_width));
  }
}

Estimate EvaluationReport::estimate(Metric metric, const std::vector<int>& answer_of_sample) const {
  if (recording_.is_regression()) {
    std::vector<double> values;
    for (std::size_t i = 0; i < recording_.size(); ++i)
      std::ranges::copy(recording_.logits_of(i, answer_of_sample[i]), std::back_inserter(values));
    return bootstrap(metric, recording_.targets, values, {.seed = options_.seed}, recording_.outputs);
  }
  if (recording_.labels_words())
    return bootstrap(metric, tag_counts(recording_, answer_of_sample), {.seed = options_.seed});
  std::vector<int> labels;
  for (std::size_t i = 0; i < recording_.size(); ++i) labels.push_back(recording_.label_of(i, answer_of_sample[i]));
  return bootstrap(metric, recording_.labels, labels, {.seed = options_.seed});
}

void EvaluationReport::print_classes(std::ostream& out) const {
  const std::vector<ClassQuality> classes = class_qualities(recording_, routing_.answer_of_sample);
  if (classes.empty()) return;
  const std::vector<std::string> names = quality_names(recording_);
  const char* const what = recording_.is_multi_label() ? "label" : recording_.labels_words() ? "type" : "class";
  TextTable table({what, recording_.labels_words() ? "there" : "samples", "predicted", "precision", "recall", "F1"});
  const auto quality = [](double value) { return std::isfinite(value) ? decimal(value, 3) : std::string("-"); };
  for (std::size_t c = 0; c < classes.size(); ++c)
    table.add({names[c], grouped(static_cast<long long>(classes[c].samples)),
               grouped(static_cast<long long>(classes[c].predicted)), quality(classes[c].precision()),
               quality(classes[c].recall()), quality(classes[c].f1())});
  out << '\n';
  table.print(out);
}

std::string EvaluationReport::predictions() const {
  const bool regression = recording_.is_regression();
  const bool pairs = !recording_.samples.empty() && recording_.samples.front().pair.has_value();
  std::string text = std::string("line\ttrue\tpredicted\tanswer\ttext") + (pairs ? "\tpair\n" : "\n");
  for (std::size_t i = 0; i < recording_.size(); ++i) {
    const int answer = routing_.answer_of_sample[i];
    const Sample& sample = recording_.samples[i];
    text += std::to_string(sample.line) + "\t";
    if (regression)
      text += short_numbers(recording_.targets_of(i)) + "\t" + decimals(recording_.logits_of(i, answer), 4);
    else
      text += truth_of(recording_, i, ",") + "\t" + said_of(recording_, i, answer, ",");
    text += "\t" + recording_.answers[static_cast<std::size_t>(answer)].name + "\t" + tsv_cell(sample.text);
    if (pairs) text += "\t" + tsv_cell(sample.pair.value_or(""));
    text += "\n";
  }
  return text;
}

void EvaluationReport::print(std::ostream& out) const {
  const bool pairs = !recording_.samples.empty() && recording_.samples.front().pair.has_value();
  out << recording_.task << ", " << evaluation_.name << ": "
      << counted(recording_.size(), recording_.finds_answers() ? "window"
                                    : recording_.fills_masks() ? "block"
                                    : pairs                    ? "pair"
                                                               : "sentence")
      << " of " << recording_.data << ", routed by " << policy_ << '\n';
  for (const std::string& note : notes_) out << note << '\n';
  if (truncated_ > 0)
    out << counted(truncated_, "sample") << " longer than " << max_tokens_ << " tokens, and cut there\n";
  print_policies(out);
  print_widths(out);
  print_calls(out);
  print_difficulty(out);
}

void EvaluationReport::print_policies(std::ostream& out) const {
  std::vector<std::string> header = {""};
  for (const Metric metric : recording_.metrics) header.push_back(to_string(metric) + " [95 % interval]");
  for (const char* column : {"cost", "time"}) header.emplace_back(column);
  TextTable table(header);
  for (const Row& row : rows_) {
    std::vector<std::string> cells = {row.name};
    for (const Estimate& metric : row.metrics) cells.push_back(estimate_text(metric));
    cells.push_back(decimal(row.cost, 3));
    cells.push_back(row.seconds > 0 ? seconds_text(row.seconds) : "-");
    table.add(std::move(cells));
  }
  out << '\n';
  table.print(out);
}

void EvaluationReport::print_widths(std::ostream& out) const {
  const Metric metric = recording_.metrics.front();
  const bool run_again =
      std::ranges::any_of(routing_.asked, [](std::uint64_t bits) { return (bits & (bits - 1)) != 0; });
  std::vector<std::string> header = {"answer", "samples", "share", to_string(metric) + " there", "of all", "cost"};
  if (run_again) header.insert(header.begin() + 1, "asked");
  TextTable table(header);
  for (std::size_t w = 0; w < evaluation_.answers.size(); ++w) {
    const AnswerMetrics& width = evaluation_.answers[w];
    std::vector<std::string> cells = {recording_.answers[w].name,
                                      grouped(width.samples),
                                      percent(share_of(width.samples, evaluation_.samples)),
                                      decimal(value_in(width.routed, metric), 3),
                                      decimal(value_in(width.all, metric), 3),
                                      decimal(width.cost_fraction, 3)};
    if (run_again) cells.insert(cells.begin() + 1, grouped(routing_.runs(static_cast<int>(w))));
    table.add(std::move(cells));
  }
  out << '\n';
  table.print(out);
  if (run_again) out << "samples: those that keep the answer; layers that several answers share cost once\n";
}

void EvaluationReport::print_calls(std::ostream& out) const {
  if (calls_.empty()) return;
  TextTable table({"calls of", "calls", "p50", "p95", "p99", "full width: p50", "p95", "p99", "time"});
  for (const CallTimes& times : calls_)
    table.add({counted(static_cast<std::size_t>(times.batch), "sample"), grouped(times.calls),
               seconds_text(times.policy.p50), seconds_text(times.policy.p95), seconds_text(times.policy.p99),
               seconds_text(times.full.p50), seconds_text(times.full.p95), seconds_text(times.full.p99),
               decimal(times.time_fraction, 3)});
  out << '\n';
  table.print(out);
  out << "p95: of a hundred calls 95 are no slower; time: the policy's share of full width's\n";
}

void EvaluationReport::print_difficulty(std::ostream& out) const {
  const std::optional<Difficulty> difficulty = difficulty_of(recording_, routing_.answer_of_sample);
  if (!difficulty) return;
  std::vector<std::string> header = {recording_.is_regression() ? "mean error by difficulty" : "difficulty", "samples",
                                     "routed"};
  for (const RecordedAnswer& answer : recording_.answers) header.push_back("at " + answer.name);
  for (const RecordedAnswer& answer : recording_.answers) header.push_back("sent to " + answer.name);
  TextTable table(header);
  for (const DifficultyLevel& level : difficulty->levels) {
    std::vector<std::string> cells = {std::to_string(level.level), grouped(level.samples), decimal(level.routed, 3)};
    for (const double quality : level.at_width) cells.push_back(decimal(quality, 3));
    for (const double share : level.shares) cells.push_back(percent(share));
    table.add(std::move(cells));
  }
  out << '\n';
  table.print(out);
  if (std::isfinite(difficulty->router_auc))
    out << "AUC of the router's logit for width " << recording_.answers.back().name << ", difficulty "
        << level_list(difficulty->hard) << " against " << level_list(difficulty->easy) << ": "
        << decimal(difficulty->router_auc, 3) << '\n';
}

void EvaluationReport::print_confusion(std::ostream& out) const {
  if (recording_.is_regression() || recording_.is_multi_label() || recording_.labels_words() ||
      recording_.outputs > largest_confusion)
    return;
  const std::vector<std::string>& labels = recording_.classes;
  std::vector<std::string> header = {"true \\ predicted"};
  header.insert(header.end(), labels.begin(), labels.end());
  TextTable table(header);
  const auto counts = confusion_matrix(recording_, routing_.answer_of_sample);
  for (std::size_t label = 0; label < counts.size(); ++label) {
    std::vector<std::string> cells = {labels[label]};
    for (const std::size_t count : counts[label]) cells.push_back(grouped(static_cast<long long>(count)));
    table.add(std::move(cells));
  }
  out << '\n';
  table.print(out);
}

std::vector<OperatingPoint> EvaluationReport::compare() const {
  return sharcs::compare(recording_, routing_, {.bootstrap = {.seed = options_.seed}});
}

std::string EvaluationReport::save(const std::filesystem::path& path, const std::string& model, const Engine& engine,
                                   const std::vector<OperatingPoint>& comparison, const LatencyOptions& latency) const {
  RecordedEvaluation file = {.threads = engine.options().threads,
                             .recording = recording_,
                             .policy = policy_,
                             .answer_of_sample = routing_.answer_of_sample,
                             .evaluation = evaluation_,
                             .points = comparison};
  file.recording.model = model;
  if (evaluation_.seconds_routed > 0)
    file.points.front().time_fraction = evaluation_.seconds_routed / evaluation_.seconds_full;
  std::string note = keep_calibrated(path, file);
  file.latency = measure_latency(engine, latency);
  file.calls = calls_;
  file.save(path);
  return note;
}

Json EvaluationReport::json() const {
  Json json = {{"task", recording_.task},        {"split", evaluation_.name}, {"file", recording_.data},
               {"samples", evaluation_.samples}, {"truncated", truncated_},   {"policy", policy_}};
  for (const Row& row : rows_) {
    Json& entry = json[row.name == "routed" ? "routed" : "full"];
    for (std::size_t i = 0; i < row.metrics.size(); ++i)
      entry[to_string(recording_.metrics[i])] = estimate_json(row.metrics[i]);
    entry["cost_fraction"] = row.cost;
    entry["seconds"] = row.seconds;
  }
  json["answers"] = Json::array();
  for (std::size_t w = 0; w < evaluation_.answers.size(); ++w) {
    const AnswerMetrics& width = evaluation_.answers[w];
    json["answers"].push_back({{"name", width.name},
                               {"width", width.width},
                               {"asked", routing_.runs(static_cast<int>(w))},
                               {"samples", width.samples},
                               {"share", share_of(width.samples, evaluation_.samples)},
                               {"cost_fraction", width.cost_fraction},
                               {"routed", width.routed},
                               {"all", width.all}});
  }
  for (const CallTimes& times : calls_) json["calls"].push_back(call_times_json(times));
  if (!recording_.is_regression()) {
    json["labels"] = recording_.classes;
    if (!recording_.is_multi_label() && !recording_.labels_words())
      json["confusion"] = confusion_matrix(recording_, routing_.answer_of_sample);
    const std::vector<ClassQuality> classes = class_qualities(recording_, routing_.answer_of_sample);
    const std::vector<std::string> names = quality_names(recording_);
    for (std::size_t c = 0; c < classes.size(); ++c)
      json["classes"].push_back({{"name", names[c]},
                                 {"samples", classes[c].samples},
                                 {"predicted", classes[c].predicted},
                                 {"precision", classes[c].precision()},
                                 {"recall", classes[c].recall()},
                                 {"f1", classes[c].f1()}});
  }
  if (const auto difficulty = difficulty_of(recording_, routing_.answer_of_sample)) {
    Json& entry = json["difficulty"];
    entry["levels"] = Json::array();
    for (const DifficultyLevel& level : difficulty->levels)
      entry["levels"].push_back({{"level", level.level},
                                 {"samples", level.samples},
                                 {"routed", level.routed},
                                 {"at_width", level.at_width},
                                 {"width_share", level.shares}});
    entry["easy"] = difficulty->easy;
    entry["hard"] = difficulty->hard;
    entry["router_auc"] = difficulty->router_auc;
  }
  return json;
}

}  // namespace sharcs::internal
