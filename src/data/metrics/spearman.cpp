#include <cmath>

#include "data/metrics.hpp"

namespace sharcs::internal::metrics {
namespace {

/// Pearson's correlation of the ranks, ties sharing the mean of their ranks (SciPy's spearmanr); degenerate cases as
/// there.
double rank_correlation(std::span<const double> targets, std::span<const double> predictions) {
  require_same_size(targets.size(), predictions.size());
  if (has_nan(targets) || has_nan(predictions)) return std::nan("");
  return correlation(ranks(targets), ranks(predictions));
}

}  // namespace

std::vector<MetricDefinition> spearman() { return {{.name = "spearman", .measure = rank_correlation}}; }

}  // namespace sharcs::internal::metrics
