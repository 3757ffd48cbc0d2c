// ALBERT (Lan et al. 2020): one layer run again and again, and narrow embeddings with a projection to the hidden size.
//
// The layer's weights serve the stem at full width and the adaptive layers at the routed one. Each width has one set of
// private LayerNorms for all adaptive layers. Models of several groups of layers (num_hidden_groups) do not exist as
// published checkpoints and are refused.
#include "model/backbones/bert_names.hpp"

namespace sharcs::internal::backbones {
namespace {

LayerNames shared_layer(int) {
  const std::string at = "albert.encoder.albert_layer_groups.0.albert_layers.0.";
  return {.query = at + "attention.query",
          .key = at + "attention.key",
          .value = at + "attention.value",
          .attention_output = at + "attention.dense",
          .attention_norm = at + "attention.LayerNorm",
          .intermediate = at + "ffn",
          .output = at + "ffn_output",
          .output_norm = at + "full_layer_layer_norm",
          .router_scope = "albert.encoder."};
}

/// Where Hugging Face's AlbertConfig differs from BertConfig.
void set_defaults(ModelConfig& config) {
  config.embedding_size = 128;
  config.hidden_act = "gelu_new";
  config.hidden_dropout_prob = 0;
  config.attention_probs_dropout_prob = 0;
}

}  // namespace

std::vector<Backbone> albert() {
  return {{.model_type = "albert",
           .architecture = "AlbertForSequenceClassification",
           .embeddings = "albert.embeddings",
           .has_token_types = true,
           .shares_layers = true,
           .projection = EmbeddingProjection::always,
           .embedding_projection = "albert.encoder.embedding_hidden_mapping_in",
           .head = {.dense = "albert.pooler",
                    .output = "classifier",
                    .activation = kernels::Activation::tanh,
                    .dropout_before_dense = false},
           .mask_head = {.dense = "predictions.dense", .output = "predictions", .norm = "predictions.LayerNorm"},
           .mask_head_has_hidden_act = true,
           .default_classifier_dropout = 0.1,
           .config_names = {{"classifier_dropout", "classifier_dropout_prob"}},
           .fixed_config = {{"position_embedding_type", "\"absolute\""},
                            {"num_hidden_groups", "1"},
                            {"inner_group_num", "1"}},
           .layer = shared_layer,
           .first_position = [](const ModelConfig&) { return 0; },
           .set_defaults = set_defaults,
           .canonical_name = [](const std::string& name) { return bert_canonical_name("albert.", name); },
           .saved_name = [](const std::string& name) { return name; }}};
}

}  // namespace sharcs::internal::backbones
