#include "data/metrics.hpp"

namespace sharcs::internal::metrics {
namespace {

/// The mean of the labels' F1, over the labels that hold for a sample or are predicted; 0 where there are none.
double mean_f1_of_labels(std::span<const int> labels, std::span<const int> predictions) {
  const ClassCounts counts = count_labels_in_sets(labels, predictions);
  double sum = 0, occurring = 0;
  for (std::size_t label = 0; label < counts.labels.size(); ++label) {
    const double either = counts.labels[label] + counts.predictions[label];
    if (either == 0) continue;
    sum += 2 * counts.correct[label] / either;
    ++occurring;
  }
  return occurring == 0 ? 0 : sum / occurring;
}

}  // namespace

std::vector<MetricDefinition> label_macro_f1() {
  return {{.name = "label_macro_f1", .measure = MetricDefinition::OfLabelSets{mean_f1_of_labels}}};
}

}  // namespace sharcs::internal::metrics
