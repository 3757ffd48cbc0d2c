// DeBERTa-v2 and v3 (He et al. 2021 and 2023): BERT's encoder with disentangled attention. A score is the product of
// what two tokens say, of what each says of its distance from the other, and none of absolute positions; the vectors of
// distances are normalized, shared by all layers, and go through the layers' own query and key (share_att_key).
//
// What the published models of the two families do not use is refused: absolute positions, token types, other terms of
// the score, a convolution beside the first layer (deberta-v2-xlarge and larger), embeddings of another size.
#include "model/backbones/bert_names.hpp"

namespace sharcs::internal::backbones {
namespace {

LayerNames deberta_layer(int index) {
  LayerNames names = bert_layer("deberta.encoder.layer.", index);
  names.query += "_proj";
  names.key += "_proj";
  names.value += "_proj";
  return names;
}

/// Throws ConfigError unless the key has the value. transformers' default of an absent one is another.
void require(const JsonCursor& object, const char* key, const std::string& expected) {
  const JsonCursor found = object[key];
  if (!found.present()) object.refuse(std::string("has no \"") + key + "\"; expected " + expected);
  if (found.value().dump() != expected) found.fail(expected);
}

void read_config(const JsonCursor& object, ModelConfig& config) {
  require(object, "relative_attention", "true");
  require(object, "share_att_key", "true");
  require(object, "norm_rel_ebd", "\"layer_norm\"");
  require(object, "position_biased_input", "false");
  // Both terms, in either order, as a list or as the older spelling.
  const JsonCursor terms = object["pos_att_type"];
  std::string written = terms.present() ? terms.value().dump() : "none";
  if (written != R"("p2c|c2p")" && written != R"("c2p|p2c")" && written != R"(["p2c","c2p"])" &&
      written != R"(["c2p","p2c"])")
    terms.fail(R"(["p2c", "c2p"])");
  const auto none = [&](const char* key) {
    const JsonCursor found = object[key];
    if (found.present() && found.get<double>() != 0) found.fail("0");
  };
  none("type_vocab_size");
  none("conv_kernel_size");
  none("pooler_dropout");
  if (const JsonCursor size = object["pooler_hidden_size"]; size.present() && size.get<int>() != config.hidden_size)
    size.fail("\"hidden_size\", " + std::to_string(config.hidden_size));
  if (const JsonCursor act = object["pooler_hidden_act"]; act.present() && act.get<std::string>() != "gelu")
    act.fail("\"gelu\"");
  if (config.embedding_size != 0 && config.embedding_size != config.hidden_size)
    object["embedding_size"].fail("\"hidden_size\", " + std::to_string(config.hidden_size));
  config.embedding_size = 0;
  int buckets = -1, farthest = -1;
  constexpr NumberRange size = {.least = -1, .greatest = 1 << 20};
  object["position_buckets"].read(buckets, size);
  object["max_relative_positions"].read(farthest, size);
  config.position_buckets = std::max(buckets, 0);
  config.max_relative_positions = std::max(farthest, 0);
  config.type_vocab_size = 0;
}

void write_config(const ModelConfig& config, nlohmann::ordered_json& object) {
  object["relative_attention"] = true;
  object["pos_att_type"] = {"p2c", "c2p"};
  object["share_att_key"] = true;
  object["norm_rel_ebd"] = "layer_norm";
  object["position_biased_input"] = false;
  object["position_buckets"] = config.position_buckets > 0 ? config.position_buckets : -1;
  object["max_relative_positions"] = config.max_relative_positions > 0 ? config.max_relative_positions : -1;
  object["type_vocab_size"] = 0;
  object["pooler_hidden_size"] = config.hidden_size;
  object["pooler_hidden_act"] = "gelu";
  object["pooler_dropout"] = 0;
}

}  // namespace

std::vector<Backbone> deberta_v2() {
  return {{.model_type = "deberta-v2",
           .architecture = "DebertaV2ForSequenceClassification",
           .embeddings = "deberta.embeddings",
           .has_token_types = false,
           .has_positions = false,
           .relative_positions = "deberta.encoder.rel_embeddings.weight",
           .relative_position_norm = "deberta.encoder.LayerNorm",
           .head = {.dense = "pooler.dense",
                    .output = "classifier",
                    .activation = kernels::Activation::gelu,
                    .dropout_before_dense = false},
           .mask_head = {.dense = "cls.predictions.transform.dense",
                         .output = "cls.predictions",
                         .norm = "cls.predictions.transform.LayerNorm"},
           .mask_head_has_hidden_act = true,
           .config_names = {{"classifier_dropout", "cls_dropout"}},
           .fixed_config = {},
           .layer = deberta_layer,
           .first_position = [](const ModelConfig&) { return 0; },
           .set_defaults =
               [](ModelConfig& config) {
                 config.layer_norm_eps = 1e-7;
                 config.type_vocab_size = 0;
               },
           .read_config = read_config,
           .write_config = write_config,
           .canonical_name =
               [](const std::string& name) {
                 // The pooler stands beside the encoder, not in it.
                 return name.starts_with("pooler.") ? name : bert_canonical_name("deberta.", name);
               },
           .saved_name = [](const std::string& name) { return name; }}};
}

}  // namespace sharcs::internal::backbones
