#include "text/byte_level_bpe.hpp"

#include <gtest/gtest.h>

#include <map>
#include <random>

#include "expect_error.hpp"
#include "text/small_tokenizers.hpp"

namespace sharcs::internal::byte_level_bpe_test {
namespace {

using ::testing::HasSubstr;

TEST(ByteLevelBpe, JoinsTheLowestRankFirst) {
  EXPECT_EQ(tokens_of(bpe_tokenizer({"a b", "b c", "ab c"}), "abc"), (Tokens{"abc"}));
  EXPECT_EQ(tokens_of(bpe_tokenizer({"b c", "a b", "ab c"}), "abc"), (Tokens{"a", "bc"}));
  EXPECT_EQ(tokens_of(bpe_tokenizer({"b c", "a bc", "a b", "ab c"}), "abc"), (Tokens{"abc"}));
}

TEST(ByteLevelBpe, OfEqualRanksTheLeftmostIsJoinedFirst) {
  EXPECT_EQ(tokens_of(bpe_tokenizer({"a a"}), "aaaaa"), (Tokens{"aa", "aa", "a"}));
}

TEST(ByteLevelBpe, AMergeThatStandsTwiceHasItsLastRank) {
  EXPECT_EQ(tokens_of(bpe_tokenizer({"a b", "b c", "a b"}), "abc"), (Tokens{"a", "bc"}));
}

TEST(ByteLevelBpe, AWordThatIsATokenButThatNoMergesReachIsCut) {
  nlohmann::json document = bpe_json({"a b"});
  document["model"]["vocab"]["abc"] = 262;
  EXPECT_EQ(tokens_of(load_json(document), "abc"), (Tokens{"ab", "c"}));
  document["model"]["ignore_merges"] = true;
  EXPECT_EQ(tokens_of(load_json(document), "abc"), (Tokens{"abc"}));
}

TEST(ByteLevelBpe, AgreesWithJoiningByHand) {
  std::mt19937 random(11);
  for (int round = 0; round < 20; ++round) {
    std::vector<std::string> pieces = {"a", "b", "c", "Ġ"}, merges;
    std::map<std::pair<std::string, std::string>, int> ranks;
    for (int i = 0; i < 30; ++i) {
      const std::string left = pieces[random() % pieces.size()], right = pieces[random() % pieces.size()];
      if (left.size() + right.size() > 8 || ranks.contains({left, right})) continue;
      ranks[{left, right}] = static_cast<int>(merges.size());
      merges.push_back(left + " " + right);
      pieces.push_back(left + right);
    }
    const Tokenizer tokenizer = bpe_tokenizer(merges);
    for (int i = 0; i < 100; ++i) {
      std::string word(i % 2 == 0 ? "" : " ");
      Tokens expected(i % 2 == 0 ? Tokens{} : Tokens{"Ġ"});
      for (unsigned left = 1 + random() % 30; left > 0; --left) {
        word += static_cast<char>('a' + random() % 3);
        expected.push_back(word.substr(word.size() - 1));
      }
      for (;;) {
        int best = 1000;
        std::size_t at = 0;
        for (std::size_t k = 0; k + 1 < expected.size(); ++k) {
          const auto found = ranks.find({expected[k], expected[k + 1]});
          if (found == ranks.end() || found->second >= best) continue;
          best = found->second;
          at = k;
        }
        if (best == 1000) break;
        expected[at] += expected[at + 1];
        expected.erase(expected.begin() + static_cast<std::ptrdiff_t>(at) + 1);
      }
      ASSERT_EQ(tokens_of(tokenizer, word), expected) << word;
    }
  }
}

TEST(ByteLevelBpe, SpellsEveryByteAndBack) {
  std::string bytes;
  for (int byte = 0; byte < 256; ++byte) {
    bytes += static_cast<char>(byte);
    EXPECT_EQ(spell_bytes(bytes.substr(bytes.size() - 1)), spelling_of(static_cast<unsigned>(byte)));
  }
  EXPECT_EQ(spelled_bytes(spell_bytes(bytes)), bytes);
  EXPECT_EQ(spelled_bytes("a b"), std::nullopt) << "a space is spelled Ġ";
  EXPECT_EQ(spelled_bytes("北"), std::nullopt);
}

TEST(ByteLevelBpe, EveryByteOfATextIsKept) {
  using namespace std::string_literals;
  EXPECT_EQ(tokens_of(bpe_tokenizer({}), "é\0\n"s), (Tokens{"Ã", "©", "Ā", "Ċ"}));
}

TEST(ByteLevelBpe, CutsTextAsGpt2Does) {
  // No merges: what counts is where a word begins, which shows as no merge across it. Here every pair may merge.
  std::vector<std::string> merges;
  const std::vector<std::string> alphabet = {"a", "b", "1", "2", ".", "'", "s", "l", "Ġ", "ĉ", "Ċ"};
  for (const std::string& left : alphabet)
    for (const std::string& right : alphabet) merges.push_back(left + " " + right);
  const Tokenizer tokenizer = bpe_tokenizer(merges);
  EXPECT_EQ(tokens_of(tokenizer, "ab12.."), (Tokens{"ab", "12", ".."}));
  EXPECT_EQ(tokens_of(tokenizer, "a b 1 ."), (Tokens{"a", "Ġb", "Ġ1", "Ġ."}));
  EXPECT_EQ(tokens_of(tokenizer, "a  b"), (Tokens{"a", "Ġ", "Ġb"}));
  EXPECT_EQ(tokens_of(tokenizer, "a\t\nb"), (Tokens{"a", "ĉ", "Ċ", "b"}));
  EXPECT_EQ(tokens_of(tokenizer, "a  "), (Tokens{"a", "ĠĠ"}));
  EXPECT_EQ(tokens_of(tokenizer, "a's"), (Tokens{"a", "'s"}));
  EXPECT_EQ(tokens_of(tokenizer, "'ll a"), (Tokens{"'l", "l", "Ġa"}));
  EXPECT_EQ(tokens_of(tokenizer, "a 's"), (Tokens{"a", "Ġ'", "s"}));
  EXPECT_EQ(tokens_of(tokenizer, "''s"), (Tokens{"''", "s"}));
  EXPECT_EQ(tokens_of(tokenizer, "'a"), (Tokens{"'", "a"}));
}

TEST(ByteLevelBpe, PrefixSpaceStandsBeforeEveryPartOfTheTextWithoutOne) {
  const Tokenizer tokenizer = bpe_tokenizer({"Ġ a"}, {.add_prefix_space = true});
  EXPECT_EQ(tokens_of(tokenizer, "a a"), (Tokens{"Ġa", "Ġa"}));
  EXPECT_EQ(tokens_of(tokenizer, " a</s>a"), (Tokens{"Ġa", "</s>", "Ġa"}));
  EXPECT_EQ(tokens_of(tokenizer, ""), (Tokens{}));
}

TEST(ByteLevelBpe, RobertaPutsTwoSeparatorsBetweenAPair) {
  const Tokenizer tokenizer = bpe_tokenizer({});
  EXPECT_EQ(tokenizer.encode("a", 10), (Encoding{{0, 4 + 'a', 2}, {0, 0, 0}}));
  EXPECT_EQ(tokenizer.encode("a", "b", 10), (Encoding{{0, 4 + 'a', 2, 2, 4 + 'b', 2}, {0, 0, 0, 0, 0, 0}}));
  EXPECT_EQ(tokenizer.pad_id(), 1);
}

TEST(ByteLevelBpe, TheMaskTakesTheWhiteSpaceBeforeItAlong) {
  EXPECT_EQ(tokens_of(bpe_tokenizer({}), "a \n<mask> b"), (Tokens{"a", "<mask>", "Ġ", "b"}));
}

TEST(ByteLevelBpe, BytesThatTheVocabularyLacksAreLeftOutOrUnknown) {
  nlohmann::json document = bpe_json({"a b"});
  for (const char* byte : {"x", "y"}) document["model"]["vocab"].erase(byte);
  EXPECT_EQ(tokens_of(load_json(document), "axyb"), (Tokens{"ab"}));
  document["model"]["unk_token"] = "<unk>";
  EXPECT_EQ(tokens_of(load_json(document), "axybx"), (Tokens{"a", "<unk>", "<unk>", "b", "<unk>"}));
  document["model"]["fuse_unk"] = true;
  EXPECT_EQ(tokens_of(load_json(document), "axybx"), (Tokens{"a", "<unk>", "b", "<unk>"}));
}

TEST(ByteLevelBpe, ALongWordDoesNotTakeForever) {
  const Tokenizer tokenizer = bpe_tokenizer({"a a", "aa aa", "aaaa aaaa"});
  EXPECT_EQ(tokens_of(tokenizer, std::string(400001, 'a')).size(), 50001u);
}

TEST(Merges, MayHaveCrlfAndNoVersionLine) {
  const TemporaryFolder folder;
  write_bpe(folder.path(), {"a b"});
  write_text(folder / "merges.txt", "a b\r\n");
  EXPECT_EQ(tokens_of(Tokenizer::load(folder.path()), "ab"), (Tokens{"ab"}));
  write_text(folder / "merges.txt", "");
  EXPECT_EQ(tokens_of(Tokenizer::load(folder.path()), "ab"), (Tokens{"a", "b"}));
}

TEST(Merges, ThatAreBrokenAreRefusedWithTheirLine) {
  const TemporaryFolder folder;
  write_bpe(folder.path(), {"a b"});
  const std::string path = (folder / "merges.txt").string();
  const auto message = [&](const std::string& text) {
    write_text(path, text);
    return message_of<TokenizerError>([&] { Tokenizer::load(folder.path()); });
  };
  const std::string expected = "; expected two tokens with a space between them";
  EXPECT_EQ(message("#version: 0.2\na b\nabc\n"), path + ":3: is \"abc\"" + expected);
  EXPECT_EQ(message("a b c\n"), path + ":1: is \"a b c\"" + expected);
  EXPECT_EQ(message(" a\n"), path + ":1: is \" a\"" + expected);
  EXPECT_EQ(message("a \n"), path + ":1: is \"a \"" + expected);
  EXPECT_EQ(message("\n\na zz\n"), path + ":3: merges \"a\" and \"zz\", but \"zz\" is not in the vocabulary");
  EXPECT_EQ(message("b a\n"), path + ":1: merges \"b\" and \"a\", but \"ba\" is not in the vocabulary");
  std::filesystem::remove(path);
  EXPECT_THAT(message_of<IoError>([&] { Tokenizer::load(folder.path()); }), HasSubstr("merges.txt"));
}

TEST(VocabJson, ThatIsBrokenIsRefusedWithItsPlace) {
  const TemporaryFolder folder;
  write_bpe(folder.path(), {});
  const std::string path = (folder / "vocab.json").string();
  const auto message = [&](const std::string& text) {
    write_text(path, text);
    return message_of<TokenizerError>([&] { Tokenizer::load(folder.path()); });
  };
  EXPECT_EQ(message(""), path + ":1: not valid JSON at byte 1; expected a JSON object");
  EXPECT_EQ(message("{\"a\": 1,\n\"b\""), path + ":2: not valid JSON at byte 13; expected a JSON object");
  EXPECT_EQ(message("{\"a\xFF\": 1}"), path + ":1: not valid JSON at byte 4; expected a JSON object");
  EXPECT_EQ(message("[1]"), path + ": found [1], expected an object");
  EXPECT_EQ(message(R"({"a": "1"})"), path + ": \"a\" is \"1\"; expected an integer from 0 to 65538");
  EXPECT_EQ(message(R"({"a": -1})"), path + ": \"a\" is -1; expected an integer from 0 to 65538");
  EXPECT_EQ(message(R"({"a": 1.5})"), path + ": \"a\" is 1.5; expected an integer from 0 to 65538");
  EXPECT_EQ(message(R"({"a": 4000000000})"), path + ": \"a\" is 4000000000; expected an integer from 0 to 65538");
  EXPECT_EQ(message(R"({"a": 18446744073709551615})"),
            path + ": \"a\" is 18446744073709551615; expected an integer from 0 to 65538");
  EXPECT_EQ(message(R"({"a": 3, "b": 3})"), path + ": tokens \"a\" and \"b\" both have the id 3");
  EXPECT_EQ(message(R"({"<s>": 0, "</s>": 1, "<unk>": 2})"),
            path + ": has no token \"<pad>\"; expected \"<s>\", \"</s>\", \"<unk>\" and \"<pad>\"");
  EXPECT_THAT(message("{}"), HasSubstr("expected an object with at least one token"));
}

TEST(VocabJson, OfATokenThatStandsTwiceTheLastCounts) {
  const TemporaryFolder folder;
  write_text(folder / "vocab.json", R"({"<s>": 0, "<pad>": 1, "</s>": 2, "<unk>": 3, "a": 4, "a": 5})");
  write_text(folder / "merges.txt", "");
  EXPECT_EQ(Tokenizer::load(folder.path()).encode("a", 5).ids, (std::vector<std::int32_t>{0, 5, 2}));
}

}  // namespace
}  // namespace sharcs::internal::byte_level_bpe_test
