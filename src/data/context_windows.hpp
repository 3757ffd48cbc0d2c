#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "sharcs/dataset.hpp"
#include "sharcs/tokenizer.hpp"

namespace sharcs::internal {

/// Of a context in a data set. Each window is a sample, which has the context whole.
inline constexpr std::size_t most_windows = 256;

/// A sample for each window that a model reads a question and its context in (Tokenizer::encode_windows): `window` is
/// its number, `question` that of the sample in `questions`. On all threads. Throws DataError naming a question whose
/// context takes more than most_windows.
Dataset windows_of(const Dataset& questions, const Tokenizer& tokenizer, std::size_t max_length,
                   std::size_t stride = 0);

/// The tokens that begin and end an answer in a window, by their places; 0 and 0, that is [CLS], where it has none.
struct TokenSpan {
  std::int32_t first = 0, last = 0;
  friend bool operator==(const TokenSpan&, const TokenSpan&) = default;
};

/// Where the first of the answers stands in a window, as in transformers' examples: in all of its tokens or in none.
TokenSpan span_of(std::span<const TextRange> answers, const Encoding& window);

/// The places of the tokens that an answer may begin or end with, those of the context, after [CLS], which stands for
/// none.
std::vector<std::int32_t> answer_places(const Encoding& window);

/// The bytes of a context from one token's to another one's, without white space at their ends.
TextRange answer_range(const std::string& context, TextRange first, TextRange last);

/// The texts of a question's answers.
std::vector<std::string> texts_of(const Sample& question);

}  // namespace sharcs::internal
