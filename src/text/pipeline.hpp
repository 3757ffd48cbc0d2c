#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <variant>
#include <vector>

#include "sharcs/tokenizer.hpp"
#include "text/added_tokens.hpp"
#include "text/normalizer.hpp"
#include "text/post_processor.hpp"
#include "text/pre_tokenizer.hpp"
#include "text/vocabulary.hpp"
#include "text/word_piece.hpp"

namespace sharcs {

/// What a text goes through, in this order: added tokens are taken out, the rest is normalized, cut into words and the
/// words into tokens; then the special tokens are put around.
struct Tokenizer::Pipeline {
  Vocabulary vocabulary;  // added tokens included
  AddedTokens added_tokens;
  Normalizer normalizer;
  PreTokenizer pre_tokenizer;
  WordPiece model;
  PostProcessor post_processor;
  std::int32_t pad_id;

  /// The first `limit` ids of a text, or all if there are fewer; without special tokens.
  std::vector<std::int32_t> ids(std::string_view text, std::size_t limit) const;
};

}  // namespace sharcs
