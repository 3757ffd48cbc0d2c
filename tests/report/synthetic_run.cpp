#include "report/synthetic_run.hpp"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <numeric>

#include "core/number.hpp"
#include "core/random.hpp"
#include "data/metrics.hpp"
#include "data/synthetic.hpp"
#include "eval/recorded_evaluation.hpp"
#include "eval/recording_metrics.hpp"
#include "io/file.hpp"
#include "model/answers.hpp"
#include "report/run_folder.hpp"
#include "sharcs/error.hpp"
#include "sharcs/evaluation.hpp"
#include "sharcs/training_options.hpp"
#include "train/metrics_log.hpp"

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

Dataset sentences(const SyntheticRunOptions& options) {
  const auto samples = static_cast<std::size_t>(options.samples);
  Dataset dataset = SyntheticData::generate({.train = 2, .dev = samples, .test = 0, .seed = options.seed}).dev;
  dataset.file = "data/dev.tsv";
  dataset.samples[0].text = "</script><script>alert(1)</script> \"quoted\" & 'single' <b>bold</b>";
  return dataset;
}

Recording record(const Dataset& dataset, const ModelConfig& config, Random& random) {
  const WidthSet widths(config);
  Recording recording = {.config = config,
                         .task = "sst-2",
                         .classes = {"negative", "positive"},
                         .metrics = {"accuracy"},
                         .data = dataset.file,
                         .outputs = 2,
                         .samples = dataset.samples};
  for (const Width& width : widths)
    recording.answers.push_back({.name = short_number(width.fraction()),
                                 .width = width.fraction(),
                                 .cost = multiply_adds_by_length(config, width),
                                 .seconds = 3.4 * (0.35 + 0.65 * width.fraction())});
  for (const Sample& sample : dataset.samples) {
    const auto tokens = static_cast<std::int32_t>(2 + std::count(sample.text.begin(), sample.text.end(), ' '));
    recording.tokens.push_back(tokens);
    recording.labels.push_back(*sample.label);
    const double doubt = random.normal();
    for (const Width& width : widths) {
      const auto at = static_cast<std::size_t>(width.index());
      const double margin = 4.5 - 1.3 * *sample.difficulty * (1.5 - width.fraction()) + doubt + 0.5 * random.normal();
      const auto half = static_cast<float>(*sample.label == 1 ? margin / 2 : -margin / 2);
      std::vector<float>& logits = recording.answers[at].logits;
      logits.insert(logits.end(), {-half, half});
      const double fits = 3.0 - 1.4 * *sample.difficulty;
      const double towards_wide = static_cast<double>(width.index()) / std::max(1, widths.size() - 1);
      recording.router_logits.push_back(
          static_cast<float>(fits * (1 - 2 * towards_wide) + 0.7 * random.normal() + 0.5 * doubt));
    }
  }
  return recording;
}

OperatingPoint point(const Recording& recording, std::string name, std::string series, const std::vector<int>& chosen) {
  OperatingPoint result{.name = std::move(name), .series = std::move(series)};
  for (int answer = 0; answer <= recording.full_width(); ++answer)
    result.shares.push_back(static_cast<double>(std::count(chosen.begin(), chosen.end(), answer)) /
                            static_cast<double>(chosen.size()));
  result.cost_fraction = cost_fraction(recording, route(recording, chosen));
  result.metrics = metrics_at(recording, chosen);
  const double accuracy = score(result.metrics);
  const double half = 1.96 * std::sqrt(accuracy * (1 - accuracy) / static_cast<double>(chosen.size()));
  result.score = {accuracy, {accuracy - half, std::min(1.0, accuracy + half)}};
  return result;
}

std::vector<OperatingPoint> points_of(const Recording& recording, const Routing& routing, Random& random) {
  const std::vector<int>& routed = routing.answer_of_sample;
  std::vector<OperatingPoint> points = {point(recording, "routed", "routed", routed)};
  std::vector<int> shuffled = routed;
  random.shuffle(shuffled);
  points.push_back(point(recording, "random", "random", shuffled));
  std::vector<std::size_t> order(routed.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return recording.tokens[a] < recording.tokens[b]; });
  std::vector<int> sorted = routed, by_length(routed.size());
  std::sort(sorted.begin(), sorted.end());
  for (std::size_t rank = 0; rank < order.size(); ++rank) by_length[order[rank]] = sorted[rank];
  points.push_back(point(recording, "by length", "by length", by_length));
  for (int width = 0; width <= recording.full_width(); ++width)
    points.push_back(point(recording, "fixed " + recording.answers[static_cast<std::size_t>(width)].name, "fixed",
                           everything_at(recording, width)));
  std::vector<int> oracle(routed.size(), 0);
  for (std::size_t i = 0; i < oracle.size(); ++i)
    for (int width = 0; width <= recording.full_width(); ++width)
      if (is_right(recording, i, width)) {
        oracle[i] = width;
        break;
      }
  points.push_back(point(recording, "oracle", "oracle", oracle));
  for (OperatingPoint& other : points)
    if (other.series != "routed") {
      const double lead = points[0].score.value - other.score.value;
      other.lead = Estimate{lead, {lead - 0.012, lead + 0.011}};
    }
  for (int step = 3; step <= 10; ++step) {
    std::vector<int> widths(routed.size());
    for (std::size_t i = 0; i < widths.size(); ++i) {
      const auto logits = recording.router_logits_of(i);
      widths[i] = logits.back() - logits.front() > 9 - 2 * step ? recording.full_width() : 0;
    }
    points.push_back(point(recording, "budget " + short_number(step / 10.0), "calibrated", widths));
    points.back().time_fraction = 1.04 * points.back().cost_fraction;
  }
  return points;
}

