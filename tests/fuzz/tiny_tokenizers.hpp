#pragma once

#include <string>
#include <vector>

#include "text/sentence_pieces.hpp"
#include "text/small_tokenizers.hpp"

namespace sharcs::internal::harnesses {

/// A table of characters for CharsmapMaker: letters with accents, a grapheme, white space, one that goes away.
inline std::string charsmap_bytes() {
  return CharsmapMaker({{"ﬁ", "fi"}, {"e\u0301", "é"}, {"\r\n", " "}, {"A", "a"}, {"\u200D", ""}, {"☃", " x "}})
      .bytes();
}

inline nlohmann::json unigram_json() {
  nlohmann::json document = internal::unigram_json({{"▁a", -1}, {"b", -2}, {"▁", -3}, {"ab", -2.5}, {"é", -4}});
  document["normalizer"] = {{"type", "Precompiled"}, {"precompiled_charsmap", base64(charsmap_bytes())}};
  return document;
}

/// A tokenizer.json with every kind of normalizer, and a template for a post-processor.
inline nlohmann::json every_part_json() {
  using nlohmann::json;
  json document = word_piece_json({"a", "b", "##b", "<x>"});
  json parts =
      json::array({{{"type", "NFC"}}, {{"type", "NFKD"}}, {{"type", "Lowercase"}}, {{"type", "StripAccents"}}});
  parts.push_back({{"type", "Replace"}, {"pattern", {{"String", "``"}}}, {"content", "\""}});
  parts.push_back({{"type", "Replace"}, {"pattern", {{"Regex", " {2,}"}}}, {"content", " "}});
  parts.push_back({{"type", "Strip"}, {"strip_left", true}, {"strip_right", false}});
  parts.push_back({{"type", "Prepend"}, {"prepend", "a"}});
  document["normalizer"] = {{"type", "Sequence"}, {"normalizers", parts}};
  document["pre_tokenizer"] = {
      {"type", "Sequence"},
      {"pretokenizers", json::array({{{"type", "Whitespace"}}, {{"type", "Punctuation"}, {"behavior", "Isolated"}}})}};
  document["added_tokens"].push_back({{"id", 20},
                                      {"content", "<Y>"},
                                      {"lstrip", true},
                                      {"rstrip", true},
                                      {"single_word", true},
                                      {"normalized", true}});
  const json cls = {{"SpecialToken", {{"id", "[CLS]"}, {"type_id", 0}}}};
  const json sep = {{"SpecialToken", {{"id", "[SEP]"}, {"type_id", 0}}}};
  const json first = {{"Sequence", {{"id", "A"}, {"type_id", 0}}}},
             second = {{"Sequence", {{"id", "B"}, {"type_id", 1}}}};
  document["post_processor"] = {{"type", "TemplateProcessing"},
                                {"single", json::array({cls, first, sep})},
                                {"pair", json::array({cls, first, sep, second, sep})},
                                {"special_tokens",
                                 {{"[CLS]", {{"id", "[CLS]"}, {"ids", {2}}, {"tokens", {"[CLS]"}}}},
                                  {"[SEP]", {{"id", "[SEP]"}, {"ids", {3}}, {"tokens", {"[SEP]"}}}}}}};
  return document;
}

inline std::string sentence_piece_model(const std::string& charsmap) {
  std::string bytes = model_file({{"<pad>", 0, 3},
                                  {"<unk>", 0, 2},
                                  {"[CLS]", 0, 3},
                                  {"[SEP]", 0, 3},
                                  {"[MASK]", 0, 4},
                                  {"▁a", -1, 1},
                                  {"b", -2.5f, 1},
                                  {"▁", -3, 1},
                                  {"ab", -2, 1},
                                  {"é", -4, 1}});
  if (!charsmap.empty()) bytes += field(3, field(2, charsmap));
  return bytes;
}

/// Texts with what tokenizers stumble over.
inline const std::vector<std::string>& hard_texts() {
  static const std::vector<std::string> texts = {
      "",
      " ",
      "a film, good films; aab bb AB 日本 ﬁ",
      "e\u0301\u0301\u0301 İ ΣΑΣ \u200D\u200D \U0001F468\u200D\U0001F469\u200D\U0001F467 \U0001F1E9\U0001F1EA",
      std::string("nul\0nul \x01\x7f\r\n\t", 13),
      "\xFF\xC3 \xE2\x82 \xF0\x9F\x98 \xED\xA0\x80",
      "[CLS] [MASK] <x> <Y>  <Y><y> <one><two> <nine> ``''",
      std::string(300, 'a') + std::string(300, ' ') + std::string(300, 'b')};
  return texts;
}

inline void encode_hard_texts(const Tokenizer& tokenizer) {
  for (const std::string& text : hard_texts()) {
    for (const std::int32_t id : tokenizer.encode(text, 600).ids)
      if (tokenizer.token(id).empty() && id < 0) throw std::logic_error("a token with a negative id");
    tokenizer.encode(text, hard_texts()[2], 600);
  }
}

}  // namespace sharcs::internal::harnesses
