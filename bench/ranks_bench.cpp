#include "ranks_bench.hpp"

#include <algorithm>
#include <chrono>
#include <thread>

#include "core/threads.hpp"
#include "roof.hpp"
#include "stopwatch.hpp"
#include "trained_bert.hpp"

namespace sharcs::bench {
namespace {

void wait_for_all(Communicator& ranks) {
  double nothing = 0;
  ranks.sum(std::span(&nothing, 1));
}

/// Seconds of work(), which the first rank does while the others sleep. `expected`: how long it may take.
template <class Work>
double seconds_alone(Communicator& ranks, double expected, const Work& work) {
  wait_for_all(ranks);
  double seconds = 0;
  if (ranks.is_first()) {
    const double begin = now();
    work();
    seconds = now() - begin;
  } else {
    // Who waits for others keeps its core busy: not before the end is near.
    std::this_thread::sleep_for(std::chrono::duration<double>(0.8 * expected));
  }
  ranks.sum(std::span(&seconds, 1));
  return seconds;
}

template <class Work>
double seconds_together(Communicator& ranks, const Work& work) {
  wait_for_all(ranks);
  const double begin = now();
  work();
  wait_for_all(ranks);
  return now() - begin;
}

}  // namespace

void run_ranks_bench(const Options& options, Communicator& ranks, Report& report) {
  TrainedBert bert(64);
  const auto sentences = static_cast<double>(bert.sentences());
  report.heading(format("BERT-base at full width, AdamW, no dropout, %td sentences of %td tokens", bert.sentences(),
                        TrainedBert::tokens));
  StepRunner alone = bert.runner(), together = bert.runner(ranks);
  const auto step_alone = [&] { bert.step(alone, {1}); };
  const auto step_together = [&] { bert.step(together, {1}); };
  for (const int threads : options.threads) {
    const ThreadScope scope(threads);
    // What the machine gives: cores that work together are often slower than one alone. Some tenths of a second.
    const auto calls = static_cast<int>(5e10 * threads / multiply_add_operations(threads)) + 1;
    const auto multiply_adds = [&] {
      for (int call = 0; call < calls; ++call) run_multiply_adds(threads);
    };
    // The first steps touch their memory for the first time.
    double expected = seconds_alone(ranks, 0, step_alone);
    seconds_together(ranks, step_together);
    std::vector<double> one, all, ratios, roof_ratios;
    double roof_one = 0;
    for (int turn = 0; turn < options.rounds; ++turn) {
      one.push_back(expected = seconds_alone(ranks, expected, step_alone));
      all.push_back(seconds_together(ranks, step_together));
      ratios.push_back(one.back() / all.back());
      roof_one = seconds_alone(ranks, roof_one, multiply_adds);
      roof_ratios.push_back(ranks.ranks() * roof_one / seconds_together(ranks, multiply_adds));
    }
    report.line(format("%d thread%s a rank: one rank %.2f samples/s, %d ranks %.2f", threads, threads == 1 ? "" : "s",
                       sentences / median(one), ranks.ranks(), sentences / median(all)));
    report.line(format("  %.2f times (turns %.2f to %.2f), where multiply-adds alone reach %.2f (%.2f to %.2f)",
                       median(ratios), *std::ranges::min_element(ratios), *std::ranges::max_element(ratios),
                       median(roof_ratios), *std::ranges::min_element(roof_ratios),
                       *std::ranges::max_element(roof_ratios)));
    report.record({{"part", "ranks"},
                   {"ranks", ranks.ranks()},
                   {"threads", threads},
                   {"one_rank_seconds", one},
                   {"all_ranks_seconds", all},
                   {"roof_ratios", roof_ratios}});
  }
}

}  // namespace sharcs::bench
