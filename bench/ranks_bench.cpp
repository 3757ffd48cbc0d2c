#include "ranks_bench.hpp"

#include <chrono>
#include <memory>
#include <thread>

#include "core/threads.hpp"
#include "roof.hpp"
#include "stopwatch.hpp"
#include "trained_bert.hpp"

namespace sharcs::internal::bench {
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
  // Of the first rank alone: a runner holds gradients and moments, 1.3 GB.
  std::unique_ptr<StepRunner> alone;
  if (ranks.is_first()) alone.reset(new StepRunner(bert.runner()));
  StepRunner together = bert.runner(ranks);
  const auto step_alone = [&] { bert.step(*alone, {1}); };
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
    Timing one, all, roof_one, roof_all;
    double roof_expected = 0;
    for (int turn = 0; turn < options.rounds; ++turn) {
      one.best_of_turn.push_back(expected = seconds_alone(ranks, expected, step_alone));
      all.best_of_turn.push_back(seconds_together(ranks, step_together));
      roof_one.best_of_turn.push_back(roof_expected = seconds_alone(ranks, roof_expected, multiply_adds));
      roof_all.best_of_turn.push_back(seconds_together(ranks, multiply_adds));
    }
    const double ratio = one.over(all), roof_ratio = ranks.ranks() * roof_one.over(roof_all);
    report.line(format("%s a rank: one rank %.2f samples/s, %d ranks %.2f", count_of_threads(threads).c_str(),
                       sentences / median(one.best_of_turn), ranks.ranks(), sentences / median(all.best_of_turn)));
    report.line(format("  %.2f times, where multiply-adds alone reach %.2f", ratio, roof_ratio));
    report.record({{"part", "ranks"},
                   {"ranks", ranks.ranks()},
                   {"threads", threads},
                   {"one_rank_seconds", one.best_of_turn},
                   {"all_ranks_seconds", all.best_of_turn},
                   {"ratio", ratio},
                   {"roof_ratio", roof_ratio}});
  }
}

}  // namespace sharcs::internal::bench
