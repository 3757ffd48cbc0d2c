#pragma once

#include <cstddef>

#include "sharcs/dataset.hpp"
#include "sharcs/tokenizer.hpp"

namespace sharcs::internal {

/// The blocks that a model reads plain text in: the texts of a document one after the other, as many whole ones as fit
/// into `max_length` tokens with the special tokens around them (FULL-SENTENCES of RoBERTa, Liu et al. 2019, section
/// 4.2, within documents). A text that is longer fills several blocks. Each block is a sample with its `tokens`; its
/// `line` is that of its first text. On all threads. Throws ShapeError when max_length has no room for a token;
/// DataError when no text has one.
Dataset blocks_of(const Dataset& texts, const Tokenizer& tokenizer, std::size_t max_length);

}  // namespace sharcs::internal
