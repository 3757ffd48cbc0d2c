#pragma once

#include "model/backbone.hpp"
#include "sharcs/model.hpp"
#include "sharcs/model_config.hpp"

namespace sharcs::internal::harnesses {

/// A model of a few hundred numbers, with two widths.
inline ModelConfig tiny_config(const std::string& model_type) {
  ModelConfig config;
  config.model_type = model_type;
  config.vocab_size = 12;
  config.hidden_size = 4;
  config.num_hidden_layers = 2;
  config.num_attention_heads = 2;
  config.intermediate_size = 4;
  config.max_position_embeddings = 16;
  if (find_backbone(model_type).projection != EmbeddingProjection::never) config.embedding_size = 2;
  config.labels = {"no", "yes"};
  config.sharcs = SharcsConfig{.width_mult_list = {0.5, 1}, .adaptive_layer_idx = 1, .hidden_size_router = 3};
  return config;
}

}  // namespace sharcs::internal::harnesses
