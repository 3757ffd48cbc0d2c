// The share of the words that got the right tag, as seqeval's accuracy_score.
#include "data/metrics.hpp"

namespace sharcs::internal::metrics {

std::vector<MetricDefinition> word_accuracy() {
  return {{.name = "word_accuracy",
           .measure = MetricDefinition::OfTags{.measure = &TagCounts::word_accuracy, .needs_entities = false}}};
}

}  // namespace sharcs::internal::metrics
