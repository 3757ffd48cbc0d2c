// Early exits: BranchyNet, Shallow-Deep, DeeBERT, FastBERT, PABEE and BERxiT differ by the confidence.
#include "routing/policy_kind.hpp"

namespace sharcs::internal::policies {

std::vector<PolicyKind> exits() {
  return {{.name = "exits",
           .form = "exits[:P[:CONFIDENCE]]",
           .meaning = "exits first, each kept where it is at least P sure, then full width",
           .place = 3,
           .make =
               [](const std::string& argument, const ModelConfig&) {
                 const ThresholdArgument read = read_thresholds(argument, 1);
                 return Policy::exits(read.numbers[0], read.confidence);
               },
           .search = {.exits = true}}};
}

}  // namespace sharcs::internal::policies
