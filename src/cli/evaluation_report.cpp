#include "cli/evaluation_report.hpp"

#include <algorithm>
#include <numeric>
#include <optional>
#include <ostream>

#include "cli/estimate_text.hpp"
#include "core/json_reader.hpp"
#include "core/nan.hpp"
#include "core/text_table.hpp"
#include "eval/difficulty.hpp"
#include "sharcs/error.hpp"
#include "sharcs/evaluation_file.hpp"

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

/// How many samples were longer than the model's positions: those of the greatest length are looked at once more.
std::size_t count_truncated(const Classifier& classifier, const Dataset& dataset, const Answers& answers) {
  std::size_t truncated = 0;
  for (std::size_t i = 0; i < dataset.size(); ++i) {
    if (static_cast<std::size_t>(answers.tokens[i]) < classifier.max_tokens()) continue;
    const Sample& sample = dataset.samples[i];
    const std::size_t room = classifier.max_tokens() + 1;
    const Encoding longer = sample.pair ? classifier.tokenizer().encode(sample.text, *sample.pair, room)
                                        : classifier.tokenizer().encode(sample.text, room);
    truncated += longer.ids.size() == room;
  }
  return truncated;
}

/// Whether both are of the same model, as far as its answers tell, on the same samples.
bool same_answers(const EvaluationFile& a, const EvaluationFile& b) {
  // Other kernels and thread counts round differently.
  const auto near = [](const std::vector<double>& x, const std::vector<double>& y) {
    return std::ranges::equal(x, y, [](double u, double v) { return std::abs(u - v) <= 1e-3 * (1 + std::abs(u)); });
  };
  return a.kind == b.kind && a.widths == b.widths &&
         std::ranges::equal(a.samples, b.samples, [&](const SampleResult& x, const SampleResult& y) {
           return x.text == y.text && x.pair == y.pair && x.label == y.label && x.target == y.target &&
                  near(x.router_logits, y.router_logits) && near(x.values, y.values) &&
                  near(x.true_confidence, y.true_confidence);
         });
}

/// The file that was there before; none when there is none that can be read.
std::optional<EvaluationFile> earlier_file(const std::filesystem::path& path) {
  try {
    if (std::filesystem::exists(path)) return EvaluationFile::load(path);
  } catch (const Error&) {
  }
  return {};
}

/// Takes over the budgets that calibration has added to the earlier file, where they are of the same answers. Returns
/// what to say of them.
std::string keep_calibrated(const std::filesystem::path& path, EvaluationFile& file) {
  std::optional<EvaluationFile> earlier = earlier_file(path);
  if (!earlier) return "";
  std::erase_if(earlier->points, [](const OperatingPoint& point) { return point.series != calibrated_series; });
  if (earlier->points.empty()) return "";
  const std::string points = counted(earlier->points.size(), "budget") + " of sharcs calibrate";
  if (!same_answers(*earlier, file))
    return path.string() + ": gone: " + points + ", made with another model or other data";
  file.points.insert(file.points.end(), earlier->points.begin(), earlier->points.end());
  return path.string() + ": kept: " + points;
}

}  // namespace

EvaluationReport::EvaluationReport(const Classifier& classifier, const Task& task, const Dataset& dataset,
                                   const std::string& name, int timing_rounds, std::uint64_t seed)
    : classifier_(classifier),
      task_(task),
      dataset_(dataset),
      policy_(classifier.engine().policy().name()),
      seed_(seed),
      evaluation_(evaluate(classifier, task, dataset, {.name = name, .timing_rounds = timing_rounds})) {
  truncated_ = count_truncated(classifier, dataset, evaluation_.answers);
  const EvaluationRecord& record = evaluation_.record;
  const std::vector<int> widest(dataset.size(), evaluation_.answers.widest());
  rows_ = {{"routed", {}, record.cost_fraction, record.seconds_routed}, {"full width", {}, 1, record.seconds_full}};
  for (const Metric metric : task.metrics()) {
    rows_[0].metrics.push_back(estimate(metric, evaluation_.routing.width_of_sample));
    rows_[1].metrics.push_back(estimate(metric, widest));
  }
}

