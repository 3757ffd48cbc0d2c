#include "encoder_bench.hpp"

#include <malloc.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sharcs/classifier.hpp>
#include <sharcs/model.hpp>
#include <vector>

#include "bert_base.hpp"
#include "random_batch.hpp"
#include "roof.hpp"
#include "stopwatch.hpp"

namespace sharcs::internal::bench {
namespace {

/// Tokens of the first 64 sentences of SST-2's dev set under BERT's vocabulary: what a batch of real sentences looks
/// like.
constexpr int real_lengths[] = {12, 10, 24, 28, 13, 25, 8,  15, 26, 40, 23, 39, 25, 26, 29, 26, 21, 44, 14, 21, 41, 17,
                                10, 20, 18, 35, 35, 28, 19, 13, 35, 38, 10, 39, 27, 14, 31, 40, 27, 23, 25, 30, 26, 19,
                                21, 18, 23, 17, 14, 25, 42, 30, 22, 18, 27, 10, 32, 14, 14, 37, 27, 38, 21, 31};

const std::vector<double> widths = {0.25, 0.5, 0.75, 1.0};

std::int64_t batch_multiply_adds(const Engine& engine, const RandomBatch& batch, const Width& width) {
  std::int64_t sum = 0;
  for (const auto& sentence : batch.ids())
    sum += multiply_adds(engine.config(), width, static_cast<std::int64_t>(sentence.size()));
  return sum;
}

/// Forward passes take milliseconds, and a few of them are needed for a median.
Options for_encoders(const Options& options) {
  Options longer = options;
  longer.seconds *= 10;
  return longer;
}

/// One batch at each width, in turns.
void run_widths(const Engine& engine, const std::string& batch_name, const RandomBatch& batch, int threads,
                const Options& options, Report& report) {
  const std::string name = "encoder " + batch_name;
  if (!options.wants(name)) return;
  std::vector<Contender> contenders = {{"roof", [=] { run_multiply_adds(threads); }}};
  for (const Width& width : engine.widths())
    contenders.push_back({format("%g", width.fraction()),
                          [&, policy = Policy::fixed(width.fraction())] { engine.run(batch.inputs(), policy); }});
  const std::vector<Timing> timings = race(contenders, for_encoders(options));
  const double roof = multiply_add_operations(threads) / timings[0].best / 1e9;
  const Timing& full = timings.back();
  const double full_work = static_cast<double>(batch_multiply_adds(engine, batch, engine.widths().full()));
  nlohmann::json record = {{"part", "encoder"}, {"batch", batch_name}, {"threads", threads}, {"roof_gflops", roof}};
  std::string line = format("%-22s", name.c_str());
  for (int i = engine.widths().size() - 1; i >= 0; --i) {
    const Width& width = engine.widths()[i];
    const Timing& timing = timings[static_cast<std::size_t>(i + 1)];
    const double work = static_cast<double>(batch_multiply_adds(engine, batch, width));
    record["widths"].push_back({{"width", width.fraction()},
                                {"best_seconds", timing.best},
                                {"median_seconds", timing.median},
                                {"of_full_width", timing.over(full)},
                                {"multiply_adds", work}});
    line += i == engine.widths().size() - 1
                ? format("  full width %.2f ms, %.2f of the roof", timing.median * 1e3,
                         2 * work / multiply_add_operations(threads) / timing.over(timings[0]))
                : format("  %g: %.3f of it (work %.3f)", width.fraction(), timing.over(full), work / full_work);
  }
  report.line(line);
  report.record(record);
}

/// A batch half of which runs narrow, beside its two halves run apart. The lengths decide, the odd ones running full.
void run_mixture(const Engine& engine, int threads, const Options& options, Report& report) {
  const std::string name = "encoder mixed widths";
  if (!options.wants(name)) return;
  std::vector<int> even, odd;
  for (const int length : real_lengths) (length % 2 == 0 ? even : odd).push_back(length);
  const int vocab_size = engine.config().vocab_size;
  const RandomBatch mixed(real_lengths, vocab_size), narrow(even, vocab_size), wide(odd, vocab_size);
  const int last = engine.widths().size() - 1;
  const Policy by_length =
      Policy::custom([last](const RoutingQuery& query) { return query.tokens % 2 == 0 ? 0 : last; }, "by length");
  const std::vector<Timing> timings = race({{"together", [&] { engine.run(mixed.inputs(), by_length); }},
                                            {"apart",
                                             [&] {
                                               engine.run(narrow.inputs(), by_length);
                                               engine.run(wide.inputs(), by_length);
                                             }}},
                                           for_encoders(options));
  report.line(format("%-22s  %zu real lengths, half at %g: %.2f ms together, %.3f of the halves run apart",
                     name.c_str(), mixed.inputs().size(), engine.widths()[0].fraction(), timings[0].median * 1e3,
                     timings[0].over(timings[1])));
  report.record({{"part", "mixed_widths"},
                 {"threads", threads},
                 {"together_seconds", timings[0].median},
                 {"apart_seconds", timings[1].median}});
}

/// Bytes of this process that are in memory.
std::int64_t resident_bytes() {
  std::ifstream file("/proc/self/statm");
  std::int64_t all = 0, resident = 0;
  file >> all >> resident;
  return resident * sysconf(_SC_PAGESIZE);
}

/// From a model directory to an engine that answers.
void run_loading(int threads, const Options& options, Report& report) {
  const std::string name = "encoder load";
  if (!options.wants(name)) return;
  const std::filesystem::path folder =
      std::filesystem::temp_directory_path() / ("sharcs_bench_" + std::to_string(getpid()));
  Model::create(bert_base(widths)).save(folder);
  std::vector<double> seconds;
  std::int64_t growth = 0;
  std::size_t weights = 0, workspace = 0;
  for (int round = 0; round < options.rounds; ++round) {
    malloc_trim(0);  // what was freed before must not be counted as ours
    const std::int64_t before = resident_bytes();
    const double start = now();
    const Engine engine = Engine::load(folder, {.threads = threads});
    seconds.push_back(now() - start);
    const RandomBatch batch({1, 128}, engine.config().vocab_size);
    engine.run(batch.inputs());
    growth = std::max(growth, resident_bytes() - before);
    weights = engine.weight_bytes();
    workspace = engine.workspace_bytes();
  }
  std::filesystem::remove_all(folder);
  std::sort(seconds.begin(), seconds.end());
  const double median = seconds[seconds.size() / 2];
  constexpr double megabyte = 1 << 20;
  report.line(format("%-22s  %.2f s; %.0f MB resident for %.0f MB of weights and %.1f MB of workspace (1 x 128)",
                     name.c_str(), median, static_cast<double>(growth) / megabyte,
                     static_cast<double>(weights) / megabyte, static_cast<double>(workspace) / megabyte));
  report.record({{"part", "load"},
                 {"threads", threads},
                 {"median_seconds", median},
                 {"resident_bytes", growth},
                 {"weight_bytes", weights},
                 {"workspace_bytes", workspace}});
}

}  // namespace

void run_encoder_bench(const Options& options, Report& report) {
  const char* const parts[] = {"encoder 1 x 16",  "encoder 1 x 32",       "encoder 1 x 128",      "encoder 8 x 128",
                               "encoder 32 x 32", "encoder real lengths", "encoder mixed widths", "encoder load"};
  if (std::none_of(std::begin(parts), std::end(parts), [&](const char* part) { return options.wants(part); })) return;
  run_loading(options.threads.back(), options, report);
  const Model model = Model::create(bert_base(widths));
  for (const int threads : options.threads) {
    report.heading(format("BERT-base with a router after layer 3, random weights, sentences x tokens, %s",
                          count_of_threads(threads).c_str()));
    const Engine engine(model, {.threads = threads});
    const int vocab_size = engine.config().vocab_size;
    for (const BatchShape shape : batch_shapes)
      run_widths(engine, shape.name(), RandomBatch(shape, vocab_size), threads, options, report);
    run_widths(engine, "real lengths", RandomBatch(real_lengths, vocab_size), threads, options, report);
    run_mixture(engine, threads, options, report);
  }
}

}  // namespace sharcs::internal::bench
