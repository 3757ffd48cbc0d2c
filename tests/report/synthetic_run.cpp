#include "report/synthetic_run.hpp"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <numeric>

#include "core/json_reader.hpp"
#include "core/random.hpp"
#include "io/file.hpp"
#include "report/settings.hpp"
#include "sharcs/cost.hpp"
#include "sharcs/evaluation.hpp"
#include "sharcs/synthetic.hpp"
#include "sharcs/training_options.hpp"

namespace sharcs::internal::testing {
namespace {

ModelConfig config_of(const std::vector<double>& widths) {
  ModelConfig config;
  config.hidden_size = 256;
  config.num_hidden_layers = 6;
  config.num_attention_heads = 8;
  config.intermediate_size = 1024;
  config.labels = {"negative", "positive"};
  config.sharcs = SharcsConfig{.width_mult_list = widths, .adaptive_layer_idx = 2};
  return config;
}

double logistic(double x) { return 1 / (1 + std::exp(-x)); }

Dataset sentences(const SyntheticRunOptions& options) {
  const auto samples = static_cast<std::size_t>(options.samples);
  Dataset dataset = SyntheticData::generate({.train = 2, .dev = samples, .test = 0, .seed = options.seed}).dev;
  dataset.file = "data/dev.tsv";
  dataset.samples[0].text = "</script><script>alert(1)</script> \"quoted\" & 'single' <b>bold</b>";
  return dataset;
}

Answers answers_to(const Dataset& dataset, const ModelConfig& config, Random& random) {
  const WidthSet widths(config);
  Answers answers;
  answers.outputs = 2;
  for (const Width& width : widths) {
    answers.widths.push_back(width.fraction());
    answers.logits.emplace_back();
    answers.multiply_adds.emplace_back();
  }
  for (const Sample& sample : dataset.samples) {
    const auto tokens = static_cast<std::int32_t>(2 + std::count(sample.text.begin(), sample.text.end(), ' '));
    answers.tokens.push_back(tokens);
    answers.labels.push_back(*sample.label);
    const double doubt = random.normal();
    for (const Width& width : widths) {
      const auto at = static_cast<std::size_t>(width.index());
      const double margin = 4.5 - 1.3 * *sample.difficulty * (1.5 - width.fraction()) + doubt + 0.5 * random.normal();
      const auto half = static_cast<float>(*sample.label == 1 ? margin / 2 : -margin / 2);
      answers.logits[at].insert(answers.logits[at].end(), {-half, half});
      answers.multiply_adds[at].push_back(multiply_adds(config, width, tokens));
      const double fits = 3.0 - 1.4 * *sample.difficulty;
      const double towards_wide = static_cast<double>(width.index()) / std::max(1, widths.size() - 1);
      answers.router_logits.push_back(
          static_cast<float>(fits * (1 - 2 * towards_wide) + 0.7 * random.normal() + 0.5 * doubt));
    }
  }
  for (std::size_t width = 0; width < answers.widths.size(); ++width)
    answers.seconds.push_back(3.4 * (0.35 + 0.65 * answers.widths[width]));
  return answers;
}

double accuracy_at(const Answers& answers, const std::vector<int>& widths) {
  double right = 0;
  for (std::size_t i = 0; i < widths.size(); ++i) right += answers.label_of(i, widths[i]) == answers.labels[i];
  return right / static_cast<double>(widths.size());
}

std::vector<int> every_sample_at(const Answers& answers, int width) {
  return std::vector<int>(answers.samples(), width);
}

EvaluationRecord record_of(const Answers& answers, const Routing& routing) {
  EvaluationRecord record;
  record.samples = static_cast<std::int64_t>(answers.samples());
  record.routed["accuracy"] = accuracy_at(answers, routing.width_of_sample);
  record.full["accuracy"] = accuracy_at(answers, every_sample_at(answers, answers.widest()));
  record.cost_fraction = cost_fraction(answers, routing);
  record.seconds_full = answers.seconds.back();
  record.seconds_routed = record.seconds_full * (record.cost_fraction + 0.03);
  for (int width = 0; width <= answers.widest(); ++width) {
    WidthEvaluation here;
    here.width = answers.widths[static_cast<std::size_t>(width)];
    here.samples = std::count(routing.width_of_sample.begin(), routing.width_of_sample.end(), width);
    here.cost_fraction = cost_fraction(answers, route(answers, every_sample_at(answers, width)));
    here.all["accuracy"] = accuracy_at(answers, every_sample_at(answers, width));
    std::vector<double> probabilities;
    std::vector<int> right;
    double right_here = 0;
    for (std::size_t i = 0; i < answers.samples(); ++i) {
      probabilities.push_back(logistic(answers.router_logits_of(i)[static_cast<std::size_t>(width)]));
      right.push_back(answers.label_of(i, width) == answers.labels[i]);
      if (routing.width_of_sample[i] == width) right_here += right.back();
    }
    if (here.samples > 0) here.routed["accuracy"] = right_here / static_cast<double>(here.samples);
    here.calibration = calibration_bins(probabilities, right);
    record.widths.push_back(std::move(here));
  }
  return record;
}

OperatingPoint point(const Answers& answers, std::string name, std::string series, const std::vector<int>& widths) {
  OperatingPoint result{.name = std::move(name), .series = std::move(series)};
  for (int width = 0; width <= answers.widest(); ++width)
    result.shares.push_back(static_cast<double>(std::count(widths.begin(), widths.end(), width)) /
                            static_cast<double>(widths.size()));
  result.cost_fraction = cost_fraction(answers, route(answers, widths));
  const double accuracy = accuracy_at(answers, widths);
  const double half = 1.96 * std::sqrt(accuracy * (1 - accuracy) / static_cast<double>(widths.size()));
  result.metrics["accuracy"] = accuracy;
  result.score = {accuracy, {accuracy - half, std::min(1.0, accuracy + half)}};
  return result;
}

std::vector<OperatingPoint> points_of(const Answers& answers, const Routing& routing, Random& random) {
  const std::vector<int>& routed = routing.width_of_sample;
  std::vector<OperatingPoint> points = {point(answers, "routed", "routed", routed)};
  std::vector<int> shuffled = routed;
  random.shuffle(shuffled);
  points.push_back(point(answers, "random", "random", shuffled));
  std::vector<std::size_t> order(routed.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return answers.tokens[a] < answers.tokens[b]; });
  std::vector<int> sorted = routed, by_length(routed.size());
  std::sort(sorted.begin(), sorted.end());
  for (std::size_t rank = 0; rank < order.size(); ++rank) by_length[order[rank]] = sorted[rank];
  points.push_back(point(answers, "by length", "by length", by_length));
  for (int width = 0; width <= answers.widest(); ++width)
    points.push_back(point(answers, "fixed " + short_number(answers.widths[static_cast<std::size_t>(width)]), "fixed",
                           every_sample_at(answers, width)));
  std::vector<int> oracle(routed.size(), 0);
  for (std::size_t i = 0; i < oracle.size(); ++i)
    for (int width = 0; width <= answers.widest(); ++width)
      if (answers.label_of(i, width) == answers.labels[i]) {
        oracle[i] = width;
        break;
      }
  points.push_back(point(answers, "oracle", "oracle", oracle));
  for (OperatingPoint& other : points)
    if (other.series != "routed") {
      const double lead = points[0].score.value - other.score.value;
      other.lead = Estimate{lead, {lead - 0.012, lead + 0.011}};
    }
  for (int step = 3; step <= 10; ++step) {
    std::vector<int> widths(routed.size());
    for (std::size_t i = 0; i < widths.size(); ++i) {
      const auto logits = answers.router_logits_of(i);
      widths[i] = logits.back() - logits.front() > 9 - 2 * step ? answers.widest() : 0;
    }
    points.push_back(point(answers, "budget " + short_number(step / 10.0), "calibrated", widths));
    points.back().time_fraction = 1.04 * points.back().cost_fraction;
  }
  return points;
}

std::vector<LatencyRecord> latency_of(const ModelConfig& config, Random& random) {
  std::vector<LatencyRecord> records;
  const WidthSet widths(config);
  for (const int batch : {1, 8})
    for (const int tokens : {8, 16, 32, 64, 128})
      for (const Width& width : widths) {
        const double seconds = 0.0002 + batch * static_cast<double>(multiply_adds(config, width, tokens)) / 9e10 *
                                            (1 + 0.05 * random.uniform());
        records.push_back({.width = width.fraction(),
                           .tokens = tokens,
                           .batch = batch,
                           .runs = 40,
                           .seconds = seconds,
                           .low = seconds * 0.97,
                           .high = seconds * 1.06});
      }
  return records;
}

/// Who moves when the widths' samples change from `before` to `after`: as few as must, and a tenth of each width that
/// swaps with its neighbour where both have room.
std::vector<std::vector<std::int64_t>> moves(const std::vector<std::int64_t>& before,
                                             const std::vector<std::int64_t>& after) {
  const std::size_t widths = before.size();
  std::vector<std::vector<std::int64_t>> counts(widths, std::vector<std::int64_t>(widths));
  std::vector<std::int64_t> left = before, room = after;
  const auto move = [&](std::size_t from, std::size_t to, std::int64_t wanted) {
    const std::int64_t moved = std::min({wanted, left[from], room[to]});
    counts[from][to] += moved;
    left[from] -= moved;
    room[to] -= moved;
  };
  for (std::size_t w = 0; w + 1 < widths; ++w) {
    const std::int64_t swapped = std::min({before[w], before[w + 1], after[w], after[w + 1]}) / 10;
    move(w, w + 1, swapped);
    move(w + 1, w, swapped);
  }
  for (std::size_t w = 0; w < widths; ++w) move(w, w, left[w]);
  for (std::size_t from = 0; from < widths; ++from)
    for (std::size_t to = 0; to < widths; ++to) move(from, to, left[from]);
  return counts;
}

std::vector<EpochRecord> epochs_of(const SyntheticRunOptions& options, const EvaluationRecord& last, Random& random) {
  constexpr int window = 3, trained = 67349;
  const std::size_t widths = options.widths.size();
  std::vector<EpochRecord> epochs;
  std::vector<std::int64_t> counts_before;
  double best = 0;
  for (int number = 1; number <= options.epochs; ++number) {
    EpochRecord epoch;
    const double done = static_cast<double>(number) / options.epochs;
    epoch.epoch = number;
    epoch.settings = "training.json";
    epoch.full_width_only = number <= window;
    epoch.steps = 2105;
    epoch.total_steps = 2105 * number;
    epoch.samples = trained;
    epoch.tokens = trained * 12;
    epoch.seconds = 61 + 4 * random.uniform() - (epoch.full_width_only ? 0 : 18);
    epoch.learning_rate = 3e-4 * (1 - done);
    epoch.loss_task = 0.08 + 0.5 * std::exp(-4 * done) + 0.01 * random.uniform();
    epoch.loss_router = epoch.full_width_only ? std::nan("") : 0.3 + 0.4 * std::exp(-3 * done);
    std::vector<std::int64_t> counts(widths);
    counts.back() = epoch.full_width_only ? trained : static_cast<std::int64_t>(trained * (0.35 + 0.3 * (1 - done)));
    for (std::size_t w = 0; w + 1 < widths; ++w)
      counts[w] = (trained - counts.back()) / static_cast<std::int64_t>(widths - 1);
    counts[0] = trained - std::accumulate(counts.begin() + 1, counts.end(), std::int64_t{0});
    for (std::size_t w = 0; w < widths; ++w)
      epoch.widths.push_back({.width = options.widths[w],
                              .samples = counts[w],
                              .labelled = counts[w] + counts[w] / 5,
                              .loss_task = counts[w] > 0 ? epoch.loss_task * (w == 0 ? 0.5 : 1.3) : std::nan(""),
                              .loss_router = epoch.loss_router});
    if (!counts_before.empty()) epoch.transitions = moves(counts_before, counts);
    counts_before = counts;
    EvaluationRecord dev = last;
    const double progress = 1 - 0.25 * std::exp(-5 * done);
    for (auto& [name, value] : dev.full) value *= progress;
    for (auto& [name, value] : dev.routed) value *= progress - 0.01 * random.uniform();
    if (epoch.full_width_only) {
      dev.routed = dev.full;
      dev.cost_fraction = 1;
      for (WidthEvaluation& width : dev.widths) width.samples = 0;
      dev.widths.back().samples = dev.samples;
    } else {
      const auto moved = static_cast<std::int64_t>(static_cast<double>(dev.widths[0].samples) * 0.4 * (1 - done));
      dev.widths[0].samples -= moved;
      dev.widths.back().samples += moved;
      dev.cost_fraction += 0.2 * (1 - done);
    }
    epoch.score = dev.routed.at("accuracy");
    epoch.best = epoch.score > best;
    best = std::max(best, epoch.score);
    epoch.evaluations = {dev};
    epochs.push_back(std::move(epoch));
  }
  return epochs;
}

}  // namespace

