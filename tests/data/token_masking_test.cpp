#include "data/token_masking.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>

#include "expect_error.hpp"
#include "io/file.hpp"
#include "temporary_folder.hpp"

namespace sharcs::internal::token_masking_test {
namespace {

using ::testing::HasSubstr;

Tokenizer words() {
  const std::vector<std::string> texts = {"a b c d e f g h i j k l m n o p"};
  return Tokenizer::train_wordpiece(texts, {.vocab_size = 60, .min_frequency = 1});
}

/// Texts of so many tokens around which the special ones stand.
RaggedBatch texts(const Tokenizer& tokenizer, std::size_t count) {
  RaggedBatch batch;
  for (std::size_t i = 0; i < count; ++i) batch.add(tokenizer.encode("a b c d e f g h i j k l m n o p", 100).ids, {});
  return batch;
}

std::vector<Index> numbers(std::size_t count) {
  std::vector<Index> all(count);
  std::iota(all.begin(), all.end(), Index{0});
  return all;
}

TEST(TokenMasking, HidesTheSharesThatItIsAskedFor) {
  const Tokenizer tokenizer = words();
  const std::int32_t mask = mask_id_of(tokenizer);
  const RaggedBatch plain = texts(tokenizer, 2000);
  RaggedBatch batch = plain;
  TokenMasking(tokenizer, {}).apply(numbers(2000), 7, batch);
  const double tokens = 2000 * 16, chosen = static_cast<double>(batch.head_tokens.size());
  EXPECT_NEAR(chosen / tokens, 0.15, 0.02);  // a text of 16 tokens has one at least
  double masks = 0, same = 0;
  std::vector<Index> rows(batch.head_tokens.size());
  batch.write_head_rows(rows);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const std::int32_t shown = batch.ids[static_cast<std::size_t>(rows[i])];
    EXPECT_EQ(batch.truths[i], plain.ids[static_cast<std::size_t>(rows[i])]);
    masks += shown == mask;
    same += shown == batch.truths[i];
  }
  EXPECT_NEAR(masks / chosen, 0.8, 0.02);
  EXPECT_NEAR(same / chosen, 0.1, 0.02);
  std::size_t changed = 0;
  for (std::size_t i = 0; i < plain.ids.size(); ++i) changed += plain.ids[i] != batch.ids[i];
  EXPECT_EQ(static_cast<double>(changed), chosen - same);
}

TEST(TokenMasking, DependsOnTheKeyAndTheSampleAlone) {
  const Tokenizer tokenizer = words();
  const TokenMasking masking(tokenizer, {});
  RaggedBatch all = texts(tokenizer, 8), some = texts(tokenizer, 2), other = texts(tokenizer, 8);
  masking.apply(numbers(8), 7, all);
  const std::vector<Index> two = {5, 3};
  masking.apply(two, 7, some);
  for (Index i = 0; i < 2; ++i) {
    const auto tokens = all.head_tokens_of(two[static_cast<std::size_t>(i)]), same = some.head_tokens_of(i);
    EXPECT_TRUE(std::ranges::equal(tokens, same));
    EXPECT_TRUE(std::ranges::equal(all.truths_of(two[static_cast<std::size_t>(i)]), some.truths_of(i)));
  }
  masking.apply(numbers(8), 8, other);
  EXPECT_NE(other.ids, all.ids);
}

TEST(TokenMasking, LeavesSpecialTokensAndHasAtLeastOneOfEachSample) {
  const Tokenizer tokenizer = words();
  RaggedBatch batch;
  for (const char* text : {"a", "[SEP]", "zzz", "b"}) batch.add(tokenizer.encode(text, 100).ids, {});
  const RaggedBatch plain = batch;
  TokenMasking(tokenizer, {.chosen = 0}).apply(numbers(4), 7, batch);
  for (Index i = 0; i < 4; ++i) {
    ASSERT_EQ(batch.head_tokens_of(i).size(), 1u);
    EXPECT_EQ(batch.head_tokens_of(i).front(), 1);
  }
  RaggedBatch everything = plain;
  TokenMasking(tokenizer, {.chosen = 1, .masks = 1, .random = 0}).apply(numbers(4), 7, everything);
  const std::int32_t mask = mask_id_of(tokenizer);
  EXPECT_EQ(everything.ids[1], mask);
  for (Index i = 0; i < 4; ++i) {
    EXPECT_EQ(everything.ids[static_cast<std::size_t>(everything.offsets[i])], *tokenizer.id("[CLS]"));
    EXPECT_EQ(everything.ids[static_cast<std::size_t>(everything.offsets[i + 1] - 1)], *tokenizer.id("[SEP]"));
  }
}

TEST(TokenMasking, NeedsAMaskToken) {
  const TemporaryFolder folder;
  write_file_atomically(folder / "vocab.txt", "[PAD]\n[UNK]\n[CLS]\n[SEP]\na\nb\n");
  const Tokenizer tokenizer = Tokenizer::wordpiece(folder / "vocab.txt");
  EXPECT_EQ(message_of<ConfigError>([&] { TokenMasking(tokenizer, {}); }),
            "the vocabulary has no mask token; expected [MASK] or <mask>");
}

}  // namespace
}  // namespace sharcs::internal::token_masking_test