Estimate EvaluationReport::estimate(Metric metric, const std::vector<int>& width_of_sample) const {
  const Answers& answers = evaluation_.answers;
  if (task_.kind() == TaskKind::regression) {
    std::vector<double> values;
    for (std::size_t i = 0; i < answers.samples(); ++i) values.push_back(answers.value_of(i, width_of_sample[i]));
    return bootstrap(metric, answers.targets, values, {.seed = seed_});
  }
  std::vector<int> labels;
  for (std::size_t i = 0; i < answers.samples(); ++i) labels.push_back(answers.label_of(i, width_of_sample[i]));
  return bootstrap(metric, answers.labels, labels, {.seed = seed_});
}

std::vector<std::vector<std::size_t>> EvaluationReport::confusion() const {
  const std::size_t classes = task_.outputs();
  std::vector<std::vector<std::size_t>> counts(classes, std::vector<std::size_t>(classes));
  const Answers& answers = evaluation_.answers;
  for (std::size_t i = 0; i < answers.samples(); ++i)
    ++counts[static_cast<std::size_t>(answers.labels[i])]
            [static_cast<std::size_t>(answers.label_of(i, evaluation_.routing.width_of_sample[i]))];
  return counts;
}

void EvaluationReport::print(std::ostream& out) const {
  const EvaluationRecord& record = evaluation_.record;
  out << task_.name() << ", " << record.name << ": " << counted(dataset_.size(), task_.is_pair() ? "pair" : "sentence")
      << " of " << dataset_.file << ", routed by " << policy_ << '\n';
  for (const std::string& note : dataset_.notes) out << note << '\n';
  if (truncated_ > 0)
    out << counted(truncated_, "sample") << " longer than " << classifier_.max_tokens() << " tokens, and cut there\n";

  std::vector<std::string> header = {""};
  for (const Metric metric : task_.metrics()) header.push_back(to_string(metric) + " [95 % interval]");
  for (const char* column : {"cost", "time"}) header.emplace_back(column);
  TextTable whole(header);
  for (const Row& row : rows_) {
    std::vector<std::string> cells = {row.name};
    for (const Estimate& metric : row.metrics) cells.push_back(estimate_text(metric));
    cells.push_back(decimal(row.cost, 3));
    cells.push_back(seconds_text(row.seconds));
    whole.add(std::move(cells));
  }
  out << '\n';
  whole.print(out);

  const Metric metric = task_.metrics().front();
  const std::vector<std::int64_t>& runs = evaluation_.routing.runs;
  const bool run_again = std::accumulate(runs.begin(), runs.end(), std::int64_t{0}) > record.samples;
  std::vector<std::string> columns_of_width = {"width",  "samples", "share", to_string(metric) + " there",
                                               "of all", "cost"};
  if (run_again) columns_of_width.insert(columns_of_width.begin() + 1, "runs");
  TextTable widths(columns_of_width);
  for (std::size_t w = 0; w < record.widths.size(); ++w) {
    const WidthEvaluation& width = record.widths[w];
    std::vector<std::string> cells = {short_number(width.width),
                                      grouped(width.samples),
                                      percent(static_cast<double>(width.samples) / static_cast<double>(record.samples)),
                                      decimal(value_in(width.routed, metric), 3),
                                      decimal(value_in(width.all, metric), 3),
                                      decimal(width.cost_fraction, 3)};
    if (run_again) cells.insert(cells.begin() + 1, grouped(runs[w]));
    widths.add(std::move(cells));
  }
  out << '\n';
  widths.print(out);
  if (run_again)
    out << "samples: those that keep the answer; another run of a sample costs only the layers after the router\n";

  const std::optional<DifficultyEvaluation> difficulty = evaluate_difficulty(dataset_, evaluation_);
  if (!difficulty) return;
  std::vector<std::string> columns = {"difficulty", "samples", "routed"};
  for (const double width : evaluation_.answers.widths) columns.push_back("at " + short_number(width));
  for (const double width : evaluation_.answers.widths) columns.push_back("sent to " + short_number(width));
  TextTable levels(columns);
  for (const LevelEvaluation& level : difficulty->levels) {
    std::vector<std::string> cells = {std::to_string(level.level), grouped(static_cast<long long>(level.samples)),
                                      decimal(level.routed, 3)};
    for (const double accuracy : level.at_width) cells.push_back(decimal(accuracy, 3));
    for (const double share : level.width_share) cells.push_back(percent(share));
    levels.add(std::move(cells));
  }
  out << '\n';
  levels.print(out);
  if (std::isfinite(difficulty->router_auc))
    out << "AUC of the router's logit for width " << short_number(evaluation_.answers.widths.back()) << ", difficulty "
        << level_list(difficulty->hard) << " against " << level_list(difficulty->easy) << ": "
        << decimal(difficulty->router_auc, 3) << '\n';
}

