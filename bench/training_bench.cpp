#include "training_bench.hpp"

#include <sys/resource.h>

#include <numeric>
#include <sharcs/cost.hpp>
#include <sharcs/model.hpp>

#include "bert_base.hpp"
#include "core/threads.hpp"
#include "roof.hpp"
#include "stopwatch.hpp"
#include "train/step_runner.hpp"

namespace sharcs::bench {
namespace {

constexpr Index sentences = 32, tokens = 32;

TokenizedDataset random_sentences(int vocab_size) {
  Random random(derive_key(1, "bench training"));
  TokenizedDataset data;
  for (Index s = 0; s < sentences; ++s) {
    data.tokens.add(random_words(random, tokens, vocab_size), {});
    data.lengths.push_back(static_cast<std::int32_t>(tokens));
    data.labels.push_back(static_cast<std::int32_t>(s % 2));
  }
  return data;
}

}  // namespace

void run_training_bench(const Options& options, Report& report) {
  const std::string name = "training step 32 x 32";
  if (!options.wants(name)) return;
  report.heading("BERT-base with a router after layer 3, AdamW, no dropout, 32 sentences of 32 tokens");
  ModelConfig config = bert_base({0.25, 1.0});
  config.hidden_dropout_prob = config.attention_probs_dropout_prob = 0;
  Model model = Model::create(config);
  const TokenizedDataset data = random_sentences(model.config().vocab_size);
  const Dataset dataset = {.file = "random words", .samples = std::vector<Sample>(sentences), .notes = {}};
  const WidthSet& widths = model.widths();
  StepRunner runner(model.network(), {}, 1, dataset, data,
                    [&](std::span<const Index> samples) { return data.gather(samples); });
  HardnessHistory history(sentences, {.window = 1, .widths = {0.25, 1}, .thresholds = {{0.5, 1.01}, {0, 0.5}}});
  const std::vector<WidthLabel> labels(sentences, WidthLabel::only(0));
  std::vector<Index> all(sentences);
  std::iota(all.begin(), all.end(), Index{0});
  std::int64_t number = 0;
  // Full width as in a plain encoder: its router rests. The others train the router too.
  const auto step = [&](std::initializer_list<int> of_widths) {
    PlannedStep planned;
    for (const int width : of_widths) planned.push_back({.width = width, .samples = all, .whole_size = sentences});
    const bool plain = of_widths.size() == 1 && *of_widths.begin() == widths.size() - 1;
    runner.run(planned, plain ? std::span<const WidthLabel>() : labels, ++number, 1e-5, history);
  };
  const auto work_at = [&](int width) {
    return 3.0 * sentences * static_cast<double>(multiply_adds(model.config(), widths[width], tokens));
  };

  for (const int threads : options.threads) {
    const ThreadScope scope(threads);
    Options longer = options;
    longer.seconds *= 20;
    const std::vector<Timing> timings = race({{"roof", [=] { run_multiply_adds(threads); }},
                                              {"1", [&] { step({1}); }},
                                              {"0.25", [&] { step({0}); }},
                                              {"0.25 and 1",
                                               [&] {
                                                 step({0, 1});
                                               }},
                                              {"pack", [&] { model.network().pack(); }}},
                                             longer);
    const double roof = multiply_add_operations(threads) / timings[0].best / 1e9;
    const double full = timings[1].median;
    report.line(format("%d thread%s: full width %.0f ms, %.2f of the roof; packing %.3f of it", threads,
                       threads == 1 ? "" : "s", full * 1e3,
                       2 * work_at(1) / multiply_add_operations(threads) / timings[1].over(timings[0]),
                       timings[4].over(timings[1])));
    report.line(format("  0.25: %.3f of it (work %.3f)   0.25 and 1: %.3f of it (work %.3f)",
                       timings[2].over(timings[1]), work_at(0) / work_at(1), timings[3].over(timings[1]),
                       1 + work_at(0) / work_at(1)));
    nlohmann::json record = {{"part", "training"}, {"threads", threads}, {"roof_gflops", roof}};
    const char* const names[] = {"", "full", "narrow", "joint", "pack"};
    for (std::size_t i = 1; i < timings.size(); ++i)
      record[names[i]] = {{"best_seconds", timings[i].best}, {"median_seconds", timings[i].median}};
    record["full"]["multiply_adds"] = work_at(1);
    record["narrow"]["multiply_adds"] = work_at(0);
    report.record(record);
  }
  rusage usage = {};
  getrusage(RUSAGE_SELF, &usage);
  report.line(format("  most memory of the process: %.2f GB", static_cast<double>(usage.ru_maxrss) / (1 << 20)));
  report.record({{"part", "training_memory"}, {"resident_bytes", static_cast<std::int64_t>(usage.ru_maxrss) * 1024}});
}

}  // namespace sharcs::bench
