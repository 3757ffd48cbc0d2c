#include "sharcs/cost.hpp"

namespace sharcs {
namespace {

std::int64_t layer_multiply_adds(std::int64_t hidden, std::int64_t attention, std::int64_t ffn, std::int64_t tokens) {
  return tokens * (4 * hidden * attention + 2 * hidden * ffn) + 2 * tokens * tokens * attention;
}

}  // namespace

std::int64_t stem_multiply_adds(const ModelConfig& config, std::int64_t tokens) {
  const std::int64_t full_layer = layer_multiply_adds(
      config.hidden_size, config.num_attention_heads * config.head_size(), config.intermediate_size, tokens);
  if (!config.sharcs) return config.num_hidden_layers * full_layer;
  const std::int64_t router = static_cast<std::int64_t>(config.sharcs->hidden_size_router) *
                              (config.hidden_size + static_cast<std::int64_t>(config.sharcs->width_mult_list.size()));
  return config.sharcs->adaptive_layer_idx * full_layer + router;
}

std::int64_t multiply_adds(const ModelConfig& config, const Width& width, std::int64_t tokens) {
  const std::int64_t stem = stem_multiply_adds(config, tokens);
  if (!config.sharcs) return stem;
  return stem + (config.num_hidden_layers - config.sharcs->adaptive_layer_idx) *
                    layer_multiply_adds(width.hidden(), width.attention(), width.ffn(), tokens);
}

}  // namespace sharcs
