#include "eval/escalation.hpp"

#include <vector>

#include "nn/loss.hpp"

namespace sharcs::internal {

int escalate(const RoutingPolicy& policy, const RoutingQuery& query, int width, std::span<const float> logits,
             bool regression) {
  std::vector<float> probabilities;
  if (!regression) {
    probabilities.resize(logits.size());
    const auto classes = static_cast<Index>(logits.size());
    softmax<float>(MatrixView<const float>(logits.data(), 1, classes),
                   MatrixView<float>(probabilities.data(), 1, classes));
  }
  return policy.escalate({query, width, logits, probabilities});
}

}  // namespace sharcs::internal
