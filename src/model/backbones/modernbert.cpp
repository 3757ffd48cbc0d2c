// ModernBERT (Warner et al. 2024, arXiv:2412.13663): pre-norm layers without biases, rotary positions, a gated
// feed-forward, and attention that is global in every third layer and local in the others.
//
// Query, key and value stand in one parameter, as the two halves of the feed-forward do: widths slice each part. The
// first layer has no LayerNorm before its attention, since the embeddings' stands there. The library's names of the
// embeddings are BERT's.
#include <array>
#include <string_view>
#include <utility>

#include "core/quote.hpp"
#include "model/backbone.hpp"
#include "sharcs/error.hpp"

namespace sharcs::internal::backbones {
namespace {

constexpr const char* whole_text = "full_attention";
constexpr const char* near_tokens = "sliding_attention";

LayerNames modern_layer(int index) {
  const std::string at = "model.layers." + std::to_string(index) + ".";
  return {.query = at + "attn.Wqkv",
          .key = at + "attn.Wqkv",
          .value = at + "attn.Wqkv",
          .attention_output = at + "attn.Wo",
          .attention_norm = index == 0 ? "" : at + "attn_norm",
          .intermediate = at + "mlp.Wi",
          .output = at + "mlp.Wo",
          .output_norm = at + "mlp_norm",
          .gated = true,
          .router_scope = at};
}

/// Names in the library and on disk.
constexpr std::array<std::pair<std::string_view, std::string_view>, 2> embedding_names = {{
    {"model.embeddings.word_embeddings.", "model.embeddings.tok_embeddings."},
    {"model.embeddings.LayerNorm.", "model.embeddings.norm."},
}};

std::string modern_canonical_name(const std::string& name) {
  std::string full = name;
  // Saved without a head, the encoder lacks the prefix.
  for (const char* scope : {"embeddings.", "layers.", "final_norm."})
    if (name.starts_with(scope)) full = "model." + name;
  for (const auto& [own, saved] : embedding_names)
    if (full.starts_with(saved)) return std::string(own) + full.substr(saved.size());
  return full;
}

std::string modern_saved_name(const std::string& name) {
  for (const auto& [own, saved] : embedding_names)
    if (name.starts_with(own)) return std::string(saved) + name.substr(own.size());
  return name;
}

/// Of the head, which may have tanh besides those of the feed-forward.
const std::map<std::string, kernels::Activation>& head_activations() {
  static const auto known = [] {
    auto activations = Backbone().activations;
    activations["tanh"] = kernels::Activation::tanh;
    return activations;
  }();
  return known;
}

std::string names_in(const std::map<std::string, kernels::Activation>& activations) {
  std::string names;
  for (const auto& [name, code] : activations) names += (names.empty() ? "" : ", ") + name;
  return names;
}

/// The newer form of the angles' bases, by kind of layer; only the plain one of transformers' kinds of angles.
void read_rope_parameters(const JsonCursor& rope, ModernBertConfig& modern) {
  if (!rope.present()) return;
  for (const auto& [kind, theta] :
       {std::pair(whole_text, &modern.global_rope_theta), {near_tokens, &modern.local_rope_theta}}) {
    const JsonCursor of_kind = rope[kind];
    if (!of_kind.present()) continue;
    of_kind["rope_theta"].read(*theta, {.least = 1, .greatest = 1e12});
    if (const JsonCursor type = of_kind["rope_type"]; type.present() && type.get<std::string>() != "default")
      type.fail("\"default\"");
    of_kind.refuse_unread("is not known; expected rope_theta or rope_type");
  }
  rope.refuse_unread("is not known; expected full_attention or sliding_attention");
}

/// Which layers are global: a list, or every so many.
void read_layer_types(const JsonCursor& object, const ModelConfig& config, ModernBertConfig& modern) {
  constexpr NumberRange count = {.least = 1, .greatest = 1 << 16};
  object["global_attn_every_n_layers"].read(modern.global_attn_every_n_layers, count);
  const JsonCursor types = object["layer_types"];
  if (!types.present()) return;
  if (types.size() != static_cast<std::size_t>(config.num_hidden_layers))
    types.fail("one for each of " + std::to_string(config.num_hidden_layers) + " layers");
  modern.layer_types = types.get<std::vector<std::string>>();
  for (const std::string& type : modern.layer_types)
    if (type != whole_text && type != near_tokens)
      types.fail(std::string("\"") + whole_text + "\" or \"" + near_tokens + "\" for each layer");
  // Where the list follows the rule, the rule says it: older versions of transformers read that alone.
  int second = 1;
  while (second < config.num_hidden_layers && !modern.is_global(second)) ++second;
  ModernBertConfig by_rule;
  by_rule.global_attn_every_n_layers = second;
  for (int i = 0; i < config.num_hidden_layers; ++i)
    if (by_rule.is_global(i) != modern.is_global(i)) return;
  // A number that says the same stays, as any from the number of layers on does.
  by_rule.global_attn_every_n_layers = modern.global_attn_every_n_layers;
  bool is_same = true;
  for (int i = 0; i < config.num_hidden_layers; ++i) is_same = is_same && by_rule.is_global(i) == modern.is_global(i);
  if (!is_same) modern.global_attn_every_n_layers = second;
  modern.layer_types.clear();
}

void read_modern_config(const JsonCursor& object, ModelConfig& config) {
  ModernBertConfig& modern = config.modern;
  read_layer_types(object, config, modern);
  object["local_attention"].read(modern.local_attention, {.least = 2, .greatest = 1 << 20});
  constexpr NumberRange base = {.least = 1, .greatest = 1e12};
  object["global_rope_theta"].read(modern.global_rope_theta, base);
  object["local_rope_theta"].read(modern.local_rope_theta, base);
  read_rope_parameters(object["rope_parameters"], modern);
  if (const JsonCursor scaling = object["rope_scaling"]; scaling.present())
    scaling.refuse("asks for other angles than those of rope_theta; expected null");
  object["attention_bias"].read(modern.attention_bias);
  object["mlp_bias"].read(modern.mlp_bias);
  object["norm_bias"].read(modern.norm_bias);
  object["classifier_bias"].read(modern.classifier_bias);
  object["classifier_activation"].read(modern.classifier_activation);
  object["embedding_dropout"].read(modern.embedding_dropout, {.least = 0, .greatest = 0.999});
  if (const JsonCursor pooling = object["classifier_pooling"]; pooling.present()) {
    const auto name = pooling.get<std::string>();
    if (name != "cls" && name != "mean") pooling.fail("\"cls\" or \"mean\"");
    modern.mean_pooling = name == "mean";
  }
  config.type_vocab_size = 0;
  // The published vocabulary's, where the key is absent; others say where their padding is.
  if (config.pad_token_id >= config.vocab_size) config.pad_token_id = 0;
}

void write_modern_config(const ModelConfig& config, nlohmann::ordered_json& object) {
  const ModernBertConfig& modern = config.modern;
  if (modern.layer_types.empty()) object["global_attn_every_n_layers"] = modern.global_attn_every_n_layers;
  auto& types = (object["layer_types"] = nlohmann::ordered_json::array());
  for (int i = 0; i < config.num_hidden_layers; ++i) types.push_back(modern.is_global(i) ? whole_text : near_tokens);
  object["local_attention"] = modern.local_attention;
  object["global_rope_theta"] = modern.global_rope_theta;
  object["local_rope_theta"] = modern.local_rope_theta;
  object["rope_parameters"] = {{whole_text, {{"rope_theta", modern.global_rope_theta}, {"rope_type", "default"}}},
                               {near_tokens, {{"rope_theta", modern.local_rope_theta}, {"rope_type", "default"}}}};
  object["attention_bias"] = modern.attention_bias;
  object["mlp_bias"] = modern.mlp_bias;
  object["norm_bias"] = modern.norm_bias;
  object["classifier_bias"] = modern.classifier_bias;
  object["classifier_pooling"] = modern.mean_pooling ? "mean" : "cls";
  object["classifier_activation"] = modern.classifier_activation;
  object["embedding_dropout"] = modern.embedding_dropout;
}

void check_modern(const ModelConfig& config, const std::string& name) {
  const auto fail = [&](const std::string& message) { throw ConfigError(name + ": " + message); };
  const ModernBertConfig& modern = config.modern;
  if (config.attention_head_size != 0)
    fail("\"attention_head_size\" is " + std::to_string(config.attention_head_size) +
         "; a modernbert model has heads of hidden_size / num_attention_heads");
  if (config.head_size() % 2 != 0)
    fail("\"num_attention_heads\" is " + std::to_string(config.num_attention_heads) + " for a hidden_size of " +
         std::to_string(config.hidden_size) + "; expected heads of an even size, since rotary positions turn pairs");
  if (modern.global_attn_every_n_layers < 1)
    fail("\"global_attn_every_n_layers\" is " + std::to_string(modern.global_attn_every_n_layers) +
         "; expected an integer ≥ 1");
  if (modern.local_attention < 2)
    fail("\"local_attention\" is " + std::to_string(modern.local_attention) + "; expected an integer ≥ 2");
  if (!modern.layer_types.empty() && modern.layer_types.size() != static_cast<std::size_t>(config.num_hidden_layers))
    fail("\"layer_types\" has " + std::to_string(modern.layer_types.size()) + " layers; expected " +
         std::to_string(config.num_hidden_layers));
  if (!head_activations().contains(modern.classifier_activation))
    fail("\"classifier_activation\" is " + quote(modern.classifier_activation) + "; expected one of " +
         names_in(head_activations()));
}

Sight modern_sight(const ModelConfig& config, int layer) {
  const ModernBertConfig& modern = config.modern;
  if (modern.is_global(layer)) return {.theta = modern.global_rope_theta};
  return {.window = modern.local_attention / 2, .theta = modern.local_rope_theta};
}

}  // namespace

std::vector<Backbone> modernbert() {
  return {{.model_type = "modernbert",
           .architecture = "ModernBertForSequenceClassification",
           .embeddings = "model.embeddings",
           .has_token_types = false,
           .has_positions = false,
           .final_norm = "model.final_norm",
           .head = {.dense = "head.dense",
                    .output = "classifier",
                    .activation = kernels::Activation::gelu,
                    .dropout_before_dense = false,
                    .norm = "head.norm"},
           .mask_head = {.dense = "head.dense", .output = "decoder", .norm = "head.norm"},
           .has_same_head_for_tokens = true,
           .default_classifier_dropout = 0,
           .config_names = {{"hidden_act", "hidden_activation"},
                            {"layer_norm_eps", "norm_eps"},
                            {"hidden_dropout_prob", "mlp_dropout"},
                            {"attention_probs_dropout_prob", "attention_dropout"}},
           .layer = modern_layer,
           .first_position = [](const ModelConfig&) { return 0; },
           .set_defaults =
               [](ModelConfig& config) {
                 config.layer_norm_eps = 1e-5;
                 config.type_vocab_size = 0;
                 config.hidden_dropout_prob = 0;
                 config.attention_probs_dropout_prob = 0;
                 config.pad_token_id = 50283;
               },
           .biases =
               [](const ModelConfig& config) {
                 const ModernBertConfig& modern = config.modern;
                 return Biases{.attention = modern.attention_bias,
                               .feed_forward = modern.mlp_bias,
                               .norm = modern.norm_bias,
                               .head = modern.classifier_bias};
               },
           .sight = modern_sight,
           .head_pooling =
               [](const ModelConfig& config) {
                 return config.modern.mean_pooling ? HeadPooling::mean : HeadPooling::first_token;
               },
           .head_activation =
               [](const ModelConfig& config) { return head_activations().at(config.modern.classifier_activation); },
           .embedding_dropout = [](const ModelConfig& config) { return config.modern.embedding_dropout; },
           .read_config = read_modern_config,
           .write_config = write_modern_config,
           .check = check_modern,
           .canonical_name = modern_canonical_name,
           .saved_name = modern_saved_name}};
}

}  // namespace sharcs::internal::backbones
