#pragma once

#include <cmath>
#include <limits>

namespace sharcs::internal {

/// Changes of a regression's value below this count as agreement.
inline constexpr double close_values = 0.5;

/// The probability of an exit's score, a logit; NaN where it has none.
inline double probability_of_score(const float* score) {
  return score == nullptr ? std::numeric_limits<double>::quiet_NaN() : 1 / (1 + std::exp(-static_cast<double>(*score)));
}

/// What the answers that a sample has had so far say together.
struct AnswerTrail {
  int label = -1;                                           ///< of the last answer
  int agreeing = 0;                                         ///< so many at the end say the same
  double value = std::numeric_limits<double>::quiet_NaN();  ///< of the last answer to a regression

  /// Takes the next answer in; returns by how much a regression's value changed, infinite for the first answer.
  double add(bool is_regression, int next_label, double next_value) {
    const double change = std::isnan(value) ? std::numeric_limits<double>::infinity() : std::abs(next_value - value);
    const bool agrees = is_regression ? change < close_values : next_label == label;
    *this = {.label = next_label, .agreeing = agrees ? agreeing + 1 : 1, .value = next_value};
    return change;
  }
};

}  // namespace sharcs::internal
