#pragma once

#include <optional>
#include <vector>

#include "sharcs/dataset.hpp"
#include "sharcs/evaluation.hpp"

namespace sharcs::internal {

/// How a model does on the samples of one level of difficulty. Accuracies are NaN for a regression.
struct LevelEvaluation {
  int level = 0;
  std::size_t samples = 0;
  double routed = 0;                ///< accuracy at the widths that were chosen
  std::vector<double> at_width;     ///< accuracy of all these samples at each width, ascending
  std::vector<double> width_share;  ///< share of these samples that was sent to each width
};

/// How a model does on samples whose difficulty is known, and whether its router knows it, too.
struct DifficultyEvaluation {
  std::vector<LevelEvaluation> levels;  ///< ascending
  std::vector<int> easy, hard;          ///< the levels below and above the middle of the scale
  /// Probability that the router's logit for the widest sub-network is larger for a hard sample than for an easy one;
  /// NaN without a router or without samples of both kinds.
  double router_auc = 0;
};

/// None when not every sample has a difficulty. `evaluation` is of the same data set.
std::optional<DifficultyEvaluation> evaluate_difficulty(const Dataset& dataset, const Evaluation& evaluation);

}  // namespace sharcs::internal
