#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "core/random.hpp"
#include "data/tokenized_dataset.hpp"
#include "io/file.hpp"
#include "sharcs/model.hpp"
#include "sharcs/task.hpp"
#include "sharcs/tokenizer.hpp"
#include "sharcs/trainer.hpp"
#include "train/metrics_log.hpp"
#include "train/step_runner.hpp"

namespace sharcs::internal::testing {

/// Sentences of a few words, of which one decides the label. Every second one is easy: it says the deciding word three
/// times.
inline Dataset tiny_sentences(TaskKind kind, std::size_t count, std::uint64_t seed, const std::string& file) {
  const std::vector<std::string> neutral = {"the", "film", "is", "a", "story", "of", "two", "dogs", "and", "rain"};
  const std::vector<std::string> deciding[2] = {{"bad", "dull", "poor"}, {"good", "fine", "great"}};
  Random random(seed);
  Dataset dataset;
  dataset.file = file;
  for (std::size_t i = 0; i < count; ++i) {
    const int label = static_cast<int>(random.below(2));
    const bool easy = random.below(2) == 0;
    std::vector<std::string> words;
    const std::uint64_t length = 2 + random.below(6);
    for (std::uint64_t w = 0; w < length; ++w) words.push_back(neutral[random.below(neutral.size())]);
    const std::string& word = deciding[label][random.below(3)];
    for (int repeat = 0; repeat < (easy ? 3 : 1); ++repeat)
      words.insert(words.begin() + static_cast<std::ptrdiff_t>(random.below(words.size() + 1)), word);
    std::string text;
    for (const std::string& w : words) text += (text.empty() ? "" : " ") + w;
    Sample sample{.text = text, .line = i + 2};
    if (kind == TaskKind::classification)
      sample.label = label;
    else
      sample.targets = {2.0 * label + 0.1 * static_cast<double>(length)};
    dataset.samples.push_back(std::move(sample));
  }
  return dataset;
}

inline std::vector<std::string> texts_of(const Dataset& dataset) {
  std::vector<std::string> texts;
  for (const Sample& sample : dataset.samples) texts.push_back(sample.text);
  return texts;
}

/// Samples of `data`, which is tokenized already and must live as long.
inline TokensOf tokens_of(const TokenizedDataset& data) {
  return [&data](std::span<const Index> samples) { return data.gather(samples); };
}

/// A classification that a model of a few thousand parameters learns in a moment.
struct TinyTraining {
  Task task;
  Dataset train, dev;
  Tokenizer tokenizer;
  ModelConfig config;
  TrainingOptions options = {.recipe = Recipe::sharcs};

  explicit TinyTraining(TaskKind kind = TaskKind::classification)
      : task(Task::custom({.kind = kind,
                           .labels = kind == TaskKind::classification ? std::vector<std::string>{"no", "yes"}
                                                                      : std::vector<std::string>{}})),
        train(tiny_sentences(kind, 96, 1, "train.tsv")),
        dev(tiny_sentences(kind, 40, 2, "dev.tsv")),
        tokenizer(Tokenizer::train_wordpiece(texts_of(train), {.vocab_size = 60, .min_frequency = 1})) {
    config.vocab_size = static_cast<int>(tokenizer.vocab_size());
    config.hidden_size = 16;
    config.num_hidden_layers = 2;
    config.num_attention_heads = 4;
    config.intermediate_size = 32;
    config.max_position_embeddings = 32;
    config.initializer_range = 0.1;
    config.labels = kind == TaskKind::classification ? task.labels() : std::vector<std::string>{"score"};
    config.sharcs = SharcsConfig{.width_mult_list = {0.25, 1.0}, .adaptive_layer_idx = 1, .hidden_size_router = 8};
    options.epochs = 5;
    options.batch_size = 16;
    options.learning_rate = 1e-2;
    options.window = 2;
    options.max_length = 32;
    options.threads = 1;
  }

  /// What it takes to learn something of each word, and the epochs for it; with exits after the first and third layer.
  void grow_for_words() {
    config.num_hidden_layers = 4;
    config.hidden_size = 32;
    config.sharcs->adaptive_layer_idx = 2;
    config.sharcs->exits = {1, 3};
    options.epochs = 12;
  }

  Model model() const { return Model::create(config, 3); }

  TrainingInputs inputs(const std::filesystem::path& output) const {
    return {.task = task, .tokenizer = tokenizer, .train = train, .dev = dev, .output = output};
  }
  /// The samples of `train` for a StepRunner; `data` is the same tokenized and must live as long.
  StepSamples step_samples(const TokenizedDataset& data, double regression_scale = 1) const {
    return {.dataset = train, .facts = data, .tokens_of = tokens_of(data), .regression_scale = regression_scale};
  }

  TrainingOutcome run(const std::filesystem::path& output, const TrainingCallbacks& callbacks = {},
                      Communicator& ranks = Communicator::alone()) const {
    Model fresh = model();
    return Trainer(fresh, options, ranks).train(inputs(output), callbacks);
  }
  TrainingOutcome resume(const std::filesystem::path& output, const TrainingCallbacks& callbacks = {},
                         Communicator& ranks = Communicator::alone()) const {
    Model fresh = model();
    return Trainer(fresh, options, ranks).resume(inputs(output), callbacks);
  }
};

/// What of a finished run must not depend on when it was stopped: the model's file, and metrics.jsonl without the
/// times.
inline std::string result_of(const std::filesystem::path& output) {
  std::string result = read_text_file(output / "model.safetensors");
  for (EpochRecord& record : read_metrics(output / "metrics.jsonl")) {
    record.seconds = 1;
    for (Evaluation& evaluation : record.evaluations) evaluation.seconds_routed = evaluation.seconds_full = 1;
    result += to_json_line(record) + "\n";
  }
  return result;
}

}  // namespace sharcs::internal::testing
