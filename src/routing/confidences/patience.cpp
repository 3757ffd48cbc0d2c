// How many answers in a row agree: PABEE's rule (Zhou et al. 2020, arXiv:2006.04152).
#include <limits>

#include "routing/confidence.hpp"

namespace sharcs::internal::confidences {

std::vector<ConfidenceMeasure> patience() {
  return {{.name = "patience",
           .meaning = "how many answers in a row say the same class",
           .greatest = std::numeric_limits<double>::infinity(),
           .of = [](const AnswerQuery& query) { return static_cast<double>(query.agreeing); }}};
}

}  // namespace sharcs::internal::confidences
