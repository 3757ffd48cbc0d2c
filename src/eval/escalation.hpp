#pragma once

#include "sharcs/routing_policy.hpp"

namespace sharcs::internal {

/// What the policy says to an answer `logits` at `width`: a wider width to run the sample again at, or `width`. Takes
/// the softmax that the policy's question needs, the same in the engine and on recorded answers. `regression` has none.
int escalate(const RoutingPolicy& policy, const RoutingQuery& query, int width, std::span<const float> logits,
             bool regression);

}  // namespace sharcs::internal
