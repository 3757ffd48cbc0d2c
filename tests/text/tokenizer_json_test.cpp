#include <gtest/gtest.h>

#include "expect_error.hpp"
#include "text/small_tokenizers.hpp"

namespace sharcs::internal::tokenizer_json_test {
namespace {

using nlohmann::json;
using ::testing::EndsWith;
using ::testing::HasSubstr;

/// The message for a tokenizer.json, without the folder.
std::string message_for_text(const std::string& text) {
  const TemporaryFolder folder;
  const auto path = write_text(folder / "tokenizer.json", text);
  const std::string message = message_of<TokenizerError>([&] { Tokenizer::load(path); });
  EXPECT_TRUE(message.starts_with(path.string())) << message;
  return "tokenizer.json" + message.substr(std::min(path.string().size(), message.size()));
}
std::string message_for(const json& document) { return message_for_text(document.dump()); }

/// word_piece_json() with one value changed.
json changed(const char* pointer, const json& value, const Tokens& tokens = {"a", "b"}) {
  json document = word_piece_json(tokens);
  document[json::json_pointer(pointer)] = value;
  return document;
}

TEST(TokenizerJson, MayHaveAnyName) {
  const TemporaryFolder folder;
  const auto path = write_text(folder / "mine.json", word_piece_json({"a"}).dump());
  EXPECT_EQ(tokens_of(Tokenizer::load(path), "a"), (Tokens{"a"}));
}

TEST(TokenizerJson, GoesBeforeVocabTxt) {
  const TemporaryFolder folder;
  write_text(folder / "vocab.txt", vocab_txt({"b"}));
  EXPECT_EQ(tokens_of(Tokenizer::load(folder.path()), "a b"), (Tokens{"[UNK]", "b"}));
  write_text(folder / "tokenizer.json", word_piece_json({"a"}).dump());
  EXPECT_EQ(tokens_of(Tokenizer::load(folder.path()), "a b"), (Tokens{"a", "[UNK]"}));
}

TEST(TokenizerJson, BertNormalizerHasFourOptions) {
  const Tokens tokens = {"é", "É", "e", "E", "北", "##京", "京", "北京"};
  const auto with = [&](const json& options) {
    json normalizer = options;
    normalizer["type"] = "BertNormalizer";
    return load_json(changed("/normalizer", normalizer, tokens));
  };
  EXPECT_EQ(tokens_of(with({}), "É北京"), (Tokens{"e", "北", "京"}));
  EXPECT_EQ(tokens_of(with({{"strip_accents", nullptr}, {"lowercase", false}}), "É"), (Tokens{"É"}));
  EXPECT_EQ(tokens_of(with({{"strip_accents", true}, {"lowercase", false}}), "É"), (Tokens{"E"}));
  EXPECT_EQ(tokens_of(with({{"strip_accents", false}}), "É"), (Tokens{"é"}));
  EXPECT_EQ(tokens_of(with({{"handle_chinese_chars", false}}), "北京"), (Tokens{"北京"}));
  EXPECT_EQ(tokens_of(with({{"clean_text", false}}), "e\x01"), (Tokens{"[UNK]"}));
}

TEST(TokenizerJson, NormalizersOfASequenceFollowEachOther) {
  const auto with = [](const json& normalizer, const Tokens& tokens) {
    return load_json(changed("/normalizer", normalizer, tokens));
  };
  const auto sequence = [](const Tokens& types) {
    json list = json::array();
    for (const std::string& type : types) list.push_back({{"type", type}});
    return json{{"type", "Sequence"}, {"normalizers", list}};
  };
  const Tokens tokens = {"é", "É", "e", "E", "e\u0301", "E\u0301", "fi", "ﬁ"};
  EXPECT_EQ(tokens_of(with(nullptr, tokens), "É"), (Tokens{"É"}));
  EXPECT_EQ(tokens_of(with({{"type", "Lowercase"}}, tokens), "É"), (Tokens{"é"}));
  EXPECT_EQ(tokens_of(with({{"type", "NFD"}}, tokens), "É"), (Tokens{"E\u0301"}));
  EXPECT_EQ(tokens_of(with({{"type", "NFC"}}, tokens), "E\u0301"), (Tokens{"É"}));
  EXPECT_EQ(tokens_of(with({{"type", "NFKC"}}, tokens), "ﬁ"), (Tokens{"fi"}));
  EXPECT_EQ(tokens_of(with({{"type", "NFKD"}}, tokens), "ﬁ"), (Tokens{"fi"}));
  EXPECT_EQ(tokens_of(with({{"type", "StripAccents"}}, tokens), "É E\u0301"), (Tokens{"É", "E"}));
  EXPECT_EQ(tokens_of(with(sequence({"NFD", "StripAccents", "Lowercase"}), tokens), "É ﬁ"), (Tokens{"e", "ﬁ"}));
  EXPECT_EQ(tokens_of(with(sequence({}), tokens), "É"), (Tokens{"É"}));
}

TEST(TokenizerJson, PreTokenizersDecideTheWords) {
  const auto with = [](const json& pre_tokenizer) {
    return load_json(
        changed("/pre_tokenizer", pre_tokenizer, {"a", "b", "+", "=", "+=", "_", "a_b", "a+=b", "$", " ", "a b"}));
  };
  const Tokens unknown = {"[UNK]"};
  EXPECT_EQ(tokens_of(with({{"type", "BertPreTokenizer"}}), "a+=b a_b"), (Tokens{"a", "+", "=", "b", "a", "_", "b"}));
  EXPECT_EQ(tokens_of(with({{"type", "Whitespace"}}), "a+=b a_b"), (Tokens{"a", "+=", "b", "a_b"}));
  EXPECT_EQ(tokens_of(with({{"type", "WhitespaceSplit"}}), " a+=b\na_b "), (Tokens{"a+=b", "a_b"}));
  EXPECT_EQ(tokens_of(with({{"type", "Punctuation"}, {"behavior", "Isolated"}}), "a b+a"), (Tokens{"a b", "+", "a"}));
  EXPECT_EQ(tokens_of(with(nullptr), "a b"), (Tokens{"a b"}));
  EXPECT_EQ(tokens_of(with({{"type", "Sequence"},
                            {"pretokenizers", {{{"type", "WhitespaceSplit"}}, {{"type", "Punctuation"}}}}}),
                      "a_b + a"),
            (Tokens{"a", "_", "b", "+", "a"}));
}

TEST(TokenizerJson, PostProcessorsPutSpecialTokensAround) {
  const auto with = [](const json& processor) { return load_json(changed("/post_processor", processor)); };
  EXPECT_EQ(with(nullptr).encode("a", "b", 9), (Encoding{{5, 6}, {0, 1}}));
  EXPECT_EQ(with({{"type", "ByteLevel"}, {"trim_offsets", false}}).encode("a", 9), (Encoding{{5}, {0}}));
  const json cls = {"[CLS]", 2}, sep = {"[SEP]", 3};
  EXPECT_EQ(with({{"type", "BertProcessing"}, {"sep", sep}, {"cls", cls}}).encode("a", "b", 9),
            (Encoding{{2, 5, 3, 6, 3}, {0, 0, 0, 1, 1}}));
  const json roberta = {{"type", "RobertaProcessing"}, {"sep", sep}, {"cls", cls}, {"trim_offsets", true}};
  EXPECT_EQ(with(roberta).encode("a", "b", 9), (Encoding{{2, 5, 3, 3, 6, 3}, {0, 0, 0, 0, 0, 0}}));
  EXPECT_EQ(with({{"type", "Sequence"}, {"processors", {{{"type", "ByteLevel"}}, roberta}}}).encode("a", 9),
            (Encoding{{2, 5, 3}, {0, 0, 0}}));
}

json template_with(const json& single, const json& pair) {
  return {{"type", "TemplateProcessing"},
          {"single", single},
          {"pair", pair},
          {"special_tokens", {{"X", {{"id", "X"}, {"ids", {3, 4}}, {"tokens", {"[SEP]", "[MASK]"}}}}}}};
}
const json sequence_a = {{"Sequence", {{"id", "A"}, {"type_id", 0}}}};
const json sequence_b = {{"Sequence", {{"id", "B"}, {"type_id", 5}}}};
const json special_x = {{"SpecialToken", {{"id", "X"}, {"type_id", 7}}}};

TEST(TokenizerJson, ATemplateMayPutAnythingAnywhere) {
  const Tokenizer tokenizer = load_json(changed(
      "/post_processor", template_with({special_x, sequence_a}, {sequence_b, special_x, sequence_a, special_x})));
  EXPECT_EQ(tokenizer.encode("a", 9), (Encoding{{3, 4, 5}, {7, 7, 0}}));
  EXPECT_EQ(tokenizer.encode("a", "b", 9), (Encoding{{6, 3, 4, 5, 3, 4}, {5, 7, 7, 0, 7, 7}}));
}

TEST(TokenizerJson, TruncationAndPaddingDoNotMatter) {
  json document = changed("/truncation", {{"max_length", 2}, {"strategy", "LongestFirst"}, {"stride", 0}});
  document["padding"] = {{"strategy", {{"Fixed", 128}}}, {"pad_id", 0}};
  EXPECT_EQ(load_json(document).encode("a b a b", 100).ids.size(), 6u);
}

TEST(TokenizerJson, AddedTokensAreFoundAsTheirFlagsSay) {
  json document = word_piece_json({"a", "b", "x", "tok", "##a"});
  const auto add = [&](int id, const char* content, const char* flag) {
    json token = {{"id", id}, {"content", content}, {"special", true}};
    if (*flag != '\0') token[flag] = true;
    document["added_tokens"].push_back(token);
  };
  add(10, "<plain>", "");
  add(11, "<left>", "lstrip");
  add(12, "<right>", "rstrip");
  add(13, "one", "single_word");
  add(14, "NORM", "normalized");
  add(15, "<pl", "");
  document["pre_tokenizer"] = nullptr;
  const Tokenizer tokenizer = load_json(document);
  EXPECT_EQ(tokenizer.vocab_size(), 16u);
  EXPECT_EQ(tokenizer.id("<left>"), 11);
  EXPECT_EQ(tokens_of(tokenizer, "a<plain>a"), (Tokens{"a", "<plain>", "a"}));
  EXPECT_EQ(tokens_of(tokenizer, "a \t<left>a"), (Tokens{"a", "<left>", "a"}));
  EXPECT_EQ(tokens_of(tokenizer, "a<right> \u3000a"), (Tokens{"a", "<right>", "a"}));
  EXPECT_EQ(tokens_of(tokenizer, "a<right> <left>a"), (Tokens{"a", "<right>", "<left>", "a"}));
  EXPECT_EQ(tokens_of(tokenizer, "one"), (Tokens{"one"}));
  EXPECT_EQ(tokens_of(tokenizer, "<plain>one<plain>"), (Tokens{"<plain>", "one", "<plain>"}));
  EXPECT_EQ(tokens_of(tokenizer, "onea"), (Tokens{"[UNK]"}));
  EXPECT_EQ(tokens_of(tokenizer, "éone"), (Tokens{"[UNK]"}));
  EXPECT_EQ(tokens_of(tokenizer, "aNorma"), (Tokens{"a", "NORM", "a"}));
  EXPECT_EQ(tokens_of(tokenizer, "<pl<plain>"), (Tokens{"<pl", "<plain>"}));
}

TEST(TokenizerJson, AnAddedTokenIsNoWordOfTheModel) {
  json document = word_piece_json({"a"});
  document["added_tokens"].push_back(
      {{"id", 6}, {"content", "ab"}, {"special", false}, {"single_word", true}, {"normalized", false}});
  EXPECT_EQ(tokens_of(load_json(document), "_ab ab"), (Tokens{"[UNK]", "[UNK]", "ab"}));
}

TEST(TokenizerJson, OfTheFirstYearsDoesNotNameTheModel) {
  json document = word_piece_json({"a"});
  document["model"].erase("type");
  EXPECT_EQ(tokens_of(load_json(document), "a"), (Tokens{"a"}));
  document = bpe_json({"a b"});
  document["model"].erase("type");
  EXPECT_EQ(tokens_of(load_json(document), "ab"), (Tokens{"ab"}));
}

TEST(TokenizerJson, MergesMayBeLists) {
  json document = bpe_json({"a b"});
  document["model"]["merges"] = json::array({json::array({"a", "b"})});
  EXPECT_EQ(tokens_of(load_json(document), "ab"), (Tokens{"ab"}));
}

TEST(TokenizerJson, ThatIsNoJsonObjectIsRefused) {
  EXPECT_EQ(message_for_text(""), "tokenizer.json:1: not valid JSON at byte 1; expected a JSON object");
  const std::string whole = word_piece_json({"a"}).dump(1);
  EXPECT_THAT(message_for_text(whole.substr(0, whole.size() / 2)), EndsWith("; expected a JSON object"));
  EXPECT_EQ(message_for_text("[1, 2]"), "tokenizer.json: found [1,2], expected an object");
  EXPECT_EQ(message_for_text("{\"version\": 1e999}"), "tokenizer.json:1: the number 1e999 is too large");
  EXPECT_EQ(message_for_text("{}"), "tokenizer.json: \"model.type\" is absent; expected WordPiece, BPE or Unigram");
}

TEST(TokenizerJson, CutAnywhereIsRefusedAndNeverCrashes) {
  const std::string whole = bpe_json({"a b"}).dump();
  const TemporaryFolder folder;
  for (std::size_t size = 0; size < whole.size(); size += 97) {
    const auto path = write_text(folder / "tokenizer.json", whole.substr(0, size));
    EXPECT_THROW(Tokenizer::load(path), TokenizerError) << size;
  }
}

TEST(TokenizerJson, WithAnyValueOfAnotherTypeIsRefusedOrWorks) {
  const json whole = [] {
    json document = word_piece_json({"a"});
    document["post_processor"] = template_with({special_x, sequence_a}, {sequence_a, sequence_b});
    return document;
  }();
  const json values = whole.flatten();
  for (const auto& [pointer, unused] : values.items())
    for (const json& value : {json(nullptr), json(true), json(-7), json(1.5), json(1000000), json("?"), json::array(),
                              json::object(), json::array({json::array()})}) {
      json document = whole;
      document[json::json_pointer(pointer)] = value;
      try {
        load_json(document).encode("a [MASK] b", "a", 20);
      } catch (const TokenizerError& error) {
        EXPECT_THAT(error.what(), HasSubstr("tokenizer.json")) << pointer << " " << value;
      }
    }
}

TEST(TokenizerJson, UnknownComponentsAreRefusedByName) {
  EXPECT_EQ(message_for(changed("/normalizer", {{"type", "Nmt"}})),
            "tokenizer.json: \"normalizer.type\" is \"Nmt\"; expected BertNormalizer, NFC, NFD, NFKC, NFKD, Lowercase, "
            "StripAccents, Strip, Prepend, Replace or Precompiled, alone or in a Sequence");
  EXPECT_EQ(message_for(changed(
                "/pre_tokenizer",
                {{"type", "Sequence"}, {"pretokenizers", {{{"type", "WhitespaceSplit"}}, {{"type", "Digits"}}}}})),
            "tokenizer.json: \"pre_tokenizer.pretokenizers[1].type\" is \"Digits\"; expected BertPreTokenizer, "
            "Whitespace, WhitespaceSplit, Punctuation, ByteLevel or Metaspace, alone or in a Sequence");
  EXPECT_EQ(message_for(changed("/pre_tokenizer", {{"type", "Punctuation"}, {"behavior", "Removed"}})),
            "tokenizer.json: \"pre_tokenizer.behavior\" is \"Removed\"; expected \"Isolated\"");
  EXPECT_EQ(message_for(changed("/pre_tokenizer", {{"type", "Metaspace"}, {"prepend_scheme", "last"}})),
            "tokenizer.json: \"pre_tokenizer.prepend_scheme\" is \"last\"; expected one of always, first, never");
  EXPECT_EQ(message_for(changed("/normalizer", {{"type", "Replace"}, {"pattern", {{"Regex", " +"}}}, {"content", ""}})),
            "tokenizer.json: \"normalizer.pattern.Regex\" is \" +\"; expected \" {2,}\" or another one that "
            "transformers writes for SentencePiece");
  EXPECT_EQ(message_for(changed("/model/type", "WordLevel")),
            "tokenizer.json: \"model.type\" is \"WordLevel\"; expected WordPiece, BPE or Unigram");
  EXPECT_EQ(message_for(changed("/post_processor/type", "FancyProcessing")),
            "tokenizer.json: \"post_processor.type\" is \"FancyProcessing\"; expected TemplateProcessing, "
            "BertProcessing, RobertaProcessing or ByteLevel, alone or in a Sequence");
  EXPECT_EQ(message_for(changed("/version", "2.0")), "tokenizer.json: \"version\" is \"2.0\"; expected \"1.0\"");
}

TEST(TokenizerJson, CombinationsThatMakeNoSenseAreRefused) {
  const json byte_level = {{"type", "ByteLevel"}};
  EXPECT_THAT(message_for(changed("/pre_tokenizer", byte_level)),
              EndsWith("expected ByteLevel as the last part, before a BPE model"));
  json document = bpe_json({});
  document["pre_tokenizer"] = {{"type", "Sequence"}, {"pretokenizers", {byte_level, {{"type", "Whitespace"}}}}};
  EXPECT_THAT(message_for(document), EndsWith("expected ByteLevel as the last part, before a BPE model"));
  document["pre_tokenizer"] = {{"type", "Whitespace"}};
  EXPECT_THAT(message_for(document), EndsWith("expected ByteLevel before a BPE model: only BPE on bytes is supported"));
  const json bert = word_piece_json({})["post_processor"];
  EXPECT_THAT(message_for(changed("/post_processor", {{"type", "Sequence"}, {"processors", {bert, bert}}})),
              EndsWith("expected only one part that adds special tokens"));
}

TEST(TokenizerJson, OptionsOfBpeThatAreNotSupportedAreRefusedByName) {
  for (const auto& [key, value] : std::vector<std::pair<std::string, json>>{{"continuing_subword_prefix", "##"},
                                                                            {"end_of_word_suffix", "</w>"},
                                                                            {"byte_fallback", true},
                                                                            {"dropout", 0.1}}) {
    json document = bpe_json({});
    document["model"][key] = value;
    EXPECT_THAT(message_for(document), HasSubstr("\"model." + key + "\" is " + value.dump() + "; expected ")) << key;
  }
}

TEST(TokenizerJson, VocabulariesAndMergesAreChecked) {
  EXPECT_EQ(message_for(changed("/model/unk_token", "<unk>")),
            "tokenizer.json: \"model.unk_token\" is \"<unk>\"; expected a token of the vocabulary");
  EXPECT_EQ(message_for(changed("/model/vocab/a", 6)), "tokenizer.json: tokens \"a\" and \"b\" both have the id 6");
  EXPECT_EQ(message_for(changed("/model/vocab", json::array())),
            "tokenizer.json: \"model.vocab\" is []; expected an object");
  json document = bpe_json({"a b"});
  document["model"]["merges"] = json::array({"a b", "b"});
  EXPECT_EQ(message_for(document),
            "tokenizer.json: \"model.merges[1]\": is \"b\"; expected two tokens with a space between them");
  document["model"]["merges"] = json::array({"a zz"});
  EXPECT_EQ(message_for(document),
            "tokenizer.json: \"model.merges[0]\": merges \"a\" and \"zz\", but \"zz\" is not in the vocabulary");
  document["model"]["merges"] = json::array({json::array({"a", "b", "c"})});
  EXPECT_EQ(message_for(document),
            "tokenizer.json: \"model.merges[0]\" is [\"a\",\"b\",\"c\"]; expected two tokens, in a list or with a "
            "space between them");
}

TEST(TokenizerJson, AddedTokensAreChecked) {
  const auto with = [](const json& token) { return message_for(changed("/added_tokens", json::array({token}))); };
  EXPECT_EQ(with({{"id", 4}}), "tokenizer.json: \"added_tokens[0].content\" is absent; expected a string");
  EXPECT_EQ(with({{"content", "[MASK]"}}),
            "tokenizer.json: \"added_tokens[0].id\" is absent; expected an integer from 0 to 65544");
  EXPECT_EQ(with({{"id", 7}, {"content", ""}}),
            "tokenizer.json: \"added_tokens[0].content\" is \"\"; expected a token");
  EXPECT_EQ(with({{"id", 7}, {"content", "[MASK]"}}),
            "tokenizer.json: \"added_tokens[0].id\" is 7; expected 4, the id of \"[MASK]\" in the vocabulary");
  EXPECT_EQ(with({{"id", 5}, {"content", "<new>"}}),
            "tokenizer.json: \"added_tokens[0].id\" is 5; expected an id other than that of \"a\"");
}

TEST(TokenizerJson, TemplatesAreChecked) {
  const auto with = [](const json& single, const json& pair) {
    return message_for(changed("/post_processor", template_with(single, pair)));
  };
  const json both = {sequence_a, sequence_b};
  EXPECT_EQ(with(json::array({special_x}), both),
            "tokenizer.json: \"post_processor.single\" is [{\"SpecialToken\":{\"id\":\"X\",\"type_id\":7}}]; expected "
            "a list with the sequence A once");
  EXPECT_EQ(with(json::array({sequence_a}), json::array({sequence_a})),
            "tokenizer.json: \"post_processor.pair\" is [{\"Sequence\":{\"id\":\"A\",\"type_id\":0}}]; expected a list "
            "with the sequences A and B once");
  EXPECT_EQ(with({sequence_a, {{"SpecialToken", {{"id", "Y"}, {"type_id", 0}}}}}, both),
            "tokenizer.json: \"post_processor.single[1].SpecialToken.id\" is \"Y\"; expected one of the template's "
            "\"special_tokens\"");
  EXPECT_EQ(with(json::array({{{"Sequence", {{"id", "C"}, {"type_id", 0}}}}}), both),
            "tokenizer.json: \"post_processor.single[0].Sequence.id\" is \"C\"; expected \"A\" or \"B\"");
  EXPECT_EQ(
      with(json::array({{{"Other", 1}}}), both),
      "tokenizer.json: \"post_processor.single[0]\" is {\"Other\":1}; expected an object with \"SpecialToken\" or "
      "\"Sequence\"");
  EXPECT_EQ(message_for(changed("/post_processor/cls/1", 99)),
            "tokenizer.json: \"post_processor.cls[1]\" is 99; expected the id of a token");
}

TEST(TokenizerJson, WithoutAPaddingTokenIsRefused) {
  json document = word_piece_json({"a"});
  document["model"]["vocab"].erase("[PAD]");
  EXPECT_EQ(message_for(document), "tokenizer.json: has no token \"[PAD]\" or \"<pad>\"; expected one of them");
}

TEST(TokenizerFiles, WithoutAnyTokenizerIsRefused) {
  const TemporaryFolder folder;
  EXPECT_EQ(message_of<IoError>([&] { Tokenizer::load(folder.path()); }),
            folder.path().string() +
                ": has no tokenizer; expected tokenizer.json, vocab.txt, vocab.json, sentencepiece.bpe.model or "
                "spiece.model");
  EXPECT_THAT(message_of<IoError>([&] { Tokenizer::load(folder / "absent"); }), HasSubstr("absent"));
}

}  // namespace
}  // namespace sharcs::internal::tokenizer_json_test
