// F1 of the words of an answer and of the true one that it matches best, its mean over the questions, as SQuAD's.
#include "data/metrics.hpp"

namespace sharcs::internal::metrics {

std::vector<MetricDefinition> answer_f1() {
  return {{.name = "answer_f1",
           .measure = MetricDefinition::OfTags{
               .measure = &TagCounts::answer_f1, .needs_entities = false, .of_answers = true}}};
}

}  // namespace sharcs::internal::metrics
