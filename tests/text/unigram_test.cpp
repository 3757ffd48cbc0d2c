#include <gtest/gtest.h>

#include <functional>
#include <random>

#include "expect_error.hpp"
#include "text/sentence_pieces.hpp"
#include "text/small_tokenizers.hpp"

namespace sharcs::internal::unigram_test {
namespace {

using nlohmann::json;
using ::testing::EndsWith;

TEST(Unigram, ChoosesThePiecesWithTheLargestSum) {
  const ScoredTokens tokens = {{"▁a", -2}, {"b", -2}, {"c", -2}, {"bc", -3}, {"▁ab", -3.5}};
  EXPECT_EQ(tokens_of(load_json(unigram_json(tokens)), "abc"), (Tokens{"▁a", "bc"}));
  ScoredTokens others = tokens;
  others.back().second = -2.5;
  EXPECT_EQ(tokens_of(load_json(unigram_json(others)), "abc ab"), (Tokens{"▁ab", "c", "▁ab"}));
}

TEST(Unigram, ARunOfCharactersWithoutPiecesIsOneUnknownToken) {
  const Tokenizer tokenizer = load_json(unigram_json({{"▁", -2}, {"a", -2}}));
  EXPECT_EQ(tokens_of(tokenizer, "北京a北"), (Tokens{"▁", "<unk>", "a", "<unk>"}));
}

TEST(Unigram, AgreesWithTryingEveryWayToCut) {
  std::mt19937 random(3);
  for (int round = 0; round < 30; ++round) {
    std::map<std::string, double> scores;
    for (const char* letter : {"▁", "a", "b"}) scores[letter] = -3 - 0.01 * (random() % 100);
    for (int i = 0; i < 12; ++i) {
      std::string piece = random() % 3 == 0 ? "▁" : "";
      for (unsigned left = 1 + random() % 4; left > 0; --left) piece += random() % 2 ? "a" : "b";
      scores[piece] = -4 - 0.01 * (random() % 300);
    }
    const Tokenizer tokenizer = load_json(unigram_json({scores.begin(), scores.end()}));
    for (int i = 0; i < 20; ++i) {
      std::string word;
      for (unsigned left = 1 + random() % 10; left > 0; --left) word += random() % 2 ? "a" : "b";
      const std::string spelled = "▁" + word;
      double best = -1e9;
      std::function<void(std::size_t, double)> cut = [&](std::size_t at, double sum) {
        if (at == spelled.size()) best = std::max(best, sum);
        for (std::size_t length = 1; at + length <= spelled.size(); ++length)
          if (const auto found = scores.find(spelled.substr(at, length)); found != scores.end())
            cut(at + length, sum + found->second);
      };
      cut(0, 0);
      double sum = 0;
      std::string joined;
      for (const std::string& token : tokens_of(tokenizer, word)) {
        sum += scores.at(token);
        joined += token;
      }
      EXPECT_EQ(joined, spelled);
      EXPECT_NEAR(sum, best, 1e-9) << word;
    }
  }
}

TEST(Unigram, SpecialTokensStandAroundAsInBert) {
  const Tokenizer tokenizer = load_json(unigram_json({{"▁a", -1}, {"▁b", -1}}));
  EXPECT_EQ(tokenizer.encode("a [MASK]", "b", 10), (Encoding{{2, 5, 4, 3, 6, 3}, {0, 0, 0, 0, 1, 1}}));
  EXPECT_EQ(tokenizer.pad_id(), 0);
}

TEST(Unigram, EncodesAsBeforeWhenSaved) {
  const TemporaryFolder folder;
  const Tokenizer tokenizer = load_json(unigram_json({{"▁a", -1.25}, {"▁", -2}, {"b", -3}, {"▁a", -1.5}}));
  tokenizer.save(folder.path());
  const Tokenizer again = Tokenizer::load(folder.path());
  for (const char* text : {"a b ab", "x [MASK] a"}) EXPECT_EQ(tokenizer.encode(text, 20), again.encode(text, 20));
  EXPECT_EQ(again.vocab_size(), 9u);
}

TEST(Unigram, VocabulariesAreChecked) {
  const auto message = [](const json& document) { return message_of<TokenizerError>([&] { load_json(document); }); };
  json document = unigram_json({{"a", -1}});
  document["model"]["unk_id"] = 6;
  EXPECT_THAT(message(document), EndsWith("\"model.unk_id\" is 6; expected the id of a token"));
  document["model"]["unk_id"] = nullptr;
  EXPECT_THAT(message(document), EndsWith("\"model.unk_id\" is null; expected an integer ≥ 0"));
  document = unigram_json({{"a", -1}});
  document["model"]["vocab"][5] = {"a"};
  EXPECT_THAT(message(document), EndsWith("\"model.vocab[5]\" is [\"a\"]; expected a token and its score"));
  document["model"]["vocab"] = json::object();
  EXPECT_THAT(message(document), EndsWith("\"model.vocab\" is {}; expected a list"));
  document["model"]["vocab"] = json::array();
  EXPECT_THAT(message(document), EndsWith("\"model.vocab\" is []; expected a list with at least one token"));
  document = unigram_json({{"a", -1}});
  document["model"]["byte_fallback"] = true;
  EXPECT_THAT(message(document), EndsWith("\"model.byte_fallback\" is true; expected false"));
}

TEST(Metaspace, SpellsSpacesAndCutsBeforeThem) {
  const auto with = [](const json& options) {
    json document = unigram_json({{"▁", -1}, {"a", -1}, {"▁a", -1.5}, {"_", -1}, {"_a", -1}, {"a▁", -1}});
    document["pre_tokenizer"] = options;
    document["pre_tokenizer"]["type"] = "Metaspace";
    return load_json(document);
  };
  EXPECT_EQ(tokens_of(with({}), "a  a "), (Tokens{"▁a", "▁", "▁a", "▁"}));
  EXPECT_EQ(tokens_of(with({}), " a"), (Tokens{"▁a"}));
  EXPECT_EQ(tokens_of(with({{"add_prefix_space", false}}), "a a"), (Tokens{"a", "▁a"}));
  EXPECT_EQ(tokens_of(with({{"prepend_scheme", "never"}, {"split", false}}), "a a"), (Tokens{"a▁", "a"}));
  EXPECT_EQ(tokens_of(with({{"replacement", "_"}}), "a a"), (Tokens{"_a", "_a"}));
}

json with_charsmap(const std::string& charsmap) {
  json document =
      unigram_json({{"▁x", -1}, {"▁fi", -1}, {"▁é", -1}, {"▁a", -1}, {"▁e", -1}, {"\u0301", -1}, {"\u0302", -1}});
  document["normalizer"] = {{"type", "Precompiled"}, {"precompiled_charsmap", charsmap}};
  return document;
}

TEST(Charsmap, ReplacesCharactersAndGraphemes) {
  const CharsmapMaker maker({{"ﬁ", "fi"}, {"e\u0301", "é"}, {"\r\n", " "}, {"A", "a"}, {"\u200D", ""}, {"☃", " x "}});
  const Tokenizer tokenizer = load_json(with_charsmap(base64(maker.bytes())));
  EXPECT_EQ(tokens_of(tokenizer, "ﬁ e\u0301 A\r\nA"), (Tokens{"▁fi", "▁é", "▁a", "▁a"}));
  EXPECT_EQ(tokens_of(tokenizer, "A☃A"), (Tokens{"▁a", "▁x", "▁a"}));
  EXPECT_EQ(tokens_of(tokenizer, "e\u0302"), (Tokens{"▁e", "\u0302"})) << "no entry: stays";
  EXPECT_EQ(tokens_of(tokenizer, "e\u0301\u0302"), (Tokens{"▁é"})) << "an entry for its beginning replaces a grapheme";
  EXPECT_EQ(tokens_of(tokenizer, "e\u0302\u0302\u0302"), (Tokens{"▁e", "\u0302", "\u0302", "\u0302"}))
      << "of a long grapheme the characters are looked up";
}

TEST(Charsmap, SurvivesSaving) {
  const TemporaryFolder folder;
  load_json(with_charsmap(base64(CharsmapMaker({{"A", "x"}, {"B", "y"}}).bytes()))).save(folder.path());
  EXPECT_EQ(tokens_of(Tokenizer::load(folder.path()), "A"), (Tokens{"▁x"}));
}

TEST(Charsmap, ThatIsDamagedIsRefusedOrHarmless) {
  const std::string whole = CharsmapMaker({{"ﬁ", "fi"}, {"A", "a"}, {"☃", "x"}}).bytes();
  for (const std::string& text :
       {std::string(), std::string("AAA"), std::string("A!=="), base64("\x01"), base64(whole.substr(0, 40)),
        base64(std::string("\xFF\xFF\xFF\x7F", 4) + whole.substr(4)), base64(whole + "\xFF")})
    EXPECT_THAT(message_of<TokenizerError>([&] { load_json(with_charsmap(text)); }),
                EndsWith("; expected SentencePiece's table of characters in base64"));
  std::mt19937 random(9);
  for (int i = 0; i < 300; ++i) {  // a trie that leads anywhere must not lead out of the table
    std::string damaged = whole;
    for (int k = 0; k < 8; ++k) damaged[4 + random() % (damaged.size() - 4)] = static_cast<char>(random());
    try {
      load_json(with_charsmap(base64(damaged))).encode("ﬁ A ☃ \u0301", 50);
    } catch (const TokenizerError&) {
    }
  }
}

}  // namespace
}  // namespace sharcs::internal::unigram_test
