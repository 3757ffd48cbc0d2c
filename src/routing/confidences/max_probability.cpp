// The probability of the class that an answer gives: BranchyNet's and Shallow-Deep's rule (Teerapittayanon et al. 2016,
// Kaya et al. 2019, arXiv:1810.07052), and a cascade's.
#include "model/predicted_label.hpp"
#include "routing/confidence.hpp"

namespace sharcs::internal::confidences {

std::vector<ConfidenceMeasure> max_probability() {
  return {{.name = "max-probability",
           .meaning = "the probability of the answer's class; multi-label: of its least sure label",
           .greatest = 1,
           .of = [](const AnswerQuery& query) {
             if (query.probabilities.empty()) return agreement_of_regression(query);
             return surest(query.multi_label, query.probabilities);
           }}};
}

}  // namespace sharcs::internal::confidences
