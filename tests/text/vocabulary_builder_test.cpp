#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>

#include "expect_error.hpp"
#include "golden_folder.hpp"
#include "sharcs/task.hpp"
#include "text/small_tokenizers.hpp"

namespace sharcs::internal::vocabulary_builder_test {
namespace {

Tokens all_tokens(const Tokenizer& tokenizer) {
  Tokens tokens;
  for (std::size_t id = 0; id < tokenizer.vocab_size(); ++id)
    tokens.push_back(tokenizer.token(static_cast<std::int32_t>(id)));
  return tokens;
}

/// Made-up sentences in which some words are frequent.
std::vector<std::string> some_texts(unsigned seed) {
  std::mt19937 random(seed);
  std::vector<std::string> texts;
  for (int i = 0; i < 300; ++i) {
    std::string text;
    for (int w = 0; w < 8; ++w) {
      std::mt19937 word(random() % (1 + random() % 80));
      for (unsigned left = 1 + word() % 8; left > 0; --left) text += static_cast<char>('a' + word() % 12);
      text += w % 3 == 0 ? ", " : " ";
    }
    texts.push_back(text);
  }
  return texts;
}

TEST(VocabularyBuilder, JoinsTheMostFrequentNeighboursFirst) {
  // hug 10, pug 5, pun 12, bun 4, hugs 5: u+g 20, u+n 16, h+ug 15, … (the example of Hugging Face's course).
  std::vector<std::string> texts;
  for (const auto& [word, count] :
       std::vector<std::pair<std::string, int>>{{"hug", 10}, {"pug", 5}, {"pun", 12}, {"bun", 4}, {"hugs", 5}})
    texts.insert(texts.end(), static_cast<std::size_t>(count), word);
  EXPECT_EQ(all_tokens(Tokenizer::train_wordpiece(texts, {.vocab_size = 5 + 14 + 5})),
            (Tokens{"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "b",   "g",   "h",    "n",    "p",   "s",   "u",
                    "##b",   "##g",   "##h",   "##n",   "##p",    "##s", "##u", "##ug", "##un", "hug", "pun", "hugs"}));
}

TEST(VocabularyBuilder, OfEqualCountsTheFirstTextByItsBytesWins) {
  EXPECT_EQ(all_tokens(Tokenizer::train_wordpiece(std::vector<std::string>{"cd ab cd ab"}, {.vocab_size = 14})).back(),
            "ab");
}

TEST(VocabularyBuilder, StopsAtTheMinimumFrequency) {
  const std::vector<std::string> texts = {"ab ab cd"};
  EXPECT_EQ(all_tokens(Tokenizer::train_wordpiece(texts, {.min_frequency = 2})).back(), "ab");
  EXPECT_EQ(all_tokens(Tokenizer::train_wordpiece(texts, {.min_frequency = 1})).back(), "cd");
  EXPECT_EQ(Tokenizer::train_wordpiece(texts, {.min_frequency = 3}).vocab_size(), 5u + 8u);
}

TEST(VocabularyBuilder, HasDistinctTokensAndEveryCharacterInBothPositions) {
  for (const std::size_t size : {7u, 8u, 20u, 30u, 64u, 200u, 5000u}) {
    const Tokenizer tokenizer = Tokenizer::train_wordpiece(some_texts(1), {.vocab_size = size});
    const Tokens tokens = all_tokens(tokenizer);
    EXPECT_LE(tokens.size(), size);
    EXPECT_EQ(std::set<std::string>(tokens.begin(), tokens.end()).size(), tokens.size());
    for (const std::string& token : tokens)
      if (token.size() == 1) {
        EXPECT_TRUE(tokenizer.id("##" + token)) << token;
      }
  }
}

TEST(VocabularyBuilder, DoesNotDependOnTheOrderOfTheTexts) {
  std::vector<std::string> texts = some_texts(2);
  const Tokens tokens = all_tokens(Tokenizer::train_wordpiece(texts, {.vocab_size = 300}));
  EXPECT_GT(tokens.size(), 100u);
  std::shuffle(texts.begin(), texts.end(), std::mt19937(3));
  EXPECT_EQ(all_tokens(Tokenizer::train_wordpiece(texts, {.vocab_size = 300})), tokens);
}

TEST(VocabularyBuilder, AgreesWithCountingAgainBeforeEveryJoin) {
  const std::vector<std::string> texts = some_texts(4);
  std::map<std::vector<std::string>, std::int64_t> words;
  for (const std::string& text : texts) {
    std::string word;
    for (const char c : text + " ")
      if (c >= 'a' && c <= 'z') {
        word += c;
      } else if (!word.empty()) {
        std::vector<std::string> pieces;
        for (std::size_t i = 0; i < word.size(); ++i) pieces.push_back((i == 0 ? "" : "##") + word.substr(i, 1));
        ++words[pieces];
        word.clear();
      }
  }
  const Tokens tokens = all_tokens(Tokenizer::train_wordpiece(texts, {.vocab_size = 200, .min_frequency = 5}));
  std::set<std::string> known;
  std::size_t next = 0;
  for (; next < tokens.size() && (tokens[next].size() <= 1 || tokens[next][0] == '[' || tokens[next].size() == 3);
       ++next)
    known.insert(tokens[next]);
  std::size_t joins = 0;
  for (;;) {
    std::map<std::pair<std::string, std::string>, std::int64_t> pairs;
    for (const auto& [pieces, count] : words)
      for (std::size_t i = 0; i + 1 < pieces.size(); ++i) pairs[{pieces[i], pieces[i + 1]}] += count;
    std::pair<std::string, std::string> best;
    std::string best_text;
    std::int64_t best_count = 0;
    for (const auto& [pair, count] : pairs) {
      const std::string text = pair.first + pair.second.substr(2);
      if (count > best_count || (count == best_count && text < best_text)) {
        best = pair;
        best_text = text;
        best_count = count;
      }
    }
    if (best_count < 5 || known.size() == 200) break;
    ++joins;
    if (known.insert(best_text).second) {
      ASSERT_LT(next, tokens.size());
      ASSERT_EQ(tokens[next++], best_text) << "join " << joins;
    }
    std::map<std::vector<std::string>, std::int64_t> joined;
    for (const auto& [pieces, count] : words) {
      std::vector<std::string> after;
      for (std::size_t i = 0; i < pieces.size(); ++i) {
        if (i + 1 < pieces.size() && pieces[i] == best.first && pieces[i + 1] == best.second) {
          after.push_back(best_text);
          ++i;
        } else {
          after.push_back(pieces[i]);
        }
      }
      joined[after] += count;
    }
    words = std::move(joined);
  }
  EXPECT_EQ(next, tokens.size());
  EXPECT_GT(joins, 50u);
}

TEST(VocabularyBuilder, RareCharactersBeyondTheLimitBecomeUnknown) {
  const std::vector<std::string> texts = {"aa aa ab", "aé"};
  const Tokenizer tokenizer = Tokenizer::train_wordpiece(texts, {.alphabet_limit = 1});
  EXPECT_EQ(tokens_of(tokenizer, "aa ab"), (Tokens{"aa", "[UNK]"}));
}

TEST(VocabularyBuilder, CaseAndAccentsFollowTheOptions) {
  const std::vector<std::string> texts = {"Été Été ÉTÉ"};
  EXPECT_EQ(tokens_of(Tokenizer::train_wordpiece(texts), "Été"), (Tokens{"ete"}));
  EXPECT_EQ(tokens_of(Tokenizer::train_wordpiece(texts, {.lower_case = false}), "Été"), (Tokens{"Été"}));
}

TEST(VocabularyBuilder, RefusesTextsWithoutWordsAndSizesWithoutRoom) {
  EXPECT_EQ(message_of<DataError>([] { Tokenizer::train_wordpiece({}); }),
            "the vocabulary's 0 texts hold no word; expected some");
  EXPECT_EQ(message_of<DataError>([] {
              Tokenizer::train_wordpiece(std::vector<std::string>{" ", "\x01"});
            }),
            "the vocabulary's 2 texts hold no word; expected some");
  EXPECT_EQ(
      message_of<ConfigError>([] { Tokenizer::train_wordpiece(std::vector<std::string>{"a"}, {.vocab_size = 6}); }),
      "vocab_size is 6; expected at least 7, the special tokens and a character");
}

TEST(VocabularyBuilder, CoversRealSentences) {
  SHARCS_SKIP_WITHOUT(testing::data_dir() / "glue" / "SST-2" / "dev.tsv");
  std::vector<std::string> texts;
  for (const Sample& sample : Task::named("sst-2").read(testing::data_dir() / "glue" / "SST-2", Split::dev).samples)
    texts.push_back(sample.text);
  const Tokenizer tokenizer = Tokenizer::train_wordpiece(texts, {.vocab_size = 2000});
  EXPECT_EQ(tokenizer.vocab_size(), 2000u);
  for (const std::string& text : texts)
    for (const std::string& token : tokens_of(tokenizer, text)) EXPECT_NE(token, "[UNK]") << text;
}

}  // namespace
}  // namespace sharcs::internal::vocabulary_builder_test