RunFolder synthetic_run(const SyntheticRunOptions& options) {
  Random random(derive_key(options.seed, "synthetic run"));
  const ModelConfig config = config_of(options.widths);
  const Dataset dataset = sentences(options);
  Evaluation evaluation;
  evaluation.answers = answers_to(dataset, config, random);
  evaluation.routing = route(evaluation.answers, WidthSet(config), RoutingPolicy::argmax());
  evaluation.record = record_of(evaluation.answers, evaluation.routing);

  RunFolder run{.name = options.name, .folder = "runs/" + options.name};
  TrainingOptions training;
  training.epochs = options.epochs;
  training.learning_rate = 3e-4;
  training.seed = options.seed;
  run.settings = flatten(nlohmann::ordered_json::parse(training.to_json()));
  run.config = config;
  run.epochs = epochs_of(options, evaluation.record, random);
  run.evaluation = EvaluationFile::of(
      evaluation, Task::custom({.name = "sst-2", .labels = {"negative", "positive"}, .metrics = {Metric::accuracy}}),
      dataset, config);
  run.evaluation->model = run.folder;
  run.evaluation->threads = 2;
  run.evaluation->points = points_of(evaluation.answers, evaluation.routing, random);
  run.evaluation->latency = latency_of(config, random);
  return run;
}

void save_run(const RunFolder& run, const std::filesystem::path& folder) {
  std::filesystem::create_directories(folder);
  std::string lines;
  for (const EpochRecord& epoch : run.epochs) lines += epoch.to_json() + "\n";
  write_file_atomically(folder / "metrics.jsonl", lines);
  nlohmann::ordered_json settings;
  for (const Setting& setting : run.settings) settings[setting.key] = setting.value;
  write_file_atomically(folder / "training.json", settings.dump(2));
  if (run.config) write_file_atomically(folder / "config.json", run.config->to_json());
  if (run.evaluation) run.evaluation->save(folder / "evaluation.json");
}

}  // namespace sharcs::internal::testing
