#include "queue_bench.hpp"

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
    const auto queue_with = [&](int delay) {
      return std::make_unique<BatchQueue>(classifier, BatchQueueOptions{.max_delay = std::chrono::microseconds(delay)});
    };
    const BatchQueueOptions defaults;
    const auto queue = queue_with(static_cast<int>(defaults.max_delay.count())), at_once = queue_with(0);
    Options longer = options;
    longer.seconds *= 20;
    const auto through = [&](BatchQueue& to) {
      return [&to, &texts] { call_by_many(texts, [&](const std::string& text) { to.submit(text).get(); }); };
    };
    const std::vector<Timing> timings =
        race({{"calls", [&] { call_by_many(texts, [&](const std::string& text) { classifier->classify(text); }); }},
              {"queue", through(*queue)},
              {"queue without delay", through(*at_once)},
              {"one call", [&] { classifier->classify(texts); }}},
             longer);
    const auto size_of = [](const BatchQueue& of) {
      const BatchQueueCounts counts = of.counts();
      return static_cast<double>(counts.answered) / static_cast<double>(counts.batches);
    };
    const double gain = timings[0].over(timings[1]), without_delay = timings[0].over(timings[2]);
    report.line(
        format("%s, %s: %.0f sentences a second by calls; by the queue %.2f times as many (batches of %.1f), "
               "without its delay %.2f times (of %.1f), in one call %.2f times",
               name.c_str(), count_of_threads(threads).c_str(), static_cast<double>(texts.size()) / timings[0].median,
               gain, size_of(*queue), without_delay, size_of(*at_once), timings[0].over(timings[3])));
    report.record({{"part", "queue"},
                   {"threads", threads},
                   {"callers", callers},
                   {"calls_seconds", timings[0].median},
                   {"queue_seconds", timings[1].median},
                   {"queue_without_delay_seconds", timings[2].median},
                   {"one_call_seconds", timings[3].median},
                   {"gain", gain},
                   {"gain_without_delay", without_delay},
                   {"batch", size_of(*queue)}});
  }
}

}  // namespace sharcs::internal::bench
