#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "text/charsmap.hpp"

namespace sharcs::internal {

/// What SentencePiece's own file (sentencepiece.bpe.model, spiece.model) says that a tokenizer of Hugging Face's takes
/// from it: the pieces of a Unigram model and the table of characters.
struct SentencePieceFile {
  /// The file's numbers: NORMAL, UNKNOWN, CONTROL, USER_DEFINED, UNUSED, BYTE.
  enum class Kind { normal = 1, unknown, control, user_defined, unused, byte };
  struct Piece {
    std::string text;
    double score = 0;
    Kind kind = Kind::normal;
  };

  std::vector<Piece> pieces;
  std::shared_ptr<const Charsmap> charsmap;  ///< null: characters stay as they are

  /// Throws IoError, or TokenizerError that names the byte where the file is damaged, or what it asks for that is not
  /// supported: a model other than Unigram, bytes as pieces.
  static SentencePieceFile read(const std::filesystem::path& path);
};

}  // namespace sharcs::internal
