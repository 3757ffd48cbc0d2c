#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "io/json_cursor.hpp"
#include "text/byte_level_bpe.hpp"
#include "text/vocabulary.hpp"

namespace sharcs::internal {

/// "has 2000 bytes; expected a token of at most 1024", for a token that is longer than longest_token.
std::string too_long(std::string_view token);

/// Reads a vocabulary with one token a line, LF or CRLF. Throws IoError, or TokenizerError with the line.
Vocabulary read_vocab_txt(const std::filesystem::path& path);

/// The vocabulary in a JSON object from token to id (vocab.json, or a part of tokenizer.json). Throws TokenizerError.
Vocabulary vocabulary_in(const JsonCursor& place);

/// Reads the merges of a byte-level BPE: a line "#version…", then two tokens a line. Throws IoError, or TokenizerError
/// with the line.
std::vector<ByteLevelBpe::Merge> read_merges_txt(const std::filesystem::path& path, const Vocabulary& vocabulary);

/// The merge that a text "left right" means. Throws TokenizerError whose message begins with `place`.
ByteLevelBpe::Merge merge_of(std::string_view text, const Vocabulary& vocabulary, const std::string& place);
ByteLevelBpe::Merge merge_of(const std::string& left, const std::string& right, const Vocabulary& vocabulary,
                             const std::string& place);

}  // namespace sharcs::internal
