#include "data/metrics.hpp"

namespace sharcs::internal::metrics {
namespace {

/// F1 over all pairs of a sample and a label; 0 where no label holds and none is predicted (as scikit-learn's f1_score
/// with average="micro" of a multi-label indicator).
double f1_over_all_labels(std::span<const int> labels, std::span<const int> predictions) {
  const ClassCounts counts = count_labels_in_sets(labels, predictions);
  double both = 0, either = 0;
  for (std::size_t label = 0; label < counts.labels.size(); ++label) {
    both += counts.correct[label];
    either += counts.labels[label] + counts.predictions[label];
  }
  return either == 0 ? 0 : 2 * both / either;
}

}  // namespace

std::vector<MetricDefinition> micro_f1() {
  return {{.name = "micro_f1", .measure = MetricDefinition::OfLabelSets{f1_over_all_labels}}};
}

}  // namespace sharcs::internal::metrics
