#pragma once

#include "sharcs/model_config.hpp"
#include "sharcs/routing.hpp"

namespace sharcs::internal {

/// multiply_adds() of cost.hpp at a width, as a polynomial in the number of tokens. Exact.
LengthCost multiply_adds_by_length(const ModelConfig& config, const Width& width);
/// The same of stem_multiply_adds().
LengthCost stem_multiply_adds_by_length(const ModelConfig& config);

}  // namespace sharcs::internal
