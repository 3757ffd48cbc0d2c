#include "data/metrics.hpp"

namespace sharcs::internal::metrics {
namespace {

/// The share of samples whose predicted labels are the true ones, no more and no fewer.
double share_of_equal_sets(std::span<const int> labels, std::span<const int> predictions) {
  require_same_size(labels.size(), predictions.size());
  double equal = 0;
  for (std::size_t i = 0; i < labels.size(); ++i) equal += labels[i] == predictions[i];
  return equal / static_cast<double>(labels.size());
}

}  // namespace

std::vector<MetricDefinition> exact_match() {
  return {{.name = "exact_match", .measure = MetricDefinition::OfLabelSets{share_of_equal_sets}}};
}

}  // namespace sharcs::internal::metrics
