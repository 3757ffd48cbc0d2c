#include "train/step_batches.hpp"

#include <gtest/gtest.h>

#include "data/tokenized_dataset.hpp"
#include "train/tiny_training.hpp"

namespace sharcs::internal {
namespace {

using testing::TinyTraining;

struct Bench {
  TinyTraining training;
  TokenizedDataset data = tokenize(training.train, training.task, training.tokenizer, 32);
  /// Two micro-batches each, of other samples.
  std::vector<PlannedStep> steps = {step(0), step(3), step(6)};

  static PlannedStep step(Index first) {
    return {{.width = 0, .samples = {first, first + 5, first}, .whole_size = 3},
            {.width = 1, .samples = {first + 2, first + 1}, .whole_size = 2}};
  }
  StepBatches batches(double token_dropout) const {
    return {testing::tokens_of(data), TokenDropout(token_dropout, training.tokenizer), 3};
  }
};

std::vector<std::vector<std::int32_t>> words(const std::vector<RaggedBatch>& batches) {
  std::vector<std::vector<std::int32_t>> ids;
  for (const RaggedBatch& batch : batches) ids.push_back(batch.ids);
  return ids;
}

TEST(StepBatches, HoldTheTokensOfEachMicroBatch) {
  const Bench bench;
  const std::vector<RaggedBatch> batches = bench.batches(0).take(bench.steps[1], 1, nullptr);
  ASSERT_EQ(batches.size(), 2u);
  for (std::size_t i = 0; i < 2; ++i) EXPECT_EQ(batches[i].ids, bench.data.gather(bench.steps[1][i].samples).ids);
}

TEST(StepBatches, OfTextsAreThoseOfTheTokenizedDataSet) {
  const Bench bench;
  for (const std::size_t max_length : {std::size_t{32}, std::size_t{4}}) {
    const TokenizedDataset data =
        tokenize(bench.training.train, bench.training.task, bench.training.tokenizer, max_length);
    StepBatches batches(
        [&](std::span<const Index> samples) {
          return tokenize(bench.training.train, samples, bench.training.tokenizer, max_length);
        },
        TokenDropout(0, bench.training.tokenizer), 3);
    const std::vector<RaggedBatch> taken = batches.take(bench.steps[1], 1, nullptr);
    for (std::size_t i = 0; i < 2; ++i) {
      const RaggedBatch expected = data.gather(bench.steps[1][i].samples);
      EXPECT_EQ(taken[i].ids, expected.ids);
      EXPECT_EQ(taken[i].token_types, expected.token_types);
      EXPECT_EQ(taken[i].offsets, expected.offsets);
    }
  }
}

TEST(StepBatches, AreTheSameWhetherMadeAheadOrNot) {
  const Bench bench;
  StepBatches alone = bench.batches(0.5), ahead = bench.batches(0.5);
  for (std::size_t i = 0; i < 3; ++i) {
    const auto number = static_cast<std::int64_t>(i) + 1;
    EXPECT_EQ(words(ahead.take(bench.steps[i], number, i < 2 ? &bench.steps[i + 1] : nullptr)),
              words(alone.take(bench.steps[i], number, nullptr)));
  }
}

TEST(StepBatches, ThatWereMadeForAnotherStepAreNotUsed) {
  const Bench bench;
  StepBatches alone = bench.batches(0.5), ahead = bench.batches(0.5);
  ahead.take(bench.steps[0], 1, &bench.steps[1]);
  EXPECT_EQ(words(ahead.take(bench.steps[2], 2, &bench.steps[1])), words(alone.take(bench.steps[2], 2, nullptr)));
  EXPECT_EQ(words(ahead.take(bench.steps[1], 7, nullptr)), words(alone.take(bench.steps[1], 7, nullptr)));
}

}  // namespace
}  // namespace sharcs::internal
