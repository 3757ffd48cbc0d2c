#include "data/metrics.hpp"

namespace sharcs::internal::metrics {
namespace {

/// 2 · TP / (2 · TP + FP + FN) of class 1; 0 when the class is neither among the labels nor predicted (scikit-learn's
/// f1_score with zero_division 0).
double f1_of_class_1(std::span<const int> labels, std::span<const int> predictions) {
  require_same_size(labels.size(), predictions.size());
  constexpr int positive = 1;
  std::size_t both = 0, either = 0;
  for (std::size_t i = 0; i < labels.size(); ++i) {
    both += labels[i] == positive && predictions[i] == positive;
    either += static_cast<std::size_t>(labels[i] == positive) + static_cast<std::size_t>(predictions[i] == positive);
  }
  return either == 0 ? 0 : 2 * static_cast<double>(both) / static_cast<double>(either);
}

}  // namespace

std::vector<MetricDefinition> f1() { return {{.name = "f1", .measure = f1_of_class_1}}; }

}  // namespace sharcs::internal::metrics
