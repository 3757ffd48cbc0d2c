// F1 of entities over all types, as seqeval's f1_score: an entity is right where type, first and last word are.
#include "data/metrics.hpp"

namespace sharcs::internal::metrics {

std::vector<MetricDefinition> entity_f1() {
  return {
      {.name = "entity_f1", .measure = MetricDefinition::OfTags{.measure = &TagCounts::f1, .needs_entities = true}}};
}

}  // namespace sharcs::internal::metrics
