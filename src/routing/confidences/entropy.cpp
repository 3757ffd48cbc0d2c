// The entropy of an answer's probabilities: DeeBERT's and FastBERT's rule (Xin et al. 2020, arXiv:2004.12993; Liu et
// al. 2020, arXiv:2004.02178). FastBERT divides it by its maximum, the logarithm of the number of classes.
#include <cmath>

#include "routing/confidence.hpp"

namespace sharcs::internal::confidences {

std::vector<ConfidenceMeasure> entropy() {
  return {{.name = "entropy",
           .meaning = "1 minus the entropy of the answer's probabilities as a share of its maximum",
           .greatest = 1,
           .of = [](const AnswerQuery& query) {
             if (query.probabilities.empty()) return agreement_of_regression(query);
             double entropy = 0;
             const auto add = [&](double p) {
               if (p > 0) entropy -= p * std::log(p);
             };
             for (const float probability : query.probabilities) {
               add(static_cast<double>(probability));
               if (query.multi_label) add(1 - static_cast<double>(probability));
             }
             // Labels that can hold together are so many pairs of "yes" and "no".
             const auto count = static_cast<double>(query.probabilities.size());
             return 1 - entropy / (query.multi_label ? count * std::log(2.0) : std::log(count));
           }}};
}

}  // namespace sharcs::internal::confidences
