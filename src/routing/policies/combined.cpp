#include "routing/policy_kind.hpp"

namespace sharcs::internal::policies {

std::vector<PolicyKind> combined() {
  return {{.name = "combined",
           .form = "combined[:P[,E][:CONFIDENCE]]",
           .meaning = "exits and narrow widths, kept where a narrow width is at least P sure and an exit E",
           .place = 4,
           .make =
               [](const std::string& argument, const ModelConfig&) {
                 const ThresholdArgument read = read_thresholds(argument, 2);
                 return Policy::combined(read.numbers[0], read.numbers[1], read.confidence);
               },
           .search = {.router = true, .narrow = true, .exits = true}}};
}

}  // namespace sharcs::internal::policies
