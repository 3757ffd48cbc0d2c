#pragma once

#include <span>
#include <vector>

#include "sharcs/evaluation.hpp"

namespace sharcs::internal {

/// How well probabilities match frequencies: `bins` equal bins over [0, 1]. probabilities: predicted, one a sample.
/// right: 1 where it came true, else 0. Throws ShapeError when the sizes differ, bins < 1 or a probability is outside
/// [0, 1].
std::vector<ReliabilityBin> reliability_bins(const std::vector<double>& probabilities, const std::vector<double>& right,
                                             int bins = 10);

/// The mean distance between what was predicted and what came true, each bin weighted by its samples (the expected
/// calibration error of Naeini et al. 2015). NaN without samples.
double reliability_error(std::span<const ReliabilityBin> bins);

}  // namespace sharcs::internal
