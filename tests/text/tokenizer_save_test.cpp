#include <gtest/gtest.h>

#include <filesystem>

#include "expect_error.hpp"
#include "golden_folder.hpp"
#include "text/small_tokenizers.hpp"

namespace sharcs::internal::tokenizer_save_test {
namespace {

const std::vector<std::string> texts = {"",          "hello <mask> [MASK] world", " low  lower\tlowest ", "Élan vital",
                                        "北京 \x01", "x<s>y</s> [SEP]z",          "it's we'll 100 %"};

void expect_same(const Tokenizer& a, const Tokenizer& b) {
  EXPECT_EQ(a.vocab_size(), b.vocab_size());
  EXPECT_EQ(a.pad_id(), b.pad_id());
  for (std::size_t id = 0; id < a.vocab_size(); ++id)
    EXPECT_EQ(a.token(static_cast<std::int32_t>(id)), b.token(static_cast<std::int32_t>(id)));
  for (const std::string& text : texts) {
    EXPECT_EQ(a.encode(text, 64), b.encode(text, 64)) << text;
    EXPECT_EQ(a.encode(text, "low " + text, 12), b.encode(text, "low " + text, 12)) << text;
  }
}

TEST(SavedTokenizer, WordPieceEncodesAsBefore) {
  const TemporaryFolder folder;
  const Tokens tokens = {"low", "##er", "##est", "élan", "elan", "Elan", "北", "##京", "北京", "hello", "[", "]", "'"};
  for (const WordPieceOptions& options :
       {WordPieceOptions{}, WordPieceOptions{.lower_case = false}, WordPieceOptions{.strip_accents = false},
        WordPieceOptions{.tokenize_chinese_chars = false}}) {
    const Tokenizer tokenizer = word_piece_tokenizer(tokens, options);
    tokenizer.save(folder / "model");
    expect_same(tokenizer, Tokenizer::load(folder / "model"));
    std::filesystem::remove(folder / "model" / "tokenizer.json");
    expect_same(tokenizer, Tokenizer::load(folder / "model"));
  }
}

TEST(SavedTokenizer, ByteLevelBpeEncodesAsBefore) {
  const TemporaryFolder folder;
  for (const bool prefix : {false, true}) {
    const Tokenizer tokenizer =
        bpe_tokenizer({"l o", "lo w", "Ġ low", "e r", "Ġlow er", "h e"}, {.add_prefix_space = prefix});
    tokenizer.save(folder / "model");
    expect_same(tokenizer, Tokenizer::load(folder / "model"));
    std::filesystem::remove(folder / "model" / "tokenizer.json");
    expect_same(tokenizer, Tokenizer::load(folder / "model"));
  }
}

TEST(SavedTokenizer, TrainedVocabularyEncodesAsBefore) {
  const TemporaryFolder folder;
  const Tokenizer tokenizer = Tokenizer::train_wordpiece(texts, {.vocab_size = 60, .min_frequency = 1});
  tokenizer.save(folder / "a" / "b");
  expect_same(tokenizer, Tokenizer::load(folder / "a" / "b"));
}

TEST(SavedTokenizer, KeepsEverythingThatATokenizerJsonSays) {
  const TemporaryFolder folder;
  nlohmann::json document = word_piece_json({"low", "~er", "elan", "hello", "world", "x"});
  document["normalizer"] = {{"type", "Sequence"},
                            {"normalizers", {{{"type", "NFD"}}, {{"type", "StripAccents"}}, {{"type", "Lowercase"}}}}};
  document["pre_tokenizer"] = {{"type", "Sequence"},
                               {"pretokenizers", {{{"type", "WhitespaceSplit"}}, {{"type", "Punctuation"}}}}};
  document["model"]["continuing_subword_prefix"] = "~";
  document["model"]["max_input_chars_per_word"] = 5;
  document["added_tokens"].push_back({{"id", 11},
                                      {"content", "Hello"},
                                      {"single_word", true},
                                      {"lstrip", true},
                                      {"rstrip", true},
                                      {"normalized", true},
                                      {"special", false}});
  document["post_processor"] = {
      {"type", "TemplateProcessing"},
      {"single", {{{"Sequence", {{"id", "A"}, {"type_id", 3}}}}, {{"SpecialToken", {{"id", "end"}, {"type_id", 4}}}}}},
      {"pair",
       {{{"Sequence", {{"id", "B"}, {"type_id", 1}}}},
        {{"SpecialToken", {{"id", "end"}, {"type_id", 2}}}},
        {{"Sequence", {{"id", "A"}, {"type_id", 0}}}}}},
      {"special_tokens", {{"end", {{"id", "end"}, {"ids", {3, 2}}, {"tokens", {"[SEP]", "[CLS]"}}}}}}};
  const Tokenizer tokenizer = load_json(document);
  tokenizer.save(folder.path());
  expect_same(tokenizer, Tokenizer::load(folder.path()));
}

TEST(SavedTokenizer, RealVocabulariesEncodeAsBefore) {
  for (const char* name : {"bert-base-uncased", "roberta-layout"}) {
    const std::filesystem::path source = testing::data_dir() / "vocab" / name;
    SHARCS_SKIP_WITHOUT(source);
    const TemporaryFolder folder;
    const Tokenizer tokenizer = Tokenizer::load(source);
    tokenizer.save(folder.path());
    expect_same(tokenizer, Tokenizer::load(folder.path()));
    std::filesystem::remove(folder / "tokenizer.json");
    expect_same(tokenizer, Tokenizer::load(folder.path()));
  }
}

TEST(SavedTokenizer, AFolderThatCannotBeMadeIsAnError) {
  const TemporaryFolder folder;
  write_text(folder / "file", "");
  EXPECT_THAT(message_of<IoError>([&] { word_piece_tokenizer({"a"}).save(folder / "file" / "model"); }),
              ::testing::HasSubstr("file/model: cannot make the folder"));
}

}  // namespace
}  // namespace sharcs::internal::tokenizer_save_test
