#include "threads_bench.hpp"

#include <algorithm>
#include <atomic>
#include <sharcs/classifier.hpp>
#include <sharcs/model.hpp>
#include <thread>
#include <vector>

#include "bert_base.hpp"
#include "core/available_cores.hpp"
#include "core/stages.hpp"
#include "core/threads.hpp"
#include "random_batch.hpp"
#include "stopwatch.hpp"

namespace sharcs::internal::bench {
namespace {

constexpr Index tokens = 32;  ///< of a sentence

/// Fewer threads than cores, as many, and many more.
std::vector<int> thread_counts() {
  const int cores = available_cores();
  std::vector<int> counts = {1};
  for (int count = 2; count < cores; count *= 2) counts.push_back(count);
  for (const int factor : {1, 4, 8}) counts.push_back(factor * cores);
  counts.erase(std::unique(counts.begin(), counts.end()), counts.end());
  return counts;
}

/// Seconds of a piece of so many stages with nothing to do but to wait, in each, until every thread has come.
double cost_of_meeting(int threads, int stage_count, const Options& options) {
  const ThreadScope scope(threads);
  Workspace workspace;
  const auto meet = [&] {
    const Workspace::Mark mark = workspace.mark();
    Stages stages(workspace);
    std::vector<std::atomic<int>> come(static_cast<std::size_t>(stage_count));
    const double start = now();
    for (std::atomic<int>& of_stage : come)
      stages.add(threads, [&of_stage, threads, start](int) {
        ++of_stage;
        // OpenMP may give fewer threads than asked for, so nobody waits for ever.
        while (of_stage < threads && now() - start < 1e-3) std::this_thread::yield();
      });
    stages.run();
    workspace.release(mark);
  };
  return race({{"piece", meet}}, options).front().median;
}

/// The same call on each number of threads, in turns.
void run_counts(const Model& model, double width, const Options& options, Report& report) {
  const std::string name = format("threads 1 x %d, width %g", static_cast<int>(tokens), width);
  if (!options.wants(name)) return;
  Random random(derive_key(1, "bench threads"));
  const std::vector<std::int32_t> sentence = random_words(random, tokens, model.config().vocab_size);
  const std::vector<TokenSequence> inputs = {{sentence}};
  const std::vector<int> counts = thread_counts();
  std::vector<Engine> engines;
  for (const int count : counts) engines.emplace_back(model, EngineOptions{.threads = count});
  const Policy policy = Policy::fixed(width);
  std::vector<Contender> contenders;
  for (const Engine& engine : engines)
    contenders.push_back({"", [&engine, &inputs, &policy] { engine.run(inputs, policy); }});
  Options longer = options;
  longer.seconds *= 10;
  const std::vector<Timing> timings = race(contenders, longer);
  for (std::size_t i = 0; i < counts.size(); ++i) {
    const SharedWork before = shared_work();
    engines[i].run(inputs, policy);
    const SharedWork shared = shared_work() - before;
    const auto pieces = static_cast<double>(shared.pieces), stages = static_cast<double>(shared.stages);
    // No more threads than cores can come to a piece at once; the others' parts are done by those that have come.
    const int at_once = std::min(counts[i], available_cores());
    constexpr int more_stages = 10;
    const double piece_cost = cost_of_meeting(at_once, 1, options);
    const double stage_cost =
        std::max(0.0, (cost_of_meeting(at_once, 1 + more_stages, options) - piece_cost) / more_stages);
    const double expected = timings[0].median / at_once + pieces * piece_cost + (stages - pieces) * stage_cost;
    report.line(format("%-24s %2d threads: %7.2f ms (model %.2f), %.0f pieces of %.2f us, %.0f more stages of %.2f us",
                       name.c_str(), counts[i], timings[i].median * 1e3, expected * 1e3, pieces, piece_cost * 1e6,
                       stages - pieces, stage_cost * 1e6));
    report.record({{"part", "threads"},
                   {"width", width},
                   {"threads", counts[i]},
                   {"median_seconds", timings[i].median},
                   {"best_seconds", timings[i].best},
                   {"model_seconds", expected},
                   {"pieces", pieces},
                   {"stages", stages},
                   {"piece_seconds", piece_cost},
                   {"stage_seconds", stage_cost}});
  }
}

/// Threads of an application that call one engine with a sentence each, beside one call with all sentences.
void run_callers(const Model& model, const Options& options, Report& report) {
  constexpr int callers = 8, sentences_of_a_caller = 4;
  const std::string name = format("callers %d x 1", callers);
  if (!options.wants(name)) return;
  const Engine engine(model, {.threads = options.threads.back()});
  Random random(derive_key(1, "bench callers"));
  std::vector<std::vector<std::int32_t>> sentences;
  for (int s = 0; s < callers * sentences_of_a_caller; ++s)
    sentences.push_back(random_words(random, tokens, model.config().vocab_size));
  const std::vector<TokenSequence> all(sentences.begin(), sentences.end());
  const Policy policy = Policy::fixed(1);
  const auto call_by_many = [&] {
    std::vector<std::thread> threads;
    for (int caller = 0; caller < callers; ++caller)
      threads.emplace_back([&, caller] {
        for (int s = 0; s < sentences_of_a_caller; ++s)
          engine.run(std::span(all).subspan(static_cast<std::size_t>(caller * sentences_of_a_caller + s), 1), policy);
      });
    for (std::thread& thread : threads) thread.join();
  };
  Options longer = options;
  longer.seconds *= 30;
  const std::vector<Timing> timings =
      race({{"together", [&] { engine.run(all, policy); }}, {"callers", call_by_many}}, longer);
  const double rate = 1 / timings[1].over(timings[0]);
  report.line(format("%s sentence, engine with %s: %.1f sentences a second, %.3f of one call with all of them",
                     name.c_str(), count_of_threads(options.threads.back()).c_str(),
                     static_cast<double>(all.size()) / timings[1].median, rate));
  report.record({{"part", "callers"},
                 {"threads", options.threads.back()},
                 {"callers", callers},
                 {"callers_seconds", timings[1].median},
                 {"together_seconds", timings[0].median},
                 {"rate_of_together", rate}});
}

}  // namespace

void run_threads_bench(const Options& options, Report& report) {
  if (!options.wants("threads 1 x 32, width 1") && !options.wants("threads 1 x 32, width 0.25") &&
      !options.wants("callers 8 x 1"))
    return;
  const Model model = Model::create(bert_base({0.25, 1.0}));
  report.heading(format("BERT-base on more and more threads; this process may use %d cores", available_cores()));
  for (const double width : {1.0, 0.25}) run_counts(model, width, options, report);
  run_callers(model, options, report);
}

}  // namespace sharcs::internal::bench
