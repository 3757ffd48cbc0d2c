#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "sharcs/evaluation.hpp"

namespace sharcs::internal {

/// How well one class, or one of several labels, is known.
struct ClassQuality {
  std::size_t samples = 0, predicted = 0, right = 0;

  double precision() const;  ///< NaN where it is never predicted
  double recall() const;     ///< NaN where no sample has it
  double f1() const;         ///< NaN without both
};

/// One for each of quality_names() when sample i gets the answer answer_of_sample[i]. Empty for a regression. Where
/// words are labelled, "samples" are entities of that type, or where there are none words with that label.
std::vector<ClassQuality> class_qualities(const Recording& recording, std::span<const int> answer_of_sample);
/// What the qualities are of: classes, labels or types of entities.
std::vector<std::string> quality_names(const Recording& recording);

/// counts[i][j]: samples of class i that are answered with class j. Empty for a regression and where a text can have
/// several labels, or its words have labels.
std::vector<std::vector<std::size_t>> confusion_matrix(const Recording& recording,
                                                       std::span<const int> answer_of_sample);

/// The name of a class, or "a, b" of a set of labels with `between` them.
std::string class_names(const Recording& recording, int label, const std::string& between);
/// What an answer says of a sample, as class_names(); where words are labelled, their labels with spaces between them.
std::string said_of(const Recording& recording, std::size_t sample, int answer, const std::string& between);
/// The same of what is true.
std::string truth_of(const Recording& recording, std::size_t sample, const std::string& between);

}  // namespace sharcs::internal
