// The share of the entities that were found, as seqeval's recall_score.
#include "data/metrics.hpp"

namespace sharcs::internal::metrics {

std::vector<MetricDefinition> entity_recall() {
  return {{.name = "entity_recall",
           .measure = MetricDefinition::OfTags{.measure = &TagCounts::recall, .needs_entities = true}}};
}

}  // namespace sharcs::internal::metrics