void EvaluationReport::print_confusion(std::ostream& out) const {
  if (task_.kind() == TaskKind::regression || task_.outputs() > largest_confusion) return;
  const std::vector<std::string> labels = task_.labels();
  std::vector<std::string> header = {"true \\ predicted"};
  header.insert(header.end(), labels.begin(), labels.end());
  TextTable table(header);
  const auto counts = confusion();
  for (std::size_t label = 0; label < counts.size(); ++label) {
    std::vector<std::string> cells = {labels[label]};
    for (const std::size_t count : counts[label]) cells.push_back(grouped(static_cast<long long>(count)));
    table.add(std::move(cells));
  }
  out << '\n';
  table.print(out);
}

Comparison EvaluationReport::compare() const {
  return sharcs::compare(evaluation_.answers, task_, evaluation_.routing, {.bootstrap = {.seed = seed_}});
}

std::string EvaluationReport::save(const std::filesystem::path& path, const std::string& model,
                                   const Comparison& comparison, const LatencyOptions& latency) const {
  const Engine& engine = classifier_.engine();
  EvaluationFile file = EvaluationFile::of(evaluation_, task_, dataset_, engine.config());
  file.model = model;
  file.policy = policy_;
  file.threads = engine.options().threads;
  file.points = points_of(comparison);
  const EvaluationRecord& record = evaluation_.record;
  if (record.seconds_routed > 0) file.points.front().time_fraction = record.seconds_routed / record.seconds_full;
  std::string note = keep_calibrated(path, file);
  file.latency = measure_latency(engine, latency);
  file.save(path);
  return note;
}

Json EvaluationReport::json() const {
  const EvaluationRecord& record = evaluation_.record;
  Json json = {{"task", task_.name()},      {"split", record.name},    {"file", dataset_.file},
               {"samples", record.samples}, {"truncated", truncated_}, {"policy", policy_}};
  for (const Row& row : rows_) {
    Json& entry = json[row.name == "routed" ? "routed" : "full"];
    for (std::size_t i = 0; i < row.metrics.size(); ++i)
      entry[to_string(task_.metrics()[i])] = estimate_json(row.metrics[i]);
    entry["cost_fraction"] = row.cost;
    entry["seconds"] = row.seconds;
  }
  json["widths"] = Json::array();
  for (std::size_t w = 0; w < record.widths.size(); ++w) {
    const WidthEvaluation& width = record.widths[w];
    json["widths"].push_back({{"width", width.width},
                              {"runs", evaluation_.routing.runs[w]},
                              {"samples", width.samples},
                              {"share", static_cast<double>(width.samples) / static_cast<double>(record.samples)},
                              {"cost_fraction", width.cost_fraction},
                              {"routed", width.routed},
                              {"all", width.all}});
  }
  if (task_.kind() == TaskKind::classification) {
    json["labels"] = task_.labels();
    json["confusion"] = confusion();
  }
  if (const auto difficulty = evaluate_difficulty(dataset_, evaluation_)) {
    Json& entry = json["difficulty"];
    entry["levels"] = Json::array();
    for (const LevelEvaluation& level : difficulty->levels)
      entry["levels"].push_back({{"level", level.level},
                                 {"samples", level.samples},
                                 {"routed", level.routed},
                                 {"at_width", level.at_width},
                                 {"width_share", level.width_share}});
    entry["easy"] = difficulty->easy;
    entry["hard"] = difficulty->hard;
    entry["router_auc"] = difficulty->router_auc;
  }
  return json;
}

}  // namespace sharcs::internal
