// MPNet (Song et al. 2020): BERT's encoder without token types, RoBERTa's head, and a relative attention bias that all
// layers share. As in transformers, positions start from 2 and leave out tokens with the id 1 (<pad>), and the bias has
// 32 buckets, whatever config.json says of pad_token_id and relative_attention_num_buckets.
#include "model/backbones/bert_names.hpp"

namespace sharcs::internal::backbones {
namespace {

LayerNames mpnet_layer(int index) {
  const std::string at = "mpnet.encoder.layer." + std::to_string(index) + ".";
  return {.query = at + "attention.attn.q",
          .key = at + "attention.attn.k",
          .value = at + "attention.attn.v",
          .attention_output = at + "attention.attn.o",
          .attention_norm = at + "attention.LayerNorm",
          .intermediate = at + "intermediate.dense",
          .output = at + "output.dense",
          .output_norm = at + "output.LayerNorm",
          .router_scope = at + "output."};
}

}  // namespace

std::vector<Backbone> mpnet() {
  return {{.model_type = "mpnet",
           .architecture = "MPNetForSequenceClassification",
           .embeddings = "mpnet.embeddings",
           .has_token_types = false,
           .relative_bias = "mpnet.encoder.relative_attention_bias.weight",
           .head = {.dense = "classifier.dense",
                    .output = "classifier.out_proj",
                    .activation = kernels::Activation::tanh,
                    .dropout_before_dense = true},
           .mask_head = {.dense = "lm_head.dense",
                         .output = "lm_head",
                         .activation = kernels::Activation::gelu,
                         .norm = "lm_head.layer_norm"},
           .layer = mpnet_layer,
           .first_position = [](const ModelConfig&) { return 2; },
           .uncounted_id = [](const ModelConfig&) { return 1; },
           .set_defaults = [](ModelConfig& config) { config.pad_token_id = 1; },
           .canonical_name = [](const std::string& name) { return bert_canonical_name("mpnet.", name); },
           .saved_name = [](const std::string& name) { return name; }}};
}

}  // namespace sharcs::internal::backbones
