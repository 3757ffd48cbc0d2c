// The share of the questions whose answer is a true one, as SQuAD's scripts compare them.
#include "data/metrics.hpp"

namespace sharcs::internal::metrics {

std::vector<MetricDefinition> answer_exact_match() {
  return {{.name = "answer_exact_match",
           .measure = MetricDefinition::OfTags{
               .measure = &TagCounts::answer_exact_match, .needs_entities = false, .of_answers = true}}};
}

}  // namespace sharcs::internal::metrics
