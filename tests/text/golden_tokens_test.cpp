#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <string>

#include "golden_folder.hpp"
#include "sharcs/tokenizer.hpp"
#include "text/small_tokenizers.hpp"

namespace sharcs::internal::golden_tokens_test {
namespace {

using nlohmann::json;

/// Ids and token types of Hugging Face's tokenizers.
class GoldenTokens : public testing::GoldenTest {
 protected:
  static std::filesystem::path bert() { return GetParam().vocabularies / "bert-base-uncased"; }
  static std::filesystem::path roberta() { return GetParam().vocabularies / "roberta-layout"; }

  void SetUp() override {
    // The large set's vocabularies belong to the data, which may be absent.
    if (GetParam().name == "Large") SHARCS_SKIP_WITHOUT(GetParam().vocabularies);
  }

  static void expect_tokens(const Tokenizer& tokenizer, const std::string& file) {
    std::ifstream lines(golden(file));
    std::size_t count = 0;
    for (std::string line; std::getline(lines, line); ++count) {
      const json sample = json::parse(line);
      const std::string text = sample["text"];
      const std::size_t max_length = sample.value("max_length", 100000);
      const Encoding encoding = sample.contains("pair")
                                    ? tokenizer.encode(text, sample["pair"].get<std::string>(), max_length)
                                    : tokenizer.encode(text, max_length);
      const Encoding expected = {sample["ids"], sample["types"]};
      ASSERT_EQ(encoding.ids, expected.ids) << file << ":" << count + 1 << ": " << line.substr(0, 300);
      ASSERT_EQ(encoding.token_types, expected.token_types) << file << ":" << count + 1;
    }
    EXPECT_GE(count, 100u) << file;
  }
};
SHARCS_FOR_EACH_GOLDEN_SET(GoldenTokens);

TEST_P(GoldenTokens, UncasedBertFromVocabTxt) {
  const Tokenizer tokenizer = Tokenizer::wordpiece(bert() / "vocab.txt");
  expect_tokens(tokenizer, "tokens_bert_uncased.jsonl");
  expect_tokens(tokenizer, "tokens_bert_uncased_max16.jsonl");
}

TEST_P(GoldenTokens, CasedRulesKeepCaseAndAccents) {
  expect_tokens(Tokenizer::wordpiece(bert() / "vocab.txt", {.lower_case = false}), "tokens_bert_cased_rules.jsonl");
}

TEST_P(GoldenTokens, UncasedBertFromTokenizerJson) {
  const Tokenizer tokenizer = Tokenizer::load(bert());
  expect_tokens(tokenizer, "tokens_bert_uncased.jsonl");
  expect_tokens(tokenizer, "tokens_bert_uncased_max16.jsonl");
}

TEST_P(GoldenTokens, CasedRulesFromTokenizerJson) {
  json document = json::parse(std::ifstream(bert() / "tokenizer.json"));
  document["normalizer"]["lowercase"] = false;
  expect_tokens(load_json(document), "tokens_bert_cased_rules.jsonl");
}

TEST_P(GoldenTokens, CasedRulesFromTokenizerConfig) {
  const TemporaryFolder folder;
  std::filesystem::copy_file(bert() / "vocab.txt", folder / "vocab.txt");
  write_text(folder / "tokenizer_config.json", R"({"do_lower_case": false})");
  expect_tokens(Tokenizer::load(folder.path()), "tokens_bert_cased_rules.jsonl");
}

TEST_P(GoldenTokens, RobertaFromTokenizerJson) {
  const TemporaryFolder folder;
  Tokenizer::load(roberta()).save(folder.path());
  expect_tokens(Tokenizer::load(folder / "tokenizer.json"), "tokens_roberta_layout.jsonl");
}

TEST_P(GoldenTokens, RobertaFromVocabJsonAndMerges) {
  expect_tokens(Tokenizer::load(roberta()), "tokens_roberta_layout.jsonl");
}

}  // namespace
}  // namespace sharcs::internal::golden_tokens_test
