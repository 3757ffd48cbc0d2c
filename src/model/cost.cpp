#include <cmath>
#include <iterator>

#include "model/answers.hpp"
#include "model/backbone.hpp"
#include "model/encoder_tree.hpp"
#include "model/length_cost.hpp"
#include "model/mask_guess.hpp"
#include "sharcs/model.hpp"

namespace sharcs {
using namespace internal;
namespace {

/// Multiply-adds of one layer: for each token, and for each pair of tokens of which one sees the other.
struct LayerWork {
  std::int64_t per_token, per_pair;
  std::int64_t window;  // 0: every token sees all

  LengthCost by_length() const {
    LengthCost cost = {.linear = static_cast<double>(per_token)};
    (window == 0 ? cost.quadratic : cost.windowed) = static_cast<double>(per_pair);
    cost.window = static_cast<double>(window);
    return cost;
  }
  /// Whole numbers, which a double holds exactly below 2^53.
  std::int64_t of(std::int64_t tokens) const {
    return static_cast<std::int64_t>(by_length().of(static_cast<double>(tokens)));
  }
};

/// Sizes of a layer, whole or sliced.
struct LayerSize {
  std::int64_t hidden, attention, ffn;

  explicit LayerSize(const ModelConfig& config)
      : hidden(config.hidden_size),
        attention(std::int64_t{config.num_attention_heads} * config.head_size()),
        ffn(config.intermediate_size) {}
  explicit LayerSize(const Width& width) : hidden(width.hidden()), attention(width.attention()), ffn(width.ffn()) {}
};

int stem_of(const ModelConfig& config) {
  return config.sharcs ? config.sharcs->adaptive_layer_idx : config.num_hidden_layers;
}

/// How many products of hidden and feed-forward a layer has.
std::int64_t feed_forward_products(const Backbone& backbone) { return backbone.layer(0).gated ? 3 : 2; }

/// The work of the layers of one encoder.
class LayerWorks {
 public:
  explicit LayerWorks(const ModelConfig& config)
      : config_(config),
        backbone_(find_backbone(config.model_type)),
        feed_forwards_(feed_forward_products(backbone_)),
        stem_(stem_of(config)) {}

  /// Of one layer, which has full width in the stem. Relative positions add two products of a query or a key to each
  /// score. What the layers make of the positions themselves is the same for all inputs, and not counted.
  LayerWork of(int layer, const Width& width) const {
    const LayerSize size = layer < stem_ ? LayerSize(config_) : LayerSize(width);
    const std::int64_t pairs = backbone_.relative_positions.empty() ? 2 : 4;
    return {.per_token = 4 * size.hidden * size.attention + feed_forwards_ * size.hidden * size.ffn,
            .per_pair = pairs * size.attention,
            .window = backbone_.sight_of(config_, layer).window};
  }

