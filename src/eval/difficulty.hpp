#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "sharcs/evaluation.hpp"

namespace sharcs::internal {

/// How a model does on the samples of one level of difficulty.
struct DifficultyLevel {
  int level = 0;
  std::int64_t samples = 0;
  std::vector<double> shares;    ///< of these samples that each width answers, ascending
  double routed = 0;             ///< accuracy at the chosen widths; for a regression the mean of error_of()
  std::vector<double> at_width;  ///< the same with all of these samples at one width, ascending
};

/// How a model does on samples whose difficulty is known, and whether its router knows the difficulty, too.
struct Difficulty {
  std::vector<DifficultyLevel> levels;  ///< ascending
  std::vector<int> easy, hard;          ///< the levels below and above the middle of the scale
  /// Probability that the router's logit for full width is larger for a hard sample than for an easy one; NaN without a
  /// router or without samples of both kinds.
  double router_auc = 0;
};

/// None when not every sample of the recording has a difficulty. answer_of_sample: as in Routing.
std::optional<Difficulty> difficulty_of(const Recording& recording, std::span<const int> answer_of_sample);

}  // namespace sharcs::internal
