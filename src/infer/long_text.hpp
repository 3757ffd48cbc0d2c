#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "sharcs/engine.hpp"
#include "sharcs/tokenizer.hpp"

namespace sharcs::internal {

/// How texts that are longer than the model reads become inputs of it.
struct LongTextRule {
  LongText kind = LongText::first;
  std::size_t max_tokens = 0;  ///< of an input, special tokens included
  std::size_t stride = 0;      ///< windows: tokens from the beginning of one to the next; 0: half a window
};

/// The inputs that the text (of a pair: both) becomes: one, or several windows. `is_longer` says whether it had more
/// tokens than fit.
///
/// Of a pair, the longer text is cut or read in windows, and the other stays whole, unless it takes more than half of
/// the tokens.
std::vector<Encoding> encode_long(const Tokenizer& tokenizer, const std::string& text, const std::string* pair,
                                  const LongTextRule& rule, bool& is_longer);

/// One prediction of those for a text's windows: the mean of their probabilities (of a regression: of their values),
/// the work of all, and the answer of the window that took most of it.
Prediction average(std::span<const Prediction> windows, const ModelConfig& config);

}  // namespace sharcs::internal
