#include <cmath>
#include <numeric>

#include "data/metrics.hpp"

namespace sharcs::internal::metrics {
namespace {

/// Matthews' correlation for any number of classes (Gorodkin 2004, scikit-learn's matthews_corrcoef), in [−1, 1]; 0
/// when all labels, or all predictions, are of one class.
double matthews_correlation(std::span<const int> labels, std::span<const int> predictions) {
  const ClassCounts counts = count_classes(labels, predictions);
  const auto total = static_cast<double>(labels.size());
  const double correct = std::accumulate(counts.correct.begin(), counts.correct.end(), 0.0);
  const auto dot = [](const std::vector<double>& a, const std::vector<double>& b) {
    return std::inner_product(a.begin(), a.end(), b.begin(), 0.0);
  };
  const double label_spread = total * total - dot(counts.labels, counts.labels);
  const double prediction_spread = total * total - dot(counts.predictions, counts.predictions);
  if (label_spread == 0 || prediction_spread == 0) return 0;
  return (correct * total - dot(counts.labels, counts.predictions)) /
         (std::sqrt(label_spread) * std::sqrt(prediction_spread));
}

}  // namespace

std::vector<MetricDefinition> matthews() { return {{.name = "matthews", .measure = matthews_correlation}}; }

}  // namespace sharcs::internal::metrics
