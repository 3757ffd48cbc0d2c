// exp of the mean negative logarithm of the probability that the true token gets, over all masked tokens. The smaller,
// the better.
#include "data/metrics.hpp"

namespace sharcs::internal::metrics {

std::vector<MetricDefinition> perplexity() {
  return {{.name = "perplexity",
           .measure =
               MetricDefinition::OfTags{.measure = &TagCounts::perplexity, .needs_entities = false, .of_masks = true}}};
}

}  // namespace sharcs::internal::metrics
