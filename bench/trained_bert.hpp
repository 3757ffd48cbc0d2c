#pragma once

#include <initializer_list>
#include <numeric>
#include <sharcs/communicator.hpp>
#include <sharcs/model.hpp>
#include <span>
#include <vector>

#include "bert_base.hpp"
#include "formats/model_access.hpp"
#include "random_batch.hpp"
#include "train/step_runner.hpp"

namespace sharcs::internal::bench {

/// BERT-base with a router after layer 3, widths 0.25 and 1, without dropout, and random sentences to train it on.
class TrainedBert {
 public:
  static constexpr Index tokens = 32;  ///< of a sentence

  explicit TrainedBert(Index sentences)
      : model_(Model::create(without_dropout())),
        dataset_(
            {.file = "random words", .samples = std::vector<Sample>(static_cast<std::size_t>(sentences)), .notes = {}}),
        labels_(static_cast<std::size_t>(sentences), WidthLabel::only(0)),
        history_(sentences, {.window = 1, .widths = {0.25, 1}, .thresholds = {{0.5, 1.01}, {0, 0.5}}}) {
    Random random(derive_key(1, "bench training"));
    for (Index s = 0; s < sentences; ++s) {
      data_.tokens.add(random_words(random, tokens, model_.config().vocab_size), {});
      data_.lengths.push_back(static_cast<std::int32_t>(tokens));
      data_.labels.push_back(static_cast<std::int32_t>(s % 2));
    }
  }
  TrainedBert(const TrainedBert&) = delete;
  TrainedBert& operator=(const TrainedBert&) = delete;

  Model& model() { return model_; }
  Index sentences() const { return data_.samples(); }

  /// Takes steps on it, together with `ranks`.
  StepRunner runner(Communicator& ranks = Communicator::alone()) {
    const auto tokens_of = [this](std::span<const Index> samples) { return data_.gather(samples); };
    return StepRunner(network_of(model_), {}, {.dataset = dataset_, .facts = data_, .tokens_of = tokens_of}, ranks);
  }

  /// A joint step on all sentences at widths of these indices. At full width alone the router rests, as in a plain
  /// encoder.
  void step(StepRunner& runner, std::initializer_list<int> widths) {
    std::vector<Index> all(static_cast<std::size_t>(sentences()));
    std::iota(all.begin(), all.end(), Index{0});
    PlannedStep planned;
    for (const int width : widths) planned.push_back({.width = width, .samples = all, .whole_size = sentences()});
    const bool plain = widths.size() == 1 && *widths.begin() == model_.widths().size() - 1;
    runner.run({.batches = planned,
                .number = ++steps_,
                .learning_rate = 1e-5,
                .labels = plain ? std::span<const WidthLabel>() : labels_},
               history_);
  }

  /// A step of distillation: full width and every narrow width on all sentences.
  void distil(StepRunner& runner) {
    std::vector<Index> all(static_cast<std::size_t>(sentences()));
    std::iota(all.begin(), all.end(), Index{0});
    const PlannedStep planned = {{.width = model_.widths().size() - 1, .samples = all, .whole_size = sentences()}};
    runner.run({.batches = planned, .number = ++steps_, .learning_rate = 1e-5, .phase = EpochPhase::distillation},
               history_);
  }

 private:
  static ModelConfig without_dropout() {
    ModelConfig config = bert_base({0.25, 1.0});
    config.hidden_dropout_prob = config.attention_probs_dropout_prob = 0;
    return config;
  }

  Model model_;
  TokenizedDataset data_;
  Dataset dataset_;
  std::vector<WidthLabel> labels_;
  HardnessHistory history_;
  std::int64_t steps_ = 0;
};

}  // namespace sharcs::internal::bench
