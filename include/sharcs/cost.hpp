#pragma once

#include <cstdint>

#include "sharcs/model_config.hpp"
#include "sharcs/width_set.hpp"

namespace [[gnu::visibility("default")]] sharcs {

/// Multiply-adds of one sample of `tokens` tokens whose adaptive layers run at `width`, by the paper's counting: query,
/// key, value and output projections, query · key and probabilities · value, the feed-forward projections of every
/// layer, and the router's two linear layers. Embeddings, biases, LayerNorm, softmax, GELU, pooler and classifier are
/// not counted.
std::int64_t multiply_adds(const ModelConfig& config, const Width& width, std::int64_t tokens);

/// The part of multiply_adds() that every width shares: the layers before the router, and the router. Running a sample
/// again at another width costs the rest only. All of it for a plain encoder.
std::int64_t stem_multiply_adds(const ModelConfig& config, std::int64_t tokens);

/// Trainable numbers that a sample at `width` meets: all that every width shares, the slices of the adaptive layers and
/// of the head, and the width's own LayerNorms and reduction weights.
std::int64_t parameters_used(const ModelConfig& config, const Width& width);

}  // namespace gnu::visibility("default")]]sharcs
