#include <gtest/gtest.h>

#include <random>
#include <thread>

#include "expect_error.hpp"
#include "text/small_tokenizers.hpp"

namespace sharcs::internal::encoding_test {
namespace {

std::string words(std::size_t count, const std::string& word) {
  std::string text;
  for (std::size_t i = 0; i < count; ++i) text += word + " ";
  return text;
}

TEST(Truncation, OfOneTextKeepsItsBeginning) {
  const Tokenizer tokenizer = word_piece_tokenizer({"a", "##b"});
  EXPECT_EQ(tokenizer.encode("abb a", 5), (Encoding{{2, 5, 6, 6, 3}, {0, 0, 0, 0, 0}}));
  EXPECT_EQ(tokenizer.encode("abb a", 4).ids, (std::vector<std::int32_t>{2, 5, 6, 3}));
  EXPECT_EQ(tokenizer.encode("a[MASK]a", 4).ids, (std::vector<std::int32_t>{2, 5, 4, 3}));
  EXPECT_EQ(tokenizer.encode("abb a", 2).ids, (std::vector<std::int32_t>{2, 3}));
}

TEST(Truncation, OfAPairTakesFromTheLongerOne) {
  struct Case {
    std::size_t text, pair, room, text_left, pair_left;
  };
  // As Hugging Face's tokenizers do it: where both are cut, the longer one, or of two as long the second, gets the odd
  // token.
  for (const Case& c :
       {Case{3, 3, 6, 3, 3}, Case{10, 3, 8, 5, 3}, Case{3, 10, 8, 3, 5}, Case{10, 10, 7, 3, 4}, Case{11, 10, 7, 4, 3},
        Case{10, 11, 7, 3, 4}, Case{4, 9, 7, 3, 4}, Case{9, 4, 7, 4, 3}, Case{9, 4, 8, 4, 4}, Case{5, 0, 3, 3, 0},
        Case{0, 5, 3, 0, 3}, Case{5, 5, 0, 0, 0}, Case{5, 5, 1, 0, 1}, Case{6, 5, 1, 1, 0}, Case{30, 20, 13, 7, 6}}) {
    for (const bool bert : {true, false}) {
      const Tokenizer tokenizer = bert ? word_piece_tokenizer({"a", "b"}) : bpe_tokenizer({"a Ġ", "b Ġ"});
      const Encoding encoding =
          tokenizer.encode(bert ? words(c.text, "a") : std::string(c.text, 'a'),
                           bert ? words(c.pair, "b") : std::string(c.pair, 'b'), c.room + (bert ? 3 : 4));
      const auto count = [&](const char* token) {
        return static_cast<std::size_t>(std::count(encoding.ids.begin(), encoding.ids.end(), *tokenizer.id(token)));
      };
      EXPECT_EQ(count("a"), c.text_left) << c.text << " " << c.pair << " " << c.room;
      EXPECT_EQ(count("b"), c.pair_left) << c.text << " " << c.pair << " " << c.room;
    }
  }
}

TEST(GivenWords, AreEncodedEachByItself) {
  const Tokenizer bert = word_piece_tokenizer({"a", "##b", "!"});
  const std::vector<std::string> words = {"abb!", "", "a", "[MASK]"};
  const Encoding encoding = bert.encode_words(words, 100);
  EXPECT_EQ(encoding.ids, (std::vector<std::int32_t>{2, 5, 6, 6, 7, 5, 4, 3}));
  EXPECT_EQ(encoding.words, (std::vector<std::int32_t>{-1, 0, 0, 0, 0, 2, 3, -1}));
  EXPECT_EQ(encoding.token_types.size(), 8u);
  EXPECT_EQ(bert.encode_words(words, 4).ids, (std::vector<std::int32_t>{2, 5, 6, 3}));
  EXPECT_EQ(bert.encode_words(words, 4).words, (std::vector<std::int32_t>{-1, 0, 0, -1}));
  EXPECT_EQ(bert.encode_words({}, 4).ids, (std::vector<std::int32_t>{2, 3}));
}

TEST(GivenWords, OfRobertasTokenizerNeedASpaceBefore) {
  const std::vector<std::string> words = {"a", "a"};
  EXPECT_EQ(message_of<ConfigError>([&] { bpe_tokenizer({}).encode_words(words, 9); }),
            "RoBERTa's tokenizer has \"add_prefix_space\": false; expected true (in tokenizer_config.json) for "
            "texts whose words are given");
  const Tokenizer spaced = bpe_tokenizer({"Ġ a"}, {.add_prefix_space = true});
  EXPECT_EQ(spaced.encode_words(words, 9).ids, (std::vector<std::int32_t>{0, 261, 261, 2}));
}

TEST(Truncation, LengthsWithoutRoomForTheSpecialTokensAreRefused) {
  const Tokenizer bert = word_piece_tokenizer({"a"});
  EXPECT_EQ(bert.encode("a", "a", 3).ids, (std::vector<std::int32_t>{2, 3, 3}));
  EXPECT_EQ(message_of<ShapeError>([&] { bert.encode("a", 1); }),
            "encode: max_length is 1; expected at least 2, the special tokens");
  EXPECT_EQ(message_of<ShapeError>([&] { bert.encode("", "", 2); }),
            "encode: max_length is 2; expected at least 3, the special tokens");
  EXPECT_EQ(message_of<ShapeError>([&] { bpe_tokenizer({}).encode("", "", 3); }),
            "encode: max_length is 3; expected at least 4, the special tokens");
}

/// A text of anything: words, white space, special tokens, characters of all planes, bytes that are no UTF-8.
std::string any_text(std::mt19937& random) {
  static const std::vector<std::string> parts = {
      "a",    "ab",  "[MASK]",  "<mask>", "[SEP]", "</s>",     " ",
      "\t\n", "é",   "e\u0301", "北",     "𠀀",    "İ",        "👩‍👩‍👧",
      "'s",   "...", "\u0301",  "\u200D", "\xFF",  "\xE2\x82", std::string(1, '\0'),
      "12"};
  std::string text;
  for (unsigned left = random() % 40; left > 0; --left) {
    text += parts[random() % parts.size()];
    if (random() % 8 == 0) text += static_cast<char>(random());
  }
  return text;
}

TEST(Encoding, OfAnyTextIsNeverTooLongAndBeginsLikeTheWholeOne) {
  std::mt19937 random(5);
  for (const Tokenizer& tokenizer : {word_piece_tokenizer({"a", "##b", "e", "北", "1", "##2", "'", "s", "."}),
                                     bpe_tokenizer({"a b", "Ġ a", "Ġa b"})})
    for (int i = 0; i < 400; ++i) {
      const std::string text = any_text(random), pair = any_text(random);
      const std::size_t max_length = 4 + random() % 30;
      const Encoding whole = tokenizer.encode(text, 100000), cut = tokenizer.encode(text, max_length);
      EXPECT_EQ(cut.ids.size(), std::min(max_length, whole.ids.size()));
      EXPECT_TRUE(std::equal(cut.ids.begin(), cut.ids.end() - 1, whole.ids.begin()));
      EXPECT_EQ(cut.ids.back(), whole.ids.back());
      const Encoding both = tokenizer.encode(text, pair, 100000), fitted = tokenizer.encode(text, pair, max_length);
      EXPECT_EQ(both.ids.size(), both.token_types.size());
      EXPECT_EQ(fitted.ids.size(), std::min(max_length, both.ids.size()));
      for (const std::int32_t id : both.ids) {
        EXPECT_GE(id, 0);
        EXPECT_LT(static_cast<std::size_t>(id), tokenizer.vocab_size());
      }
    }
}

TEST(Encoding, IsTheSameFromManyThreads) {
  std::mt19937 random(6);
  std::vector<std::string> texts;
  for (int i = 0; i < 300; ++i) texts.push_back(any_text(random));
  for (const Tokenizer& tokenizer : {word_piece_tokenizer({"a", "##b", "e"}), bpe_tokenizer({"a b", "Ġ a"})}) {
    std::vector<Encoding> expected;
    for (const std::string& text : texts) expected.push_back(tokenizer.encode(text, text, 64));
    std::vector<std::vector<Encoding>> found(4);
    std::vector<std::thread> threads;
    for (auto& encodings : found)
      threads.emplace_back([&encodings, &texts, copy = tokenizer] {
        for (const std::string& text : texts) encodings.push_back(copy.encode(text, text, 64));
      });
    for (std::thread& thread : threads) thread.join();
    for (const auto& encodings : found) EXPECT_EQ(encodings, expected);
  }
}

}  // namespace
}  // namespace sharcs::internal::encoding_test