 private:
  const ModelConfig& config_;
  const Backbone& backbone_;
  std::int64_t feed_forwards_;
  int stem_;
};

std::int64_t router_multiply_adds(const ModelConfig& config) {
  if (!config.sharcs) return 0;
  return static_cast<std::int64_t>(config.sharcs->hidden_size_router) *
         (config.hidden_size + static_cast<std::int64_t>(config.sharcs->width_mult_list.size()));
}

std::int64_t linear_parameters(std::int64_t outputs, std::int64_t inputs) { return outputs * inputs + outputs; }

std::int64_t linear_parameters(std::int64_t outputs, std::int64_t inputs, bool has_bias) {
  return outputs * inputs + (has_bias ? outputs : 0);
}

/// LayerNorms are not counted.
std::int64_t layer_parameters(const Backbone& backbone, const Biases& biases, const LayerSize& size) {
  return 3 * linear_parameters(size.attention, size.hidden, biases.attention) +
         linear_parameters(size.hidden, size.attention, biases.attention) +
         (feed_forward_products(backbone) - 1) * linear_parameters(size.ffn, size.hidden, biases.feed_forward) +
         linear_parameters(size.hidden, size.ffn, biases.feed_forward);
}

}  // namespace

std::int64_t stem_multiply_adds(const ModelConfig& config, std::int64_t tokens) {
  const LayerWorks works(config);
  std::int64_t sum = router_multiply_adds(config);
  for (int i = 0; i < stem_of(config); ++i) sum += works.of(i, Width()).of(tokens);
  return sum;
}

std::int64_t multiply_adds(const ModelConfig& config, const Width& width, std::int64_t tokens) {
  std::int64_t sum =
      stem_multiply_adds(config, tokens) + std::llround(mask_head_by_length(config).of(static_cast<double>(tokens)));
  if (!config.sharcs) return sum;
  const LayerWorks works(config);
  for (const int i : width.layers()) sum += works.of(i, width).of(tokens);
  return sum;
}

LengthCost internal::layers_by_length(const ModelConfig& config, std::span<const int> layers, const Width& width) {
  const LayerWorks works(config);
  LengthCost sum;
  for (const int i : layers) sum = sum_of(sum, works.of(i, width).by_length());
  return sum;
}

LengthCost internal::mask_head_by_length(const ModelConfig& config) {
  if (!config.fills_masks) return {};
  const double embedding = config.word_embedding_size();
  return {.linear = usual_masked_share * embedding * (config.hidden_size + config.vocab_size)};
}

LengthCost internal::router_by_length(const ModelConfig& config) {
  return {.constant = static_cast<double>(router_multiply_adds(config))};
}

std::int64_t parameters_used(const ModelConfig& config, const Width& width) {
  const Backbone& backbone = find_backbone(config.model_type);
  const std::int64_t hidden = config.hidden_size, embedding = config.word_embedding_size(), slice = width.hidden();
  const Biases biases = backbone.biases_of(config);
  const std::int64_t norm = biases.norm ? 2 : 1;  // parameters of a LayerNorm, for each dimension
  std::int64_t count =
      (std::int64_t{config.vocab_size} + (backbone.has_positions ? config.max_position_embeddings : 0) +
       (backbone.has_token_types ? config.type_vocab_size : 0) + norm) *
      embedding;
  if (!backbone.relative_bias.empty())
    count += std::int64_t{config.relative_attention_num_buckets} * config.num_attention_heads;
  if (!backbone.relative_positions.empty()) count += 2 * (backbone.distances(config).span + 1) * hidden;
  if (backbone.projects_embeddings(config)) count += linear_parameters(hidden, embedding);

  const std::int64_t full_layer = layer_parameters(backbone, biases, LayerSize(config));
  const std::int64_t stem = stem_of(config);
  const std::int64_t adaptive = std::ssize(width.layers());
  const bool is_plain = config.sharcs && config.sharcs->full_width_norm == FullWidthNorm::plain && width.is_full();
  // Where layers are shared, the one that the stem runs whole serves them all, each kind with its LayerNorms.
  count += (backbone.shares_layers ? 1 : stem) * (full_layer + 2 * norm * hidden);
  if (backbone.layer(0).attention_norm.empty()) count -= norm * hidden;
  if (config.sharcs) {
    count += backbone.shares_layers
                 ? (is_plain ? 0 : 2 * norm * slice)
                 : adaptive * (layer_parameters(backbone, biases, LayerSize(width)) + 2 * norm * slice);
    const std::int64_t router = config.sharcs->hidden_size_router;
    count += linear_parameters(router, hidden) + linear_parameters(std::ssize(config.sharcs->width_mult_list), router);
    if (backbone.is_pre_norm()) count += norm * hidden;  // before the router
    if (!is_plain && !keeps_token_vectors(config, width) && !backbone.is_pre_norm()) count += norm * slice;
    if (!is_plain && config.sharcs->weighted_dim_reduction) count += hidden / slice;
  }
  if (backbone.is_pre_norm()) count += norm * slice;  // behind the last layer
  const HeadNames head = backbone.head_of(config);
  if (config.fills_masks)
    return count + linear_parameters(embedding, slice, biases.head) + norm * embedding + config.vocab_size;
  if (!head.norm.empty()) count += norm * hidden;
  if (head.dense.empty()) return count + linear_parameters(config.num_labels(), slice);
  return count + linear_parameters(hidden, slice, biases.head) + linear_parameters(config.num_labels(), hidden);
}

}  // namespace sharcs
