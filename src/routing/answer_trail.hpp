#pragma once

#include <cmath>
#include <limits>
#include <span>
#include <utility>
#include <vector>

#include "nn/loss.hpp"

namespace sharcs::internal {

/// Changes of a regression's value below this count as agreement.
inline constexpr double close_values = 0.5;

/// The probability of an exit's score, a logit; NaN where it has none.
inline double probability_of_score(const float* score) {
  return score == nullptr ? std::numeric_limits<double>::quiet_NaN() : 1 / (1 + std::exp(-static_cast<double>(*score)));
}

/// What the answers that a sample has had so far say together.
struct AnswerTrail {
  int label = -1;                  ///< of the last answer
  int agreeing = 0;                ///< so many at the end say the same
  std::vector<float> values = {};  ///< of the last answer to a regression
  std::vector<int> tags = {};      ///< of the last answer that labels words

  /// Takes the next answer in, with its logits; returns by how much a regression's values changed (see
  /// value_distance()), infinite for the first answer and for a classification.
  double add(bool is_regression, int next_label, std::span<const float> logits) {
    const double change =
        values.empty() ? std::numeric_limits<double>::infinity() : value_distance(logits, std::span(values));
    const bool agrees = is_regression ? change < close_values : next_label == label;
    agreeing = agrees ? agreeing + 1 : 1;
    label = next_label;
    if (is_regression) values.assign(logits.begin(), logits.end());
    return change;
  }

  /// The same of an answer that labels words; answers agree where they label all of them alike.
  double add_tags(std::vector<int> next) {
    agreeing = next == tags ? agreeing + 1 : 1;
    tags = std::move(next);
    return std::numeric_limits<double>::infinity();
  }
};

}  // namespace sharcs::internal
