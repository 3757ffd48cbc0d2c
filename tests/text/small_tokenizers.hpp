#pragma once

#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "sharcs/tokenizer.hpp"
#include "temporary_folder.hpp"

namespace sharcs::internal {

inline std::filesystem::path write_text(const std::filesystem::path& path, const std::string& text) {
  std::ofstream(path, std::ios::binary) << text;
  return path;
}

/// A WordPiece vocabulary: the five special tokens (ids 0 to 4), then `tokens`.
inline std::string vocab_txt(const std::vector<std::string>& tokens) {
  std::string text = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n";
  for (const std::string& token : tokens) text += token + "\n";
  return text;
}

inline Tokenizer word_piece_tokenizer(const std::vector<std::string>& tokens, const WordPieceOptions& options = {}) {
  const TemporaryFolder folder;
  return Tokenizer::wordpiece(write_text(folder / "vocab.txt", vocab_txt(tokens)), options);
}

/// GPT-2's spelling of a byte: "!" is "!", the space is "Ġ", byte 0 is "Ā".
inline std::string spelling_of(unsigned byte) {
  unsigned code = byte;
  const auto printable = [](unsigned b) { return (b >= 33 && b <= 126) || (b >= 161 && b <= 172) || b >= 174; };
  if (!printable(byte)) {
    code = 256;
    for (unsigned b = 0; b < byte; ++b) code += !printable(b);
  }
  if (code < 0x80) return std::string(1, static_cast<char>(code));
  return {static_cast<char>(0xC0 | code >> 6), static_cast<char>(0x80 | (code & 0x3F))};
}

/// vocab.json for <s>, <pad>, </s>, <unk> (ids 0 to 3), all bytes (byte b has the id 4 + b), <mask> (260), and what the
/// merges make (261 and up).
inline nlohmann::json bpe_vocabulary(const std::vector<std::string>& merges) {
  nlohmann::json vocabulary = {{"<s>", 0}, {"<pad>", 1}, {"</s>", 2}, {"<unk>", 3}, {"<mask>", 260}};
  for (unsigned byte = 0; byte < 256; ++byte) vocabulary[spelling_of(byte)] = 4 + byte;
  for (const std::string& merge : merges) {
    const std::size_t space = merge.find(' ');
    const std::string joined = merge.substr(0, space) + merge.substr(space + 1);
    if (!vocabulary.contains(joined)) vocabulary[joined] = vocabulary.size();
  }
  return vocabulary;
}

inline void write_bpe(const std::filesystem::path& folder, const std::vector<std::string>& merges) {
  write_text(folder / "vocab.json", bpe_vocabulary(merges).dump());
  std::string text = "#version: 0.2\n";
  for (const std::string& merge : merges) text += merge + "\n";
  write_text(folder / "merges.txt", text);
}

inline Tokenizer bpe_tokenizer(const std::vector<std::string>& merges, const ByteLevelBpeOptions& options = {}) {
  const TemporaryFolder folder;
  write_bpe(folder.path(), merges);
  return Tokenizer::byte_level_bpe(folder / "vocab.json", folder / "merges.txt", options);
}

/// A complete tokenizer.json with a WordPiece model on vocab_txt(tokens).
inline nlohmann::json word_piece_json(const std::vector<std::string>& tokens) {
  nlohmann::json vocabulary = {{"[PAD]", 0}, {"[UNK]", 1}, {"[CLS]", 2}, {"[SEP]", 3}, {"[MASK]", 4}};
  for (const std::string& token : tokens) vocabulary[token] = vocabulary.size();
  return {{"version", "1.0"},
          {"truncation", nullptr},
          {"padding", nullptr},
          {"added_tokens", nlohmann::json::array({{{"id", 4}, {"content", "[MASK]"}, {"special", true}}})},
          {"normalizer", {{"type", "BertNormalizer"}, {"lowercase", true}}},
          {"pre_tokenizer", {{"type", "BertPreTokenizer"}}},
          {"post_processor", {{"type", "BertProcessing"}, {"sep", {"[SEP]", 3}}, {"cls", {"[CLS]", 2}}}},
          {"decoder", nullptr},
          {"model",
           {{"type", "WordPiece"},
            {"unk_token", "[UNK]"},
            {"continuing_subword_prefix", "##"},
            {"max_input_chars_per_word", 100},
            {"vocab", vocabulary}}}};
}

/// A complete tokenizer.json with a byte-level BPE model.
inline nlohmann::json bpe_json(const std::vector<std::string>& merges) {
  return {{"version", "1.0"},
          {"added_tokens", nlohmann::json::array()},
          {"normalizer", nullptr},
          {"pre_tokenizer", {{"type", "ByteLevel"}, {"add_prefix_space", false}, {"trim_offsets", true}}},
          {"post_processor", {{"type", "RobertaProcessing"}, {"sep", {"</s>", 2}}, {"cls", {"<s>", 0}}}},
          {"model", {{"type", "BPE"}, {"vocab", bpe_vocabulary(merges)}, {"merges", merges}}}};
}

inline Tokenizer load_json(const nlohmann::json& document) {
  const TemporaryFolder folder;
  return Tokenizer::load(write_text(folder / "tokenizer.json", document.dump()));
}

/// The tokens of a text, without the special ones around it.
inline std::vector<std::string> tokens_of(const Tokenizer& tokenizer, std::string_view text) {
  std::vector<std::string> tokens;
  for (const std::int32_t id : tokenizer.encode(text, 1000000).ids) tokens.push_back(tokenizer.token(id));
  return {tokens.begin() + 1, tokens.end() - 1};
}

using Tokens = std::vector<std::string>;

}  // namespace sharcs::internal