std::vector<Latency> latency_of(const ModelConfig& config, Random& random) {
  std::vector<Latency> latencies;
  const WidthSet widths(config);
  for (const int batch : {1, 8})
    for (const int tokens : {8, 16, 32, 64, 128})
      for (const Width& width : widths) {
        const double seconds = 0.0002 + batch * static_cast<double>(multiply_adds(config, width, tokens)) / 9e10 *
                                            (1 + 0.05 * random.uniform());
        latencies.push_back({.width = width.fraction(),
                             .tokens = tokens,
                             .batch = batch,
                             .runs = 40,
                             .seconds = seconds,
                             .low = seconds * 0.97,
                             .high = seconds * 1.06});
      }
  return latencies;
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

std::vector<EpochRecord> epochs_of(const SyntheticRunOptions& options, const Evaluation& last, Random& random) {
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
    Evaluation dev = last;
    const double progress = 1 - 0.25 * std::exp(-5 * done);
    for (auto& [name, value] : dev.full) value *= progress;
    for (auto& [name, value] : dev.routed) value *= progress - 0.01 * random.uniform();
    if (epoch.full_width_only) {
      dev.routed = dev.full;
      dev.cost_fraction = 1;
      for (AnswerMetrics& width : dev.answers) width.samples = 0;
      dev.answers.back().samples = dev.samples;
    } else {
      const auto moved = static_cast<std::int64_t>(static_cast<double>(dev.answers[0].samples) * 0.4 * (1 - done));
      dev.answers[0].samples -= moved;
      dev.answers.back().samples += moved;
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
  RecordedEvaluation recorded = {.threads = 2, .recording = record(dataset, config, random)};
  const Routing routing = route(recorded.recording, Policy::router());
  recorded.version = version();
  recorded.recording.model = "runs/" + options.name;
  recorded.answer_of_sample = routing.answer_of_sample;
  recorded.evaluation = evaluate(recorded.recording, routing);
  recorded.evaluation.seconds_routed = recorded.evaluation.seconds_full * (recorded.evaluation.cost_fraction + 0.03);

  RunFolder run{.name = options.name, .folder = "runs/" + options.name};
  TrainingOptions training;
  training.epochs = options.epochs;
  training.learning_rate = 3e-4;
  training.seed = options.seed;
  run.settings = flatten(nlohmann::ordered_json::parse(training.to_json()));
  run.config = config;
  run.epochs = epochs_of(options, recorded.evaluation, random);
  recorded.points = points_of(recorded.recording, routing, random);
  recorded.latency = latency_of(config, random);
  recorded.calls = {{.batch = 1,
                     .calls = 900,
                     .policy = {.p50 = 0.0021, .p95 = 0.0052, .p99 = 0.0063},
                     .full = {.p50 = 0.0048, .p95 = 0.0055, .p99 = 0.0065},
                     .time_fraction = 0.48},
                    {.batch = 32,
                     .calls = 28,
                     .policy = {.p50 = 0.071, .p95 = 0.092, .p99 = 0.101},
                     .full = {.p50 = 0.151, .p95 = 0.183, .p99 = 0.192},
                     .time_fraction = 0.47}};
  run.recorded = std::move(recorded);
  return run;
}

void save_run(const RunFolder& run, const std::filesystem::path& folder) {
  std::filesystem::create_directories(folder);
  std::string lines;
  for (const EpochRecord& epoch : run.epochs) lines += to_json_line(epoch) + "\n";
  write_file_atomically(folder / "metrics.jsonl", lines);
  nlohmann::ordered_json settings;
  for (const Setting& setting : run.settings) settings[setting.key] = setting.value;
  write_file_atomically(folder / "training.json", settings.dump(2));
  if (run.config) write_file_atomically(folder / "config.json", run.config->to_json());
  if (run.recorded) run.recorded->save(folder / recording_file);
}

}  // namespace sharcs::internal::testing
