// The share of the predicted entities that are right, as seqeval's precision_score.
#include "data/metrics.hpp"

namespace sharcs::internal::metrics {

std::vector<MetricDefinition> entity_precision() {
  return {{.name = "entity_precision",
           .measure = MetricDefinition::OfTags{.measure = &TagCounts::precision, .needs_entities = true}}};
}

}  // namespace sharcs::internal::metrics
