// The probability of the class that an answer gives: BranchyNet's and Shallow-Deep's rule (Teerapittayanon et al. 2016,
// Kaya et al. 2019, arXiv:1810.07052), and a cascade's.
#include <algorithm>

#include "routing/confidence.hpp"

namespace sharcs::internal::confidences {

std::vector<ConfidenceMeasure> max_probability() {
  return {{.name = "max-probability",
           .meaning = "the probability of the answer's class",
           .greatest = 1,
           .of = [](const AnswerQuery& query) {
             if (query.probabilities.empty()) return agreement_of_regression(query);
             return static_cast<double>(*std::ranges::max_element(query.probabilities));
           }}};
}

}  // namespace sharcs::internal::confidences
