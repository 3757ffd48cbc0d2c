// The share of masked tokens that are told right.
#include "data/metrics.hpp"

namespace sharcs::internal::metrics {

std::vector<MetricDefinition> token_accuracy() {
  return {{.name = "token_accuracy",
           .measure = MetricDefinition::OfTags{
               .measure = &TagCounts::word_accuracy, .needs_entities = false, .of_masks = true}}};
}

}  // namespace sharcs::internal::metrics
