#include "queue_bench.hpp"

#include <ctime>
#include <memory>
#include <sharcs/batch_queue.hpp>
#include <sharcs/model.hpp>
#include <thread>
#include <vector>

#include "data/synthetic.hpp"
#include "stopwatch.hpp"

namespace sharcs::internal::bench {
namespace {

constexpr int callers = 8, sentences_of_a_caller = 8;

/// 6 layers of 384, with the vocabulary that the sentences need: its size does not matter for the time.
std::shared_ptr<const Classifier> mini_lm(const std::vector<std::string>& texts, int threads) {
  const Tokenizer tokenizer = Tokenizer::train_wordpiece(texts, {.vocab_size = 8000, .min_frequency = 1});
  ModelConfig config;
  config.vocab_size = static_cast<int>(tokenizer.vocab_size());
  config.pad_token_id = tokenizer.pad_id();
  config.hidden_size = 384;
  config.num_hidden_layers = 6;
  config.num_attention_heads = 12;
  config.intermediate_size = 1536;
  return std::make_shared<const Classifier>(Engine(Model::create(config), {.threads = threads}), tokenizer);
}

/// Every caller with its sentences, one after the other.
template <class Ask>
void call_by_many(const std::vector<std::string>& texts, const Ask& ask) {
  std::vector<std::thread> threads;
  for (int caller = 0; caller < callers; ++caller)
    threads.emplace_back([&, caller] {
      for (int s = 0; s < sentences_of_a_caller; ++s)
        ask(texts[static_cast<std::size_t>(caller * sentences_of_a_caller + s)]);
    });
  for (std::thread& thread : threads) thread.join();
}

}  // namespace

void run_queue_bench(const Options& options, Report& report) {
  const std::string name = format("queue %d callers", callers);
  if (!options.wants(name)) return;
  std::vector<std::string> texts;
  for (const Sample& sample :
       SyntheticData::generate({.train = callers * sentences_of_a_caller, .dev = 2, .test = 0}).train.samples)
    texts.push_back(sample.text);
  report.heading("8 threads, a sentence after the other each, encoder of 6 layers of 384; generated sentences");
  for (const int threads : options.threads) {
    const auto classifier = mini_lm(texts, threads);
    const auto queue_with = [&](int microseconds) {
      return std::make_unique<BatchQueue>(classifier,
                                          BatchQueueOptions{.max_delay = std::chrono::microseconds(microseconds)});
    };
    constexpr int delay = 500;  // µs
    const auto queue = queue_with(0), delayed = queue_with(delay);
    Options longer = options;
    longer.seconds *= 20;
    const auto through = [&](BatchQueue& to) {
      return [&to, &texts] { call_by_many(texts, [&](const std::string& text) { to.submit(text).get(); }); };
    };
    const auto calls = [&] { call_by_many(texts, [&](const std::string& text) { classifier->classify(text); }); };
    const std::vector<Timing> timings = race({{"calls", calls},
                                              {"queue", through(*queue)},
                                              {"queue with a delay", through(*delayed)},
                                              {"one call", [&] { classifier->classify(texts); }}},
                                             longer);
    // What else runs on the machine changes rates, since the callers are more threads than the queue's; it hardly
    // changes the time that the processor works for a sentence.
    const auto work_of = [](const auto& run) {
      const std::clock_t start = std::clock();
      run();
      return static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
    };
    std::vector<double> work_ratios;
    for (int round = 0; round < options.rounds; ++round) {
      const double of_calls = work_of(calls);
      work_ratios.push_back(of_calls / work_of(through(*queue)));
    }
    const double work = median(std::move(work_ratios));
    const auto size_of = [](const BatchQueue& of) {
      const BatchQueueCounts counts = of.counts();
      return static_cast<double>(counts.answered) / static_cast<double>(counts.batches);
    };
    const double gain = timings[0].over(timings[1]), with_delay = timings[0].over(timings[2]);
    report.line(
        format("%s, %s: %.0f sentences a second by calls; by the queue %.2f times as many (batches of %.1f), "
               "with a delay of %d us %.2f times (of %.1f)",
               name.c_str(), count_of_threads(threads).c_str(), static_cast<double>(texts.size()) / timings[0].median,
               gain, size_of(*queue), delay, with_delay, size_of(*delayed)));
    report.line(
        format("  one call with all sentences: %.2f times as many; processor time of calls: %.2f times the queue's",
               timings[0].over(timings[3]), work));
    report.record({{"part", "queue"},
                   {"threads", threads},
                   {"callers", callers},
                   {"calls_seconds", timings[0].median},
                   {"queue_seconds", timings[1].median},
                   {"queue_with_delay_seconds", timings[2].median},
                   {"one_call_seconds", timings[3].median},
                   {"gain", gain},
                   {"processor_time_of_calls", work},
                   {"gain_with_delay", with_delay},
                   {"batch", size_of(*queue)}});
  }
}

}  // namespace sharcs::internal::bench
