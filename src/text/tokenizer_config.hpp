#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "text/added_tokens.hpp"

namespace sharcs::internal {

/// What the small files beside a vocabulary say: tokenizer_config.json, special_tokens_map.json, added_tokens.json and,
/// where these do not name the tokenizer's class, config.json. Put together as transformers does.
struct TokenizerConfig {
  std::string file;  ///< for messages

  /// Hugging Face's class without "Fast" ("BertTokenizer"): as named, else the one of the model's type, else empty.
  std::string tokenizer_class;
  bool names_class = false;  ///< whether one of the files names it

  std::optional<bool> do_lower_case, strip_accents, tokenize_chinese_chars, add_prefix_space, keep_accents;
  std::optional<AddedToken> cls, sep, unk, pad, mask;
  /// Tokens with an id of their own (added_tokens_decoder, or added_tokens.json), ascending.
  std::vector<AddedToken> added;
  /// Tokens without one: additional_special_tokens, extra_special_tokens.
  std::vector<AddedToken> additional;
  /// added_tokens_decoder is there: it is then the whole list, and tokenizer.json's is not asked.
  bool lists_added_tokens = false;
  /// The class's inputs are listed, and token types are not among them.
  bool without_token_types = false;

  /// tokenizer_config.json's keys as they were, with those of special_tokens_map.json: saved again.
  nlohmann::json keys = nlohmann::json::object();
};

/// Reads them; a file that is not there says nothing. Throws IoError or TokenizerError.
TokenizerConfig read_tokenizer_config(const std::filesystem::path& directory);

}  // namespace sharcs::internal
