#include "training_bench.hpp"

#include <sys/resource.h>

#include <sharcs/model.hpp>

#include "core/threads.hpp"
#include "formats/model_access.hpp"
#include "python_peer.hpp"
#include "roof.hpp"
#include "stopwatch.hpp"
#include "trained_bert.hpp"

namespace sharcs::internal::bench {

void run_training_bench(const Options& options, Report& report) {
  const std::string name = "training step 32 x 32";
  if (!options.wants(name)) return;
  report.heading("BERT-base with a router after layer 3, AdamW, no dropout, 32 sentences of 32 tokens");
  TrainedBert bert(32);
  StepRunner runner = bert.runner();
  const auto step = [&](std::initializer_list<int> widths) { bert.step(runner, widths); };
  const auto work_at = [&](int width) {
    return 3.0 * static_cast<double>(bert.sentences()) *
           static_cast<double>(multiply_adds(bert.model().config(), bert.model().widths()[width], TrainedBert::tokens));
  };

  for (const int threads : options.threads) {
    const ThreadScope scope(threads);
    Options longer = options;
    longer.seconds *= 20;
    const std::unique_ptr<PythonPeer> pytorch = PythonPeer::start(
        "pytorch_peer.py",
        {std::to_string(bert.sentences()), std::to_string(TrainedBert::tokens), std::to_string(threads)});
    if (!pytorch) report.line(not_timed("PyTorch", "torch and transformers"));
    // The roof and full width, then `others`, then PyTorch.
    const auto timings_of = [&](const std::vector<Contender>& others, const std::string& numbers) {
      std::vector<Contender> contenders = {{"roof", [=] { run_multiply_adds(threads); }}, {"1", [&] { step({1}); }}};
      contenders.insert(contenders.end(), others.begin(), others.end());
      if (pytorch) contenders.push_back({pytorch->name(), [&] { pytorch->run(numbers); }, threads > 1 ? 0.05 : 0});
      return race(contenders, longer);
    };
    const std::vector<Timing> timings = timings_of({{"0.25", [&] { step({0}); }},
                                                    {"0.25 and 1",
                                                     [&] {
                                                       step({0, 1});
                                                     }},
                                                    {"distilled", [&] { bert.distil(runner); }},
                                                    {"pack", [&] { network_of(bert.model()).pack(); }}},
                                                   "fp32");
    // Each step packs the weights anew, so the products' numbers are changed between steps only.
    const auto in = [&](kernels::Numbers numbers) {
      network_of(bert.model()).set_product_numbers(numbers);
      network_of(bert.model()).pack();
    };
    in(kernels::Numbers::bf16);
    const std::vector<Timing> bf16 = timings_of({}, "bf16");
    in(kernels::Numbers::whole);
    const double roof = multiply_add_operations(threads) / timings[0].best / 1e9;
    const double full = timings[1].median;
    report.line(format(
        "%s: full width %.0f ms, %.2f of the roof; packing %.3f of it", count_of_threads(threads).c_str(), full * 1e3,
        2 * work_at(1) / multiply_add_operations(threads) / timings[1].over(timings[0]), timings[5].over(timings[1])));
    report.line(format("  0.25: %.3f of it (work %.3f)   0.25 and 1: %.3f of it (work %.3f)",
                       timings[2].over(timings[1]), work_at(0) / work_at(1), timings[3].over(timings[1]),
                       1 + work_at(0) / work_at(1)));
    report.line(format("  distilled, 0.25 beside full width: %.3f of it", timings[4].over(timings[1])));
    report.line(
        format("  full width with bf16 products: %.3f of it", bf16[1].over(bf16[0]) / timings[1].over(timings[0])));
    nlohmann::json record = {{"part", "training"}, {"threads", threads}, {"roof_gflops", roof}};
    const char* const names[] = {"", "full", "narrow", "joint", "distilled", "pack", "pytorch"};
    for (std::size_t i = 1; i < timings.size(); ++i)
      record[names[i]] = {{"best_seconds", timings[i].best}, {"median_seconds", timings[i].median}};
    record["full_bf16"] = {{"best_seconds", bf16[1].best}, {"median_seconds", bf16[1].median}};
    record["full"]["multiply_adds"] = work_at(1);
    record["narrow"]["multiply_adds"] = work_at(0);
    if (pytorch) {
      const Timing& fp32_peer = timings.back();
      const Timing& bf16_peer = bf16.back();
      report.line(format("  %s: full width %.0f ms, ours %.2f of it; with bf16 products %.0f ms, ours %.2f of it",
                         pytorch->name().c_str(), fp32_peer.median * 1e3, timings[1].over(fp32_peer),
                         bf16_peer.median * 1e3, bf16[1].over(bf16_peer)));
      record["pytorch_bf16"] = {{"best_seconds", bf16_peer.best}, {"median_seconds", bf16_peer.median}};
    }
    report.record(record);
  }
  rusage usage = {};
  getrusage(RUSAGE_SELF, &usage);
  report.line(format("  most memory of the process: %.2f GB", static_cast<double>(usage.ru_maxrss) / (1 << 20)));
  report.record({{"part", "training_memory"}, {"resident_bytes", static_cast<std::int64_t>(usage.ru_maxrss) * 1024}});
}

}  // namespace sharcs::internal::bench
