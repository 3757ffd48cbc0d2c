#pragma once

#include <string>
#include <vector>

#include "sharcs/policy.hpp"

namespace sharcs::internal {

/// One way to tell how sure an answer is: an early-exit rule.
///
/// A new one is one new file: routing/confidences/NAME.cpp with a function NAME() that returns it. CMake writes the
/// list of these functions (cmake/registry.cmake).
struct ConfidenceMeasure {
  std::string name;     ///< "max-probability"
  std::string meaning;  ///< for help and the reference
  /// The largest value there is; a threshold up to it makes sense.
  double greatest;
  double (*of)(const AnswerQuery& query);
};

namespace confidences {
/// Those of every file in routing/confidences/. Written by CMake.
std::vector<ConfidenceMeasure> all();
}  // namespace confidences

/// "max-probability, entropy, …", for messages.
std::string known_confidences();

/// exp(−change): what stands for the probability of a regression's value.
double agreement_of_regression(const AnswerQuery& query);

}  // namespace sharcs::internal
