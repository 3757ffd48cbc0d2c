#include <iterator>

#include "model/backbone.hpp"
#include "sharcs/model.hpp"

namespace sharcs {
using namespace internal;
namespace {

/// Relative positions add two products of a query or a key to each score. What the layers make of the positions
/// themselves is the same for all inputs, and not counted.
std::int64_t layer_multiply_adds(const Backbone& backbone, std::int64_t hidden, std::int64_t attention,
                                 std::int64_t ffn, std::int64_t tokens) {
  const std::int64_t pairs = backbone.relative_positions.empty() ? 2 : 4;
  return tokens * (4 * hidden * attention + 2 * hidden * ffn) + pairs * tokens * tokens * attention;
}

std::int64_t linear_parameters(std::int64_t outputs, std::int64_t inputs) { return outputs * inputs + outputs; }

std::int64_t layer_parameters(std::int64_t hidden, std::int64_t attention, std::int64_t ffn) {
  return 3 * linear_parameters(attention, hidden) + linear_parameters(hidden, attention) +
         linear_parameters(ffn, hidden) + linear_parameters(hidden, ffn);
}

}  // namespace

std::int64_t stem_multiply_adds(const ModelConfig& config, std::int64_t tokens) {
  const std::int64_t full_layer =
      layer_multiply_adds(find_backbone(config.model_type), config.hidden_size,
                          config.num_attention_heads * config.head_size(), config.intermediate_size, tokens);
  if (!config.sharcs) return config.num_hidden_layers * full_layer;
  const std::int64_t router = static_cast<std::int64_t>(config.sharcs->hidden_size_router) *
                              (config.hidden_size + static_cast<std::int64_t>(config.sharcs->width_mult_list.size()));
  return config.sharcs->adaptive_layer_idx * full_layer + router;
}

std::int64_t multiply_adds(const ModelConfig& config, const Width& width, std::int64_t tokens) {
  const std::int64_t stem = stem_multiply_adds(config, tokens);
  if (!config.sharcs) return stem;
  return stem + std::ssize(width.layers()) * layer_multiply_adds(find_backbone(config.model_type), width.hidden(),
                                                                 width.attention(), width.ffn(), tokens);
}

std::int64_t parameters_used(const ModelConfig& config, const Width& width) {
  const Backbone& backbone = find_backbone(config.model_type);
  const std::int64_t hidden = config.hidden_size, embedding = config.word_embedding_size(), slice = width.hidden();
  std::int64_t count =
      (std::int64_t{config.vocab_size} + (backbone.has_positions ? config.max_position_embeddings : 0) +
       (backbone.has_token_types ? config.type_vocab_size : 0) + 2) *
      embedding;
  if (!backbone.relative_bias.empty())
    count += std::int64_t{config.relative_attention_num_buckets} * config.num_attention_heads;
  if (!backbone.relative_positions.empty()) count += 2 * (backbone.distances(config).span + 1) * hidden;
  if (backbone.projects_embeddings(config)) count += linear_parameters(hidden, embedding);

  const std::int64_t full_layer =
      layer_parameters(hidden, config.num_attention_heads * config.head_size(), config.intermediate_size);
  const std::int64_t stem = config.sharcs ? config.sharcs->adaptive_layer_idx : config.num_hidden_layers;
  const std::int64_t adaptive = std::ssize(width.layers());
  const bool is_plain =
      config.sharcs && config.sharcs->full_width_norm == FullWidthNorm::plain && width.fraction() == 1;
  // Where layers are shared, the one that the stem runs whole serves them all, each kind with its LayerNorms.
  count += (backbone.shares_layers ? 1 : stem) * (full_layer + 4 * hidden);
  if (config.sharcs) {
    count += backbone.shares_layers ? (is_plain ? 0 : 4 * slice)
                                    : adaptive * (layer_parameters(slice, width.attention(), width.ffn()) + 4 * slice);
    const std::int64_t router = config.sharcs->hidden_size_router;
    count += linear_parameters(router, hidden) + linear_parameters(std::ssize(config.sharcs->width_mult_list), router);
    if (!is_plain) count += 2 * slice + (config.sharcs->weighted_dim_reduction ? hidden / slice : 0);
  }
  return count + linear_parameters(hidden, slice) + linear_parameters(config.num_labels(), hidden);
}

}  // namespace sharcs
