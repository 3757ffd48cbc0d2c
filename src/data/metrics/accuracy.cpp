#include "data/metrics.hpp"

namespace sharcs::internal::metrics {
namespace {

/// The share of samples whose prediction is the label.
double share_of_right_answers(std::span<const int> labels, std::span<const int> predictions) {
  require_same_size(labels.size(), predictions.size());
  std::size_t correct = 0;
  for (std::size_t i = 0; i < labels.size(); ++i) correct += labels[i] == predictions[i];
  return static_cast<double>(correct) / static_cast<double>(labels.size());
}

}  // namespace

std::vector<MetricDefinition> accuracy() { return {{.name = "accuracy", .measure = share_of_right_answers}}; }

}  // namespace sharcs::internal::metrics
