#include "tokenizer_bench.hpp"

#include <sharcs/error.hpp>
#include <sharcs/tokenizer.hpp>
#include <sstream>

#include "core/threads.hpp"
#include "data/synthetic.hpp"
#include "data/tokenized_dataset.hpp"
#include "io/file.hpp"
#include "stopwatch.hpp"

namespace sharcs::internal::bench {
namespace {

constexpr std::size_t sentences = 100'000;

/// As many as asked for, from the beginning again when there are fewer.
Dataset sentences_of(const std::string& file) {
  if (file.empty()) return SyntheticData::generate({.train = sentences, .dev = 2, .test = 0}).train;
  Dataset dataset = {.file = file, .samples = {}, .notes = {}};
  std::istringstream lines(read_text_file(file));
  for (std::string line; dataset.samples.size() < sentences && std::getline(lines, line);)
    dataset.samples.push_back({.text = line});
  if (dataset.samples.empty()) throw DataError(file + ": there are no lines");
  for (std::size_t i = 0; dataset.samples.size() < sentences; ++i) dataset.samples.push_back(dataset.samples[i]);
  return dataset;
}

Tokenizer tokenizer_for(const Dataset& dataset, const std::string& path) {
  if (!path.empty()) return Tokenizer::load(path);
  std::vector<std::string> texts;
  for (const Sample& sample : dataset.samples) texts.push_back(sample.text);
  return Tokenizer::train_wordpiece(texts, {.vocab_size = 8000});
}

}  // namespace

void run_tokenizer_bench(const Options& options, Report& report) {
  const std::string name = "tokenize 100000 sentences";
  if (!options.wants(name)) return;
  const Dataset dataset = sentences_of(options.texts);
  const Tokenizer tokenizer = tokenizer_for(dataset, options.tokenizer);
  const Task task = Task::custom({.kind = TaskKind::classification, .labels = {"no", "yes"}});
  constexpr std::size_t max_length = 512;
  const Index tokens = tokenize(dataset, task, tokenizer, max_length).tokens.tokens();
  report.heading("sentences: " + (options.texts.empty() ? "generated" : options.texts) +
                 ", tokenizer: " + (options.tokenizer.empty() ? "WordPieces made from them" : options.tokenizer));
  for (const int threads : options.threads) {
    const ThreadScope scope(threads);
    const Timing timing =
        race({{"tokenize", [&] { tokenize(dataset, task, tokenizer, max_length); }}}, options).front();
    report.line(format("%s, %s: %.2f s, %.1f million tokens a second", name.c_str(), count_of_threads(threads).c_str(),
                       timing.median, static_cast<double>(tokens) / timing.median / 1e6));
    report.record({{"part", "tokenizer"},
                   {"threads", threads},
                   {"sentences", sentences},
                   {"tokens", tokens},
                   {"best_seconds", timing.best},
                   {"median_seconds", timing.median}});
  }
}

}  // namespace sharcs::internal::bench
