#include <gtest/gtest.h>

#include <cstring>

#include "expect_error.hpp"
#include "text/sentence_pieces.hpp"
#include "text/small_tokenizers.hpp"

namespace sharcs::internal::tokenizer_folder_test {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;
using Ids = std::vector<std::int32_t>;

/// A model's folder with the files that a test writes.
class TokenizerFolder : public ::testing::Test {
 protected:
  void write(const char* name, const json& document) { write_text(folder_ / name, document.dump()); }
  Ids ids(std::string_view text) { return Tokenizer::load(folder_.path()).encode(text, 100).ids; }
  std::string refusal() {
    const std::string message = message_of<TokenizerError>([&] { Tokenizer::load(folder_.path()); });
    const std::string prefix = folder_.path().string() + "/";
    EXPECT_TRUE(message.starts_with(prefix)) << message;
    return message.substr(std::min(prefix.size(), message.size()));
  }
  json saved_config() {
    const TemporaryFolder other;
    Tokenizer::load(folder_.path()).save(other.path());
    return json::parse(std::ifstream(other / "tokenizer_config.json"));
  }

  const TemporaryFolder folder_;
};

// As transformers 5.24 decides (compare_tokenizers.py holds the same against it).

TEST_F(TokenizerFolder, TheClassesKeysDecideAgainstTokenizerJson) {
  write("tokenizer.json", word_piece_json({"low", "Low"}));  // which says: lowercase
  EXPECT_EQ(ids("Low"), (Ids{2, 5, 3}));
  write("tokenizer_config.json", {{"tokenizer_class", "BertTokenizer"}, {"do_lower_case", false}});
  EXPECT_EQ(ids("Low"), (Ids{2, 6, 3}));
  write("tokenizer_config.json", {{"tokenizer_class", "BertTokenizerFast"}, {"do_lower_case", false}});
  EXPECT_EQ(ids("Low"), (Ids{2, 6, 3}));
  write("tokenizer_config.json", {{"tokenizer_class", "PreTrainedTokenizerFast"}, {"do_lower_case", false}});
  EXPECT_EQ(ids("Low"), (Ids{2, 5, 3})) << "this class takes tokenizer.json as it is";
}

TEST_F(TokenizerFolder, TheModelsTypeStandsForAClassThatNothingNames) {
  json document = word_piece_json({"low", "Low"});
  document["normalizer"]["lowercase"] = false;
  write("tokenizer.json", document);
  EXPECT_EQ(ids("Low"), (Ids{2, 6, 3}));
  write("config.json", {{"model_type", "bert"}});
  EXPECT_EQ(ids("Low"), (Ids{2, 5, 3})) << "BertTokenizer, whose do_lower_case is true where nothing says more";
  write("config.json", {{"model_type", "roberta"}});
  EXPECT_EQ(ids("Low"), (Ids{2, 6, 3})) << "WordPiece is not RobertaTokenizer's: as it is written";
}

TEST_F(TokenizerFolder, AddedTokensOfEveryFileAreFound) {
  write_text(folder_ / "vocab.txt", vocab_txt({"a", "<", "x", ">"}));
  EXPECT_EQ(ids("a<x>"), (Ids{2, 5, 6, 7, 8, 3}));
  write("added_tokens.json", {{"<x>", 9}});
  EXPECT_EQ(ids("a<x>"), (Ids{2, 5, 9, 3}));
  EXPECT_EQ(ids("A<X>"), (Ids{2, 5, 9, 3})) << "no special token: looked for in lower case";
  write("tokenizer_config.json", {{"additional_special_tokens", {"<x>"}}});
  EXPECT_EQ(ids("A<X>"), (Ids{2, 5, 6, 7, 8, 3}));
  std::filesystem::remove(folder_ / "added_tokens.json");
  EXPECT_EQ(ids("a <x>"), (Ids{2, 5, 9, 3})) << "gets the next id";
  std::filesystem::remove(folder_ / "tokenizer_config.json");
  write("special_tokens_map.json", {{"additional_special_tokens", {{{"content", "<x>"}, {"lstrip", true}}}}});
  EXPECT_EQ(ids("a <x>"), (Ids{2, 5, 9, 3}));
  write("tokenizer_config.json",
        {{"added_tokens_decoder",
          {{"9", {{"content", "<x>"}, {"special", true}, {"normalized", false}}}, {"5", {{"content", "a"}}}}}});
  EXPECT_EQ(ids("xa<x>"), (Ids{2, 7, 5, 9, 3}));
  const TemporaryFolder saved;
  Tokenizer::load(folder_.path()).save(saved.path());
  EXPECT_EQ(Tokenizer::load(saved.path()).encode("xa<x>", 20).ids, (Ids{2, 7, 5, 9, 3}));
}

TEST_F(TokenizerFolder, AddedTokensWithAnIdOfAnotherTokenAreRefused) {
  write_text(folder_ / "vocab.txt", vocab_txt({"a", "b"}));
  write("added_tokens.json", {{"a", 6}});
  EXPECT_EQ(refusal(),
            "tokenizer_config.json: the added token \"a\" has the id 6; expected 5, its id in the vocabulary");
  write("added_tokens.json", {{"<x>", 6}});
  EXPECT_EQ(refusal(),
            "tokenizer_config.json: the added token \"<x>\" has the id 6; expected an id other than that of \"b\"");
  write("added_tokens.json", {{"<x>", 1000000}});
  EXPECT_THAT(refusal(), HasSubstr("has the id 1000000; expected at most"));
  write("added_tokens.json", {{"<x>", "7"}});
  EXPECT_THAT(refusal(), HasSubstr("added_tokens.json: \"<x>\" is \"7\"; expected an integer"));
  std::filesystem::remove(folder_ / "added_tokens.json");
  write("tokenizer_config.json", {{"added_tokens_decoder", {{"x", {{"content", "a"}}}}}});
  EXPECT_EQ(refusal(), "tokenizer_config.json: \"added_tokens_decoder\" has the key \"x\"; expected ids of tokens");
  write("tokenizer_config.json", {{"added_tokens_decoder", {{"7", "a"}}}});
  EXPECT_EQ(refusal(),
            "tokenizer_config.json: \"added_tokens_decoder.7\" is \"a\"; expected an object with \"content\"");
}

TEST_F(TokenizerFolder, AClassThatIsNotKnownNeedsATokenizerJson) {
  write_text(folder_ / "vocab.txt", vocab_txt({"a"}));
  for (const char* name : {"BertJapaneseTokenizer", "BertweetTokenizer", "HerbertTokenizerFast", "GPT2Tokenizer"}) {
    write("tokenizer_config.json", {{"tokenizer_class", name}});
    const std::string plain = std::string(name).substr(0, std::string(name).find("Fast"));
    EXPECT_THAT(refusal(), HasSubstr("tokenizer_config.json: \"tokenizer_class\" is \"" + plain +
                                     "\"; expected a tokenizer.json beside it, or one of BertTokenizer, "));
  }
  write("tokenizer.json", word_piece_json({"b"}));
  EXPECT_EQ(ids("b"), (Ids{2, 5, 3}));
  write("tokenizer_config.json", {{"tokenizer_class", "RobertaTokenizer"}});
  EXPECT_THAT(refusal(),
              HasSubstr("\"tokenizer_class\" is \"RobertaTokenizer\"; expected \"PreTrainedTokenizerFast\""));
  std::filesystem::remove(folder_ / "tokenizer.json");
  EXPECT_THAT(message_of<IoError>([&] { Tokenizer::load(folder_.path()); }),
              HasSubstr("has no vocab.json and no tokenizer.json; expected one of them for RobertaTokenizer"));
}

TEST_F(TokenizerFolder, MergesWithAnEndOfWordAreRefused) {
  write("vocab.json", {{"<s>", 0}, {"<pad>", 1}, {"</s>", 2}, {"<unk>", 3}, {"a", 4}, {"b</w>", 5}, {"ab</w>", 6}});
  write_text(folder_ / "merges.txt", "#version: 0.2\na b</w>\n");
  EXPECT_EQ(refusal(),
            "merges.txt:2: merges \"a\" and \"b</w>\": tokens that mark the end of a word with \"</w>\" are "
            "not supported; expected byte-level BPE");
}

TEST_F(TokenizerFolder, TokenTypesAreGivenAsTheClassGivesThem) {
  const auto types = [&] { return Tokenizer::load(folder_.path()).encode("a", "a", 20).token_types; };
  const Ids two = {0, 0, 0, 1, 1}, zero(5, 0);
  write("tokenizer.json", word_piece_json({"a"}));
  write("tokenizer_config.json", {{"tokenizer_class", "BertTokenizer"}});
  EXPECT_EQ(types(), two);
  write("tokenizer_config.json", {{"tokenizer_class", "PreTrainedTokenizerFast"}});
  EXPECT_EQ(types(), two) << "as transformers 4";
  write("tokenizer_config.json", {{"tokenizer_class", "TokenizersBackend"}, {"backend", "tokenizers"}});
  EXPECT_EQ(types(), zero) << "as transformers 5, which wrote it";
  write("tokenizer_config.json", {{"tokenizer_class", "BertTokenizer"}, {"model_input_names", {"input_ids"}}});
  EXPECT_EQ(types(), zero);
}

TEST_F(TokenizerFolder, TheConfigurationIsSavedAsItWas) {
  write("tokenizer.json", word_piece_json({"a"}));
  const json keys = {{"tokenizer_class", "ElectraTokenizer"},
                     {"model_max_length", 77},
                     {"do_lower_case", true},
                     {"padding_side", "left"},
                     {"mask_token", {{"__type", "AddedToken"}, {"content", "[MASK]"}, {"lstrip", true}}}};
  write("tokenizer_config.json", keys);
  write("special_tokens_map.json", {{"additional_special_tokens", {"<x>"}}});
  const json saved = saved_config();
  for (const auto& [key, value] : keys.items()) EXPECT_EQ(saved.at(key), value) << key;
  EXPECT_EQ(saved.at("additional_special_tokens"), json({"<x>"}));
}

TEST_F(TokenizerFolder, OneThatWasMadeHereIsSavedAsItsClass) {
  const auto class_of = [&](const Tokenizer& tokenizer) {
    tokenizer.save(folder_.path());
    return json::parse(std::ifstream(folder_ / "tokenizer_config.json")).at("tokenizer_class");
  };
  const std::vector<std::string> texts = {"a b c"};
  EXPECT_EQ(class_of(Tokenizer::train_wordpiece(texts, {.vocab_size = 20, .min_frequency = 1})), "BertTokenizer");
  EXPECT_EQ(class_of(bpe_tokenizer({"a b"})), "RobertaTokenizer");
  json document = word_piece_json({"a"});
  EXPECT_EQ(class_of(load_json(document)), "BertTokenizer");
  document["pre_tokenizer"] = {{"type", "WhitespaceSplit"}};
  EXPECT_EQ(class_of(load_json(document)), "PreTrainedTokenizerFast");
}

// -------------------------------------------------------------------------------------------------- SentencePiece

const std::vector<SentencePiece> fairseq_pieces = {{"<unk>", 0, 2}, {"<s>", 0, 3}, {"</s>", 0, 3}, {"▁a", -1, 1},
                                                   {"b", -2.5f, 1}, {"▁", -3, 1},  {"ab", -2, 1},  {"(x)", -1.5f, 4}};

TEST_F(TokenizerFolder, SentencePiecesFileIsReadAsXlmRobertas) {
  write_text(folder_ / "sentencepiece.bpe.model", model_file(fairseq_pieces));
  write("config.json", {{"model_type", "xlm-roberta"}});
  const Tokenizer tokenizer = Tokenizer::load(folder_.path());
  // <s> <pad> </s> <unk>, the file's pieces from its fourth on, <mask>.
  EXPECT_EQ(tokenizer.vocab_size(), 10u);
  EXPECT_EQ(tokenizer.pad_id(), 1);
  EXPECT_EQ(tokenizer.encode("ab  q(x)<mask>", 20).ids, (Ids{0, 4, 5, 6, 3, 8, 9, 2}));
  EXPECT_EQ(tokenizer.encode("a", "b", 20), (Encoding{{0, 4, 2, 2, 6, 5, 2}, Ids(7, 0)}));
  EXPECT_EQ(saved_config().at("tokenizer_class"), "XLMRobertaTokenizer");
}

TEST_F(TokenizerFolder, SentencePiecesFileIsReadAsCamemberts) {
  write_text(folder_ / "sentencepiece.bpe.model", model_file(fairseq_pieces));
  write("tokenizer_config.json", {{"tokenizer_class", "CamembertTokenizer"}});
  const Tokenizer tokenizer = Tokenizer::load(folder_.path());
  // <s>NOTUSED <pad> </s>NOTUSED <unk> <unk>NOTUSED, the file's pieces from its second on, <mask>.
  EXPECT_EQ(tokenizer.encode("ab q(x)<mask>", 20).ids, (Ids{5, 7, 8, 9, 3, 11, 12, 6}));
}

TEST_F(TokenizerFolder, SentencePiecesFileIsReadAsAlberts) {
  write_text(folder_ / "spiece.model", model_file({{"<pad>", 0, 3},
                                                   {"<unk>", 0, 2},
                                                   {"[CLS]", 0, 3},
                                                   {"[SEP]", 0, 3},
                                                   {"[MASK]", 0, 3},
                                                   {"▁a", -1, 1},
                                                   {"e", -2, 1},
                                                   {"▁", -3, 1},
                                                   {"\"", -4, 1}}));
  EXPECT_EQ(ids("Aé ``"), (Ids{2, 5, 6, 7, 8, 3}));
  EXPECT_EQ(Tokenizer::load(folder_.path()).encode("a", "a", 20).token_types, (Ids{0, 0, 0, 1, 1}));
  write("tokenizer_config.json",
        {{"tokenizer_class", "AlbertTokenizer"}, {"do_lower_case", false}, {"keep_accents", true}});
  EXPECT_EQ(ids("a Ae"), (Ids{2, 5, 7, 1, 6, 3}));
}

TEST_F(TokenizerFolder, ASentencePieceFileThatNothingNamesIsRefused) {
  write_text(folder_ / "sentencepiece.bpe.model", model_file(fairseq_pieces));
  EXPECT_EQ(refusal(),
            "sentencepiece.bpe.model: is XLM-RoBERTa's or CamemBERT's; expected a config.json or tokenizer_config.json "
            "beside it that says which");
}

TEST_F(TokenizerFolder, SentencePieceModelsOfOtherKindsAreRefused) {
  write("config.json", {{"model_type", "xlm-roberta"}});
  const auto refused = [&](const std::string& bytes) {
    write_text(folder_ / "sentencepiece.bpe.model", bytes);
    return refusal().substr(std::string("sentencepiece.bpe.model: ").size());
  };
  EXPECT_EQ(refused(model_file(fairseq_pieces, 2)), "is a model of BPE; expected Unigram");
  EXPECT_EQ(refused(model_file({{"<0x41>", 0, 6}})),
            "piece 0 stands for a byte; unknown characters as bytes (byte_fallback) are not supported");
  EXPECT_EQ(refused(model_file({{"a", 0, 7}})), "piece 0 has the type 7; expected 1 to 6");
  EXPECT_EQ(refused(model_file({{"a\xFF", 0, 1}})), "piece 0 is no text in UTF-8");
  EXPECT_EQ(refused(model_file({{"a", 0, 1}, {"b", std::numeric_limits<float>::infinity(), 1}})),
            "piece 1 has no finite score");
  EXPECT_EQ(refused(""), "has no pieces; expected a model of SentencePiece");
  EXPECT_EQ(refused("version https://git-lfs.github.com/spec/v1"),
            "is damaged at byte 2; expected a model of SentencePiece");
  EXPECT_EQ(refused(field(1, field(1, "a") + field(2, std::uint64_t{3}))),
            "is damaged at byte 8; expected a model of SentencePiece");
}

TEST_F(TokenizerFolder, ASentencePieceFileThatIsCutOrDamagedNeverBreaksTheReader) {
  write("config.json", {{"model_type", "xlm-roberta"}});
  const std::string whole = model_file(fairseq_pieces);
  for (std::size_t at = 0; at < whole.size(); ++at)
    for (const std::string& bytes : {whole.substr(0, at), whole.substr(0, at) + '\xFF' + whole.substr(at + 1)}) {
      write_text(folder_ / "sentencepiece.bpe.model", bytes);
      try {
        ids("ab (x)");
      } catch (const TokenizerError& error) {
        EXPECT_THAT(error.what(), HasSubstr("sentencepiece.bpe.model: ")) << at;
      }
    }
}

// ---------------------------------------------------------------- what transformers writes for SentencePiece's models

json unigram(const json& normalizer, const json& pre_tokenizer) {
  json vocabulary = json::array();
  for (const auto& [token, score] : std::vector<std::pair<const char*, double>>{
           {"<s>", 0}, {"<pad>", 0}, {"</s>", 0}, {"<unk>", 0}, {"▁", -3}, {"▁a", -1}, {"a", -2}, {" ", -5}})
    vocabulary.push_back({token, score});
  return {{"version", "1.0"},
          {"added_tokens", {{{"id", 8}, {"content", "<x>"}, {"special", true}}}},
          {"normalizer", normalizer},
          {"pre_tokenizer", pre_tokenizer},
          {"post_processor", {{"type", "RobertaProcessing"}, {"sep", {"</s>", 2}}, {"cls", {"<s>", 0}}}},
          {"model", {{"type", "Unigram"}, {"unk_id", 3}, {"vocab", vocabulary}}}};
}

TEST(TokenizerJson, MetaspaceMayPrependToTheFirstWordAlone) {
  const auto with = [](const char* scheme) {
    return load_json(unigram(nullptr, {{"type", "Metaspace"}, {"prepend_scheme", scheme}}));
  };
  EXPECT_EQ(tokens_of(with("always"), "a<x>a"), (Tokens{"▁a", "<x>", "▁a"}));
  EXPECT_EQ(tokens_of(with("first"), "a<x>a"), (Tokens{"▁a", "<x>", "a"}));
  EXPECT_EQ(tokens_of(with("first"), "<x>a a"), (Tokens{"<x>", "a", "▁a"}));
  EXPECT_EQ(tokens_of(with("never"), "a<x>a"), (Tokens{"a", "<x>", "a"}));
}

TEST(TokenizerJson, StripPrependAndRunsOfSpacesAreNormalized) {
  const auto with = [](const json& normalizer) {
    const TemporaryFolder folder;  // read, saved and read again
    load_json(unigram(normalizer, {{"type", "Metaspace"}, {"prepend_scheme", "never"}})).save(folder.path());
    return Tokenizer::load(folder.path());
  };
  EXPECT_EQ(tokens_of(with(nullptr), " a  a "), (Tokens{"▁a", "▁", "▁a", "▁"}));
  EXPECT_EQ(tokens_of(with({{"type", "Strip"}, {"strip_left", true}, {"strip_right", true}}), " \ta  a \u3000"),
            (Tokens{"a", "▁", "▁a"}));
  EXPECT_EQ(tokens_of(with({{"type", "Strip"}, {"strip_left", false}, {"strip_right", true}}), " a "), (Tokens{"▁a"}));
  EXPECT_EQ(tokens_of(with({{"type", "Prepend"}, {"prepend", "▁"}}), "a"), (Tokens{"▁a"}));
  const auto replace = [&](const char* regex, const char* content) {
    return with({{"type", "Replace"}, {"pattern", {{"Regex", regex}}}, {"content", content}});
  };
  EXPECT_EQ(tokens_of(replace(" {2,}", " "), "a  a   a a"), (Tokens{"a", "▁a", "▁a", "▁a"}));
  EXPECT_EQ(tokens_of(replace("\\A +| +\\z", ""), "  a  a "), (Tokens{"a", "▁", "▁a"}));
  EXPECT_EQ(tokens_of(replace("\\A▁", "▁▁"), "▁a▁a"), (Tokens{"▁", "▁a", "▁a"}));
}

}  // namespace
}  // namespace sharcs::internal::tokenizer_folder_test
