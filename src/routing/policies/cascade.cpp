#include "routing/policy_kind.hpp"

namespace sharcs::internal::policies {

std::vector<PolicyKind> cascade() {
  return {{.name = "cascade",
           .form = "cascade[:P[:CONFIDENCE]]",
           .meaning = "narrow widths first, each kept where it is at least P sure",
           .place = 2,
           .make =
               [](const std::string& argument, const ModelConfig&) {
                 const ThresholdArgument read = read_thresholds(argument, 1);
                 return Policy::cascade(read.numbers[0], read.confidence);
               },
           .search = {.narrow = true}}};
}

}  // namespace sharcs::internal::policies
