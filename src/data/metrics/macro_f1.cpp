#include "data/metrics.hpp"

namespace sharcs::internal::metrics {
namespace {

/// The mean of F1 over the classes that occur among the labels or predictions.
double mean_f1(std::span<const int> labels, std::span<const int> predictions) {
  const ClassCounts counts = count_classes(labels, predictions);
  double sum = 0;
  int classes = 0;
  for (std::size_t c = 0; c < counts.labels.size(); ++c) {
    const double either = counts.labels[c] + counts.predictions[c];
    if (either == 0) continue;
    sum += 2 * counts.correct[c] / either;
    ++classes;
  }
  return sum / classes;
}

}  // namespace

std::vector<MetricDefinition> macro_f1() { return {{.name = "macro_f1", .measure = mean_f1}}; }

}  // namespace sharcs::internal::metrics
