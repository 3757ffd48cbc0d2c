#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <string>

#include "golden_folder.hpp"
#include "sharcs/tokenizer.hpp"
#include "text/small_tokenizers.hpp"

namespace sharcs::internal {
namespace {

using nlohmann::json;

std::filesystem::path vocabulary_folder(const char* name) { return testing::data_dir() / "vocab" / name; }

void expect_golden_tokens(const Tokenizer& tokenizer, const std::string& file) {
  std::ifstream lines(testing::golden_dir() / file);
  std::size_t count = 0;
  for (std::string line; std::getline(lines, line); ++count) {
    const json golden = json::parse(line);
    const std::string text = golden["text"];
    const std::size_t max_length = golden.value("max_length", 100000);
    const Encoding encoding = golden.contains("pair")
                                  ? tokenizer.encode(text, golden["pair"].get<std::string>(), max_length)
                                  : tokenizer.encode(text, max_length);
    const Encoding expected = {golden["ids"], golden["types"]};
    ASSERT_EQ(encoding.ids, expected.ids) << file << ":" << count + 1 << ": " << line.substr(0, 300);
    ASSERT_EQ(encoding.token_types, expected.token_types) << file << ":" << count + 1;
  }
  EXPECT_GE(count, 100u) << file;
}

TEST(GoldenTokens, UncasedBertFromVocabTxt) {
  SHARCS_SKIP_WITHOUT_GOLDEN();
  SHARCS_SKIP_WITHOUT(vocabulary_folder("bert-base-uncased"));
  const Tokenizer tokenizer = Tokenizer::wordpiece(vocabulary_folder("bert-base-uncased") / "vocab.txt");
  expect_golden_tokens(tokenizer, "tokens_bert_uncased.jsonl");
  expect_golden_tokens(tokenizer, "tokens_bert_uncased_max16.jsonl");
}

TEST(GoldenTokens, CasedRulesKeepCaseAndAccents) {
  SHARCS_SKIP_WITHOUT_GOLDEN();
  SHARCS_SKIP_WITHOUT(vocabulary_folder("bert-base-uncased"));
  expect_golden_tokens(
      Tokenizer::wordpiece(vocabulary_folder("bert-base-uncased") / "vocab.txt", {.lower_case = false}),
      "tokens_bert_cased_rules.jsonl");
}

TEST(GoldenTokens, UncasedBertFromTokenizerJson) {
  SHARCS_SKIP_WITHOUT_GOLDEN();
  SHARCS_SKIP_WITHOUT(vocabulary_folder("bert-base-uncased") / "tokenizer.json");
  const Tokenizer tokenizer = Tokenizer::load(vocabulary_folder("bert-base-uncased"));
  expect_golden_tokens(tokenizer, "tokens_bert_uncased.jsonl");
  expect_golden_tokens(tokenizer, "tokens_bert_uncased_max16.jsonl");
}

TEST(GoldenTokens, CasedRulesFromTokenizerJson) {
  SHARCS_SKIP_WITHOUT_GOLDEN();
  SHARCS_SKIP_WITHOUT(vocabulary_folder("bert-base-uncased") / "tokenizer.json");
  json document = json::parse(std::ifstream(vocabulary_folder("bert-base-uncased") / "tokenizer.json"));
  document["normalizer"]["lowercase"] = false;
  expect_golden_tokens(load_json(document), "tokens_bert_cased_rules.jsonl");
}

TEST(GoldenTokens, CasedRulesFromTokenizerConfig) {
  SHARCS_SKIP_WITHOUT_GOLDEN();
  SHARCS_SKIP_WITHOUT(vocabulary_folder("bert-base-uncased"));
  const TemporaryFolder folder;
  std::filesystem::copy_file(vocabulary_folder("bert-base-uncased") / "vocab.txt", folder / "vocab.txt");
  write_text(folder / "tokenizer_config.json", R"({"do_lower_case": false})");
  expect_golden_tokens(Tokenizer::load(folder.path()), "tokens_bert_cased_rules.jsonl");
}

TEST(GoldenTokens, RobertaFromTokenizerJson) {
  SHARCS_SKIP_WITHOUT_GOLDEN();
  SHARCS_SKIP_WITHOUT(vocabulary_folder("roberta-layout"));
  const TemporaryFolder folder;
  Tokenizer::load(vocabulary_folder("roberta-layout")).save(folder.path());
  expect_golden_tokens(Tokenizer::load(folder / "tokenizer.json"), "tokens_roberta_layout.jsonl");
}

TEST(GoldenTokens, RobertaFromVocabJsonAndMerges) {
  SHARCS_SKIP_WITHOUT_GOLDEN();
  SHARCS_SKIP_WITHOUT(vocabulary_folder("roberta-layout"));
  expect_golden_tokens(Tokenizer::load(vocabulary_folder("roberta-layout")), "tokens_roberta_layout.jsonl");
}

}  // namespace
}  // namespace sharcs::internal
