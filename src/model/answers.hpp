#pragma once

#include <span>
#include <vector>

#include "sharcs/model_config.hpp"
#include "sharcs/routing.hpp"

namespace sharcs::internal {

/// multiply_adds() of model.hpp of some layers, by the number of tokens: those of the stem at full width, the others at
/// this one. Exact.
LengthCost layers_by_length(const ModelConfig& config, std::span<const int> layers, const Width& width);
/// The same of the router; 0 where there is none.
LengthCost router_by_length(const ModelConfig& config);
/// The same of the head that fills masks, on a usual_masked_share of the tokens; 0 of other models.
LengthCost mask_head_by_length(const ModelConfig& config);
/// The same of all layers that run at a width.
LengthCost multiply_adds_by_length(const ModelConfig& config, const Width& width);
/// The same of stem_multiply_adds().
LengthCost stem_multiply_adds_by_length(const ModelConfig& config);

/// The index of a width's answer. The width must be one of the model's.
int answer_of_width(const std::vector<Answer>& answers, int width_index);
/// The index of the answer of the exit after this layer, or −1.
int answer_of_exit(const std::vector<Answer>& answers, int layer);

/// Whether the model's last answer is full width's, which goes on where the stem stopped. Without a width 1 it is a
/// narrow one.
bool ends_at_full_width(const ModelConfig& config);

}  // namespace sharcs::internal
