#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "sharcs/model_config.hpp"

namespace sharcs::internal {

/// What the logits of a window say: its best answer, and how likely there is none. Logits are [rows, 2], of the
/// beginning and the end; row 0 is [CLS], which stands for "none", the others are tokens of the context.
struct WindowAnswer {
  static constexpr std::size_t numbers = 5;
  static constexpr int most_tokens = 30;              ///< of an answer
  static constexpr std::size_t most_candidates = 20;  ///< beginnings, and ends, that are tried: the best ones

  std::int32_t first = 0, last = 0;  ///< rows of the best answer; 0: the window has none
  float score = 0;                   ///< sum of its two logits
  float none = 0;                    ///< the same of [CLS]
  float log_total = 0;               ///< logarithm of what exp(score) is divided by to be a probability

  /// As transformers' examples find it: the largest sum of two logits in the right order, of at most most_tokens.
  static WindowAnswer of(std::span<const float> logits);
  /// From what a recording keeps, or else from logits.
  static WindowAnswer in(std::span<const float> numbers_or_logits);
  /// For a recording.
  std::array<float, numbers> as_numbers() const;

  /// Whether it says that the window has no answer: `none` is this much above the answer's score.
  bool says_none(double above) const {
    return last == 0 || static_cast<double>(none) - static_cast<double>(score) > above;
  }
  /// Of the best answer, or of none where that is more likely.
  double probability() const {
    return std::exp(static_cast<double>(std::max(score, none)) - static_cast<double>(log_total));
  }
  double probability_of_none() const { return std::exp(static_cast<double>(none) - static_cast<double>(log_total)); }
  /// Of the best answer.
  double probability_of_answer() const { return std::exp(static_cast<double>(score) - static_cast<double>(log_total)); }
};

/// By how much "none" has to be above the best answer of a window.
double no_answer_above(const ModelConfig& config);

}  // namespace sharcs::internal
