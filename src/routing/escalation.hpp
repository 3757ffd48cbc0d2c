#pragma once

#include <span>

#include "sharcs/routing.hpp"

namespace sharcs::internal {

/// Asks the policy whether the answer `logits`, given at a width, is good enough. Returns the index of a wider width to
/// run the sample again, or `width_index` to keep the answer. Computes the probabilities that the policy looks at, the
/// same way for the engine and for recorded answers; a regression has none.
int escalate(const RoutingPolicy& policy, const RoutingQuery& query, int width_index, std::span<const float> logits,
             bool is_regression);

}  // namespace sharcs::internal
