// What an exit has learned of how likely its answer is right: BERxiT's rule (Xin et al. 2021, EACL).
#include <cmath>

#include "model/predicted_label.hpp"
#include "routing/confidence.hpp"

namespace sharcs::internal::confidences {

std::vector<ConfidenceMeasure> learned_score() {
  return {{.name = "learned-score",
           .meaning = "an exit's own probability of being right; the probability of the class where it has none",
           .greatest = 1,
           .of = [](const AnswerQuery& query) {
             if (query.probabilities.empty()) return agreement_of_regression(query);
             if (!std::isnan(query.score)) return query.score;
             return surest(query.multi_label, query.probabilities);
           }}};
}

}  // namespace sharcs::internal::confidences
