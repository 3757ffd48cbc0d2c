#include <gtest/gtest.h>

#include <random>
#include <set>

#include "expect_error.hpp"
#include "text/small_tokenizers.hpp"

namespace sharcs::internal::word_piece_test {
namespace {

using ::testing::HasSubstr;

TEST(WordPiece, CutsAWordIntoTheLongestPieces) {
  const Tokenizer tokenizer = word_piece_tokenizer({"un", "u", "##aff", "##able", "##a", "##ff", "fable"});
  EXPECT_EQ(tokens_of(tokenizer, "unaffable fable"), (Tokens{"un", "##aff", "##able", "fable"}));
}

TEST(WordPiece, AWordThatCannotBeCutToItsEndIsUnknownAsAWhole) {
  const Tokenizer tokenizer = word_piece_tokenizer({"un", "##aff", "x"});
  EXPECT_EQ(tokens_of(tokenizer, "unaffable x"), (Tokens{"[UNK]", "x"}));
}

TEST(WordPiece, AContinuationDoesNotBeginAWord) {
  const Tokenizer tokenizer = word_piece_tokenizer({"##able", "a"});
  EXPECT_EQ(tokens_of(tokenizer, "able"), (Tokens{"[UNK]"}));
}

TEST(WordPiece, WordsOfMoreThanAHundredCharactersAreUnknown) {
  const Tokenizer tokenizer = word_piece_tokenizer({"é", "##é"}, {.lower_case = false});
  std::string word;
  for (int i = 0; i < 100; ++i) word += "é";
  EXPECT_EQ(tokens_of(tokenizer, word).size(), 100u);
  EXPECT_EQ(tokens_of(tokenizer, word + "é"), (Tokens{"[UNK]"}));
}

TEST(WordPiece, AgreesWithLookingForEveryPrefixInASet) {
  std::mt19937 random(7);
  const auto letters = [&](std::size_t most) {
    std::string text;
    for (std::size_t left = 1 + random() % most; left > 0; --left)
      text += random() % 9 == 0 ? "ж" : random() % 2 ? "a" : "b";
    return text;
  };
  std::set<std::string> words, continuations;
  Tokens tokens;
  for (int i = 0; i < 60; ++i) {
    const std::string token = letters(6);
    if (words.insert(token).second) tokens.push_back(token);
    const std::string continuation = letters(4);
    if (continuations.insert(continuation).second) tokens.push_back("##" + continuation);
  }
  const Tokenizer tokenizer = word_piece_tokenizer(tokens);
  for (int i = 0; i < 2000; ++i) {
    const std::string word = letters(20);
    Tokens expected;
    for (std::size_t at = 0; at < word.size();) {
      const auto& pieces = at == 0 ? words : continuations;
      std::size_t length = word.size() - at;
      while (length > 0 && !pieces.contains(word.substr(at, length))) --length;
      if (length == 0) {
        expected = {"[UNK]"};
        break;
      }
      expected.push_back((at == 0 ? "" : "##") + word.substr(at, length));
      at += length;
    }
    ASSERT_EQ(tokens_of(tokenizer, word), expected) << word;
  }
}

TEST(BertText, IsLowerCasedAndLosesItsAccents) {
  const Tokenizer tokenizer = word_piece_tokenizer({"cafe", "istanbul", "σας"});
  EXPECT_EQ(tokens_of(tokenizer, "CAFÉ cafe\u0301 İstanbul"), (Tokens{"cafe", "cafe", "istanbul"}));
}

TEST(BertText, SigmaAtTheEndOfAWordIsLowerCasedLikeAnyOther) {
  EXPECT_EQ(tokens_of(word_piece_tokenizer({"σασ", "σας"}), "ΣΑΣ"), (Tokens{"σασ"}));
}

TEST(BertText, KeepsCaseAndAccentsWhenAsked) {
  const Tokenizer cased = word_piece_tokenizer({"Café", "cafe"}, {.lower_case = false});
  EXPECT_EQ(tokens_of(cased, "Café cafe café"), (Tokens{"Café", "cafe", "[UNK]"}));
  const Tokenizer accented = word_piece_tokenizer({"café", "cafe"}, {.strip_accents = false});
  EXPECT_EQ(tokens_of(accented, "CAFÉ"), (Tokens{"café"}));
  const Tokenizer bare = word_piece_tokenizer({"Cafe"}, {.lower_case = false, .strip_accents = true});
  EXPECT_EQ(tokens_of(bare, "Café"), (Tokens{"Cafe"}));
}

TEST(BertText, AccentsAreDecomposedInTheirCanonicalOrder) {
  // U+302E is a spacing mark that stays; the order in which it stands among the accents must not matter.
  const Tokenizer tokenizer = word_piece_tokenizer({"a\u302E"});
  EXPECT_EQ(tokens_of(tokenizer, "a\u0301\u302E"), (Tokens{"a\u302E"}));
  EXPECT_EQ(tokens_of(tokenizer, "a\u302E\u0301"), (Tokens{"a\u302E"}));
}

TEST(BertText, EveryIdeographIsAWordUnlessSwitchedOff) {
  EXPECT_EQ(tokens_of(word_piece_tokenizer({"北", "京", "a", "##京"}), "a北京"), (Tokens{"a", "北", "京"}));
  EXPECT_EQ(tokens_of(word_piece_tokenizer({"北", "##京"}, {.tokenize_chinese_chars = false}), "北京"),
            (Tokens{"北", "##京"}));
}

TEST(BertText, EveryPunctuationCharacterIsAWord) {
  const Tokenizer tokenizer = word_piece_tokenizer({"a", "b", ".", "$", "—", "«", "+"});
  EXPECT_EQ(tokens_of(tokenizer, "a..b$—«a+"), (Tokens{"a", ".", ".", "b", "$", "—", "«", "a", "+"}));
}

TEST(BertText, ControlCharactersVanishAndEveryWhiteSpaceSeparates) {
  const Tokenizer tokenizer = word_piece_tokenizer({"ab", "a", "b"});
  using namespace std::string_literals;
  EXPECT_EQ(tokens_of(tokenizer, "a\0b a\x01\x7f\u200B\u00ADb a\uFEFF\uFFFDb"s), (Tokens{"ab", "ab", "ab"}));
  EXPECT_EQ(tokens_of(tokenizer, "a\tb\na\rb\u00A0a\u2003b\u3000a\u2028b"),
            (Tokens{"a", "b", "a", "b", "a", "b", "a", "b"}));
  EXPECT_EQ(tokens_of(tokenizer, "a\v\f\u0085b"), (Tokens{"ab"})) << "control characters before they are white space";
}

TEST(BertText, BytesThatAreNotUtf8CountAsReplacementCharacters) {
  const Tokenizer tokenizer = word_piece_tokenizer({"ab"});
  EXPECT_EQ(tokens_of(tokenizer,
                      "a\xFF\xE2\x82"
                      "b a\xED\xA0\x80"
                      "b \xC0\xAF"),
            (Tokens{"ab", "ab"}));
}

TEST(BertText, SpecialTokensInTheTextKeepTheirMeaning) {
  const Tokenizer tokenizer = word_piece_tokenizer({"a", "b", "[", "]", "mask"});
  EXPECT_EQ(tokens_of(tokenizer, "a[MASK]b [SEP] [mask]"), (Tokens{"a", "[MASK]", "b", "[SEP]", "[", "mask", "]"}));
}

TEST(BertText, EmptyAndBlankTextsHaveOnlySpecialTokens) {
  const Tokenizer tokenizer = word_piece_tokenizer({"a"});
  for (const char* text : {"", " ", "\t\n\r ", "\u00A0\u3000", "\x01"}) {
    EXPECT_EQ(tokenizer.encode(text, 10), (Encoding{{2, 3}, {0, 0}})) << text;
    EXPECT_EQ(tokenizer.encode(text, "a", 10), (Encoding{{2, 3, 5, 3}, {0, 0, 1, 1}})) << text;
  }
}

TEST(VocabTxt, LineEndsMayBeLfOrCrlfAndTheLastOneMayBeMissing) {
  const TemporaryFolder folder;
  const std::string unix_text = vocab_txt({"a", "##b"});
  std::string windows_text;
  for (const char c : unix_text) windows_text += c == '\n' ? std::string("\r\n") : std::string(1, c);
  for (const std::string& text :
       {unix_text, windows_text, unix_text.substr(0, unix_text.size() - 1), "\xEF\xBB\xBF" + unix_text}) {
    const Tokenizer tokenizer = Tokenizer::wordpiece(write_text(folder / "vocab.txt", text));
    EXPECT_EQ(tokenizer.vocab_size(), 7u);
    EXPECT_EQ(tokenizer.encode("ab", 10).ids, (std::vector<std::int32_t>{2, 5, 6, 3}));
  }
}

TEST(VocabTxt, OfATokenThatStandsTwiceTheLastLineCounts) {
  const Tokenizer tokenizer = word_piece_tokenizer({"a", "b", "a"});
  EXPECT_EQ(tokenizer.id("a"), 7);
  EXPECT_EQ(tokenizer.token(5), "");
  EXPECT_EQ(tokenizer.vocab_size(), 8u);
}

TEST(VocabTxt, AnEmptyLineIsAnIdThatNothingUses) {
  const Tokenizer tokenizer = word_piece_tokenizer({"", "a"});
  EXPECT_EQ(tokenizer.encode(" a ", 10).ids, (std::vector<std::int32_t>{2, 6, 3}));
}

TEST(VocabTxt, TellsIdsAndTokens) {
  const Tokenizer tokenizer = word_piece_tokenizer({"a", "##b"});
  EXPECT_EQ(tokenizer.pad_id(), 0);
  EXPECT_EQ(tokenizer.id("##b"), 6);
  EXPECT_EQ(tokenizer.id("c"), std::nullopt);
  EXPECT_EQ(tokenizer.token(6), "##b");
  EXPECT_EQ(tokenizer.token(7), "");
  EXPECT_EQ(tokenizer.token(-1), "");
}

TEST(VocabTxt, WithoutANeededSpecialTokenIsRefused) {
  const TemporaryFolder folder;
  for (const std::string missing : {"[CLS]", "[SEP]", "[UNK]", "[PAD]"}) {
    std::string text;
    for (const std::string token : {"[CLS]", "[SEP]", "[UNK]", "[PAD]", "[MASK]", "a"})
      if (token != missing) text += token + "\n";
    const auto path = write_text(folder / "vocab.txt", text);
    EXPECT_EQ(
        message_of<TokenizerError>([&] { Tokenizer::wordpiece(path); }),
        path.string() + ": has no token \"" + missing + "\"; expected \"[CLS]\", \"[SEP]\", \"[UNK]\" and \"[PAD]\"");
  }
}

TEST(VocabTxt, WithoutAMaskIsAccepted) {
  const TemporaryFolder folder;
  const Tokenizer tokenizer =
      Tokenizer::wordpiece(write_text(folder / "vocab.txt", "[CLS]\n[SEP]\n[UNK]\n[PAD]\nmask\n"));
  EXPECT_EQ(tokens_of(tokenizer, "[MASK] mask"), (Tokens{"[UNK]", "mask", "[UNK]", "mask"}));
}

TEST(VocabTxt, ThatIsEmptyBinaryOrAbsentIsRefused) {
  const TemporaryFolder folder;
  const auto path = write_text(folder / "vocab.txt", "");
  EXPECT_EQ(message_of<TokenizerError>([&] { Tokenizer::wordpiece(path); }),
            path.string() + ": is empty; expected one token a line");
  write_text(path, "[PAD]\n\xFF\xFE\n");
  EXPECT_EQ(message_of<TokenizerError>([&] { Tokenizer::wordpiece(path); }),
            path.string() + ":2: is not UTF-8; expected a token");
  EXPECT_THAT(message_of<IoError>([&] { Tokenizer::wordpiece(folder / "absent.txt"); }), HasSubstr("absent.txt"));
  EXPECT_THAT(message_of<IoError>([&] { Tokenizer::wordpiece(folder.path()); }), HasSubstr(folder.path().string()));
}

TEST(TokenizerConfig, BesideVocabTxtDecidesCaseAccentsAndNames) {
  const TemporaryFolder folder;
  write_text(folder / "vocab.txt", "<p>\n<u>\n<c>\n<e>\n<m>\nÉ\né\ne\n北京\n");
  write_text(folder / "tokenizer_config.json",
             R"({"do_lower_case": true, "strip_accents": false, "tokenize_chinese_chars": false, "pad_token": "<p>",
                 "unk_token": {"content": "<u>", "lstrip": false}, "cls_token": "<c>", "sep_token": "<e>",
                 "mask_token": "<m>", "model_max_length": 512})");
  const Tokenizer tokenizer = Tokenizer::load(folder.path());
  EXPECT_EQ(tokenizer.encode("É<m>北京 x", 10).ids, (std::vector<std::int32_t>{2, 6, 4, 8, 1, 3}));
  write_text(
      folder / "tokenizer_config.json",
      R"({"do_lower_case": false, "pad_token": "<p>", "unk_token": "<u>", "cls_token": "<c>", "sep_token": "<e>"})");
  EXPECT_EQ(Tokenizer::load(folder.path()).encode("É", 10).ids, (std::vector<std::int32_t>{2, 5, 3}));
}

/// MPNet's vocabulary: its special tokens, then BERT's, then the mask.
class MpnetVocabTxt : public ::testing::Test {
 protected:
  MpnetVocabTxt() {
    write_text(folder_ / "vocab.txt", "<s>\n<pad>\n</s>\n<unk>\n[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\nb\n<mask>\n");
  }
  void expect_mpnet() const {
    const TemporaryFolder saved;
    Tokenizer::load(folder_.path()).save(saved.path());
    for (const Tokenizer& tokenizer : {Tokenizer::load(folder_.path()), Tokenizer::load(saved.path())}) {
      EXPECT_EQ(tokenizer.pad_id(), 1);
      // The mask takes the space before it along; [MASK] and an unknown word are text.
      EXPECT_EQ(tokenizer.encode("A <mask> [MASK] é", 20).ids, (std::vector<std::int32_t>{0, 9, 11, 5, 5, 5, 5, 2}));
      const Encoding pair = tokenizer.encode("a", "b", 20);
      EXPECT_EQ(pair.ids, (std::vector<std::int32_t>{0, 9, 2, 2, 10, 2}));
      EXPECT_EQ(pair.token_types, std::vector<std::int32_t>(6, 0));
    }
  }

