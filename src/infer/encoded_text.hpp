#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "sharcs/classifier.hpp"

namespace sharcs::internal {

/// A text, or a pair, as the model reads it: one input, or a window after the other.
struct EncodedText {
  std::vector<Encoding> pieces;
  bool is_longer = false;  ///< than the model reads

  std::size_t tokens() const {
    std::size_t sum = 0;
    for (const Encoding& piece : pieces) sum += piece.ids.size();
    return sum;
  }
};

/// Throws DataError when the text, of a pair both, is empty. pair: null for one text.
EncodedText encode_text(const Classifier& classifier, const std::string& text, const std::string* pair);

/// One prediction a text, as Classifier::classify gives. The options' policies are one a text.
std::vector<Prediction> classify_encoded(const Classifier& classifier, std::span<const EncodedText> texts,
                                         const CallOptions& options);

/// Divides by the root of the sum of squares; zeros stay zeros.
void scale_to_length_one(std::vector<float>& vector);

}  // namespace sharcs::internal
