#include "train/step_batches.hpp"

#include <gtest/gtest.h>

#include <numeric>
#include <string>

#include "data/tokenized_dataset.hpp"
#include "train/tiny_training.hpp"

namespace sharcs::internal::step_batches_test {
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

Tokenizer words() {
  return Tokenizer::train_wordpiece(std::vector<std::string>{"good bad good bad fine fine"}, {.vocab_size = 60});
}

/// 100 samples: [CLS], 30 words, [SEP].
RaggedBatch sentences(const Tokenizer& tokenizer) {
  std::string text;
  for (int i = 0; i < 30; ++i) text += i % 2 == 0 ? "good " : "bad ";
  const Encoding encoding = tokenizer.encode(text, 64);
  RaggedBatch batch;
  for (int s = 0; s < 100; ++s) batch.add(encoding.ids, encoding.token_types);
  return batch;
}

std::vector<Index> numbers() {
  std::vector<Index> samples(100);
  std::iota(samples.begin(), samples.end(), Index{0});
  return samples;
}

TEST(TokenDropout, HidesTheShareOfTheWordsAndNoSpecialToken) {
  const Tokenizer tokenizer = words();
  const RaggedBatch whole = sentences(tokenizer);
  RaggedBatch batch = whole;
  TokenDropout(0.25, tokenizer).apply(numbers(), 7, batch);
  Index hidden = 0;
  for (std::size_t t = 0; t < batch.ids.size(); ++t) {
    if (batch.ids[t] == whole.ids[t]) continue;
    EXPECT_EQ(tokenizer.token(batch.ids[t]), "[MASK]");
    ++hidden;
  }
  EXPECT_NEAR(static_cast<double>(hidden), 0.25 * 3000, 100);
  for (Index s = 0; s < batch.samples(); ++s) {
    EXPECT_EQ(tokenizer.token(batch.ids[static_cast<std::size_t>(batch.offsets[s])]), "[CLS]");
    EXPECT_EQ(tokenizer.token(batch.ids[static_cast<std::size_t>(batch.offsets[s + 1] - 1)]), "[SEP]");
  }
}

TEST(TokenDropout, HidesTheSameWordsOfASampleInWhateverBatchItStands) {
  const Tokenizer tokenizer = words();
  const TokenDropout dropout(0.5, tokenizer);
  RaggedBatch batch = sentences(tokenizer), one, other_step;
  one.add(batch, 42);
  other_step.add(batch, 42);
  dropout.apply(numbers(), 7, batch);
  const std::vector<Index> number = {42};
  dropout.apply(number, 7, one);
  dropout.apply(number, 8, other_step);
  RaggedBatch same;
  same.add(batch, 42);
  EXPECT_EQ(one.ids, same.ids);
  EXPECT_NE(one.ids, other_step.ids);
}

TEST(TokenDropout, HidesNothingUnlessAsked) {
  const Tokenizer tokenizer = words();
  RaggedBatch batch = sentences(tokenizer);
  TokenDropout().apply(numbers(), 7, batch);
  TokenDropout(0, tokenizer).apply(numbers(), 7, batch);
  EXPECT_EQ(batch.ids, sentences(tokenizer).ids);
}

}  // namespace
}  // namespace sharcs::internal::step_batches_test
