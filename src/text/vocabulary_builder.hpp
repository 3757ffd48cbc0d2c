#pragma once

#include <span>
#include <string>
#include <vector>

#include "sharcs/tokenizer.hpp"
#include "text/vocabulary.hpp"

namespace sharcs::internal {

/// Builds a WordPiece vocabulary as Tokenizer::train_wordpiece() describes. `special` are its first tokens.
Vocabulary build_word_piece_vocabulary(std::span<const std::string> texts, const VocabularyOptions& options,
                                       const std::vector<std::string>& special);

}  // namespace sharcs::internal
