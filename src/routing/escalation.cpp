#include "routing/escalation.hpp"

#include <vector>

#include "nn/loss.hpp"

namespace sharcs::internal {

int escalate(const RoutingPolicy& policy, const RoutingQuery& query, int width_index, std::span<const float> logits,
             bool is_regression) {
  const std::vector<float> probabilities = is_regression ? std::vector<float>{} : softmax(logits);
  return policy.escalate({query, width_index, logits, probabilities});
}

}  // namespace sharcs::internal
