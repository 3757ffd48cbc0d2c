#pragma once

#include <vector>

namespace sharcs::internal {

/// y ≈ link(offset_w + Σ_f weight_wf · x_f) for each width w.
struct ValueRegression {
  std::vector<std::vector<double>> weights;  ///< [widths][features]
  std::vector<double> offsets;               ///< [widths]
};

struct ValueRegressionOptions {
  bool logistic = true;     ///< targets in [0, 1] through the logistic function; else least squares
  bool own_slopes = false;  ///< else the widths share their slopes and have offsets of their own
};

/// Fits all widths together: ridge regression on features of mean 0 and deviation 1, in which the slopes of a width are
/// drawn towards those that all share, so that few samples make them differ little. features: [samples][features];
/// targets: [samples][widths]. At least one sample.
ValueRegression fit_values(const std::vector<std::vector<double>>& features,
                           const std::vector<std::vector<double>>& targets, const ValueRegressionOptions& options);

}  // namespace sharcs::internal
