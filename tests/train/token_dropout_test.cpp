#include "train/token_dropout.hpp"

#include <gtest/gtest.h>

#include <numeric>
#include <string>

namespace sharcs::internal {
namespace {

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
}  // namespace sharcs::internal