  const TemporaryFolder folder_;
};

TEST_F(MpnetVocabTxt, IsKnownByTheTokenizersClass) {
  write_text(folder_ / "tokenizer_config.json", R"({"tokenizer_class": "MPNetTokenizer", "do_lower_case": true})");
  expect_mpnet();
}

TEST_F(MpnetVocabTxt, IsKnownByTheModelThatItBelongsTo) {
  write_text(folder_ / "config.json", R"({"model_type": "mpnet"})");
  expect_mpnet();
}

TEST_F(MpnetVocabTxt, TheTokenizersClassCountsBeforeTheModel) {
  write_text(folder_ / "config.json", R"({"model_type": "mpnet"})");
  write_text(folder_ / "tokenizer_config.json", R"({"tokenizer_class": "BertTokenizer"})");
  EXPECT_EQ(Tokenizer::load(folder_.path()).encode("a", "b", 20).ids, (std::vector<std::int32_t>{6, 9, 7, 10, 7}));
}

TEST(TokenizerConfig, ThatIsDamagedIsRefusedWithItsPlace) {
  const TemporaryFolder folder;
  write_text(folder / "vocab.txt", vocab_txt({"a"}));
  const auto path = folder / "tokenizer_config.json";
  const auto message = [&](const std::string& text) {
    write_text(path, text);
    return message_of<TokenizerError>([&] { Tokenizer::load(folder.path()); });
  };
  EXPECT_EQ(message("{\n\"do_lower_case\": tru"),
            path.string() + ":2: not valid JSON at byte 23; expected a JSON object");
  EXPECT_EQ(message("[]"), path.string() + ": found [], expected an object");
  EXPECT_EQ(message(R"({"do_lower_case": "yes"})"),
            path.string() + ": \"do_lower_case\" is \"yes\"; expected true or false");
  EXPECT_EQ(message(R"({"cls_token": 7})"), path.string() + ": \"cls_token\" is 7; expected a string");
  EXPECT_EQ(message(R"({"cls_token": {}})"), path.string() + ": \"cls_token.content\" is absent; expected a string");
  EXPECT_THAT(message(R"({"do_basic_tokenize": false})"), HasSubstr("\"do_basic_tokenize\" is false"));
  EXPECT_THAT(message(R"({"cls_token": "<c>"})"), HasSubstr("vocab.txt: has no token \"<c>\""));
}

}  // namespace
}  // namespace sharcs::internal::word_piece_test
