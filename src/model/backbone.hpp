#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "io/json_cursor.hpp"
#include "kernels/gemm.hpp"
#include "nn/head.hpp"
#include "nn/relative_positions.hpp"
#include "sharcs/model_config.hpp"

namespace sharcs::internal {

/// The parameter names of one transformer layer; ".weight" and ".bias" follow. Where query, key and value have one
/// name, they stand below one another in one parameter.
struct LayerNames {
  std::string query, key, value, attention_output;
  std::string attention_norm;  ///< empty: the layer has none, which a pre-norm layer may lack
  std::string intermediate, output, output_norm;
  /// Whether the activation is multiplied by a gate, whose weight is the lower half of the parameter `intermediate`.
  bool gated = false;
  /// Stem of the names that SHARCS adds at the router's layer: router.0, router.2, dim_reduction_weights.i.
  std::string router_scope;
};

/// The classification head: `dense` on the first token (input sliced to the width), an activation, then `output`. Or,
/// for tokens, `output` alone on each (input sliced to the width); `dense` is then empty.
struct HeadNames {
  std::string dense, output;
  kernels::Activation activation = kernels::Activation::tanh;
  /// RoBERTa drops out before the dense layer too.
  bool dropout_before_dense = false;
  std::string norm = {};  ///< the LayerNorm behind the activation; empty: none
};

/// Which parts of an encoder have biases. The classifier always has one.
struct Biases {
  bool attention = true, feed_forward = true, norm = true, head = true;
};

/// Which tokens a layer's tokens see, and by what angles their positions turn queries and keys.
struct Sight {
  int window = 0;    ///< of kernels::Attention
  double theta = 0;  ///< of RotaryAngles; 0: no rotary positions
};

/// Whether the embeddings go through a linear layer: ALBERT's always do, ELECTRA's where they are not of the hidden
/// size.
enum class EmbeddingProjection { never, where_sizes_differ, always };

/// What makes one family of encoders differ from another.
///
/// A new family is one new file: model/backbones/NAME.cpp with a function NAME() that returns its backbones. CMake
/// writes the list of these functions (cmake/registry.cmake).
struct Backbone {
  std::string model_type;
  /// The class of Hugging Face's that loads a saved model of texts: config.json's "architectures".
  std::string architecture;
  /// "bert.embeddings": word_embeddings, position_embeddings, token_type_embeddings and LayerNorm follow.
  std::string embeddings;
  bool has_token_types;
  /// ALBERT: all layers are one.
  bool shares_layers = false;
  /// Whether a linear layer of that name makes hidden states of the embeddings, which may be of another size.
  EmbeddingProjection projection = EmbeddingProjection::never;
  std::string embedding_projection = {};
  /// Whether a token's own position has an embedding.
  bool has_positions = true;
  /// Names of the table of relative positions (nn/relative_positions.hpp) and of its LayerNorm; empty where there are
  /// none.
  std::string relative_positions = {}, relative_position_norm = {};
  /// Name of the LayerNorm behind the last layer, where LayerNorms stand before attention and feed-forward (pre-norm);
  /// empty where they stand behind them.
  std::string final_norm = {};
  /// Name of the table of the relative attention bias (nn/relative_bias.hpp); empty where there is none.
  std::string relative_bias = {};
  /// Accepted values of hidden_act.
  std::map<std::string, kernels::Activation> activations = {{"gelu", kernels::Activation::gelu},
                                                            {"gelu_python", kernels::Activation::gelu},
                                                            {"gelu_new", kernels::Activation::gelu_tanh},
                                                            {"gelu_fast", kernels::Activation::gelu_tanh},
                                                            {"gelu_accurate", kernels::Activation::gelu_tanh},
                                                            {"gelu_pytorch_tanh", kernels::Activation::gelu_tanh},
                                                            {"gelu_python_tanh", kernels::Activation::gelu_tanh},
                                                            {"quick_gelu", kernels::Activation::quick_gelu},
                                                            {"relu", kernels::Activation::relu},
                                                            {"silu", kernels::Activation::silu},
                                                            {"swish", kernels::Activation::silu}};
  HeadNames head;
  /// The head of a model that fills masks, on each masked token: a dense layer (input sliced to the width, output of
  /// the word embeddings' size), an activation, a LayerNorm, and the word embeddings, with a bias called `output`.bias.
  HeadNames mask_head = {};
  bool mask_head_has_hidden_act = false;  ///< its activation is hidden_act
  /// Whether the head of a model that labels tokens is the same, on each token. Of others it is a classifier alone.
  bool has_same_head_for_tokens = false;
  /// Dropout before the classifier where config.json does not say: negative means hidden_dropout_prob.
  double default_classifier_dropout = -1;
  /// The key of config.json for the same in front of the scores of an answer's ends, 0.1 where it does not stand there;
  /// empty: none is dropped.
  std::string answer_dropout_name = {};
  /// Keys of config.json that the family spells in its own way: from ModelConfig's name to its own.
  std::map<std::string, std::string> config_names = {};
  /// Keys of config.json, as JSON, whose other values ask for an architecture that is not this one.
  std::map<std::string, std::string> fixed_config = {{"position_embedding_type", "\"absolute\""}};
  LayerNames (*layer)(int index);
  /// The position id of a sample's first token.
  int (*first_position)(const ModelConfig&);
  /// Tokens with this id are not counted: they have the position before the first one, and the token behind them goes
  /// on as if they were not there. Null: every token counts.
  int (*uncounted_id)(const ModelConfig&) = nullptr;
  /// Defaults of the family's config.json where they differ from BERT's.
  void (*set_defaults)(ModelConfig&);
  /// What depends on the configuration. Null: all biases, all tokens, the first token,
  /// head.activation, hidden_dropout_prob.
  Biases (*biases)(const ModelConfig&) = nullptr;
  Sight (*sight)(const ModelConfig&, int layer) = nullptr;
  HeadPooling (*head_pooling)(const ModelConfig&) = nullptr;
  kernels::Activation (*head_activation)(const ModelConfig&) = nullptr;
  double (*embedding_dropout)(const ModelConfig&) = nullptr;
  /// Reads and writes what the family's config.json has beside the keys of all. Reading throws ConfigError for values
  /// that ask for another architecture. Null: nothing.
  void (*read_config)(const JsonCursor&, ModelConfig&) = nullptr;
  void (*write_config)(const ModelConfig&, nlohmann::ordered_json&) = nullptr;
  /// Throws ConfigError, beginning with the name, where sizes do not fit together. Null: nothing of the family's own.
  void (*check)(const ModelConfig&, const std::string& name) = nullptr;
  /// The library's name of a tensor that is called `name` on disk, for other spellings of the same model.
  std::string (*canonical_name)(const std::string& name);
  /// The name under which the tensor is saved, so that Hugging Face's loader finds it.
  std::string (*saved_name)(const std::string& name);

  /// The head of this model.
  HeadNames head_of(const ModelConfig& config) const {
    if (config.fills_masks) return mask_head;
    if (!config.per_token || has_same_head_for_tokens) return head;
    return {.dense = "", .output = config.finds_answers ? "qa_outputs" : "classifier"};
  }
  /// Dropout before the classifier.
  double classifier_dropout_of(const ModelConfig& config) const;
  /// The class of Hugging Face's for this model: BertForTokenClassification in place of BertForSequenceClassification.
  std::string architecture_of(const ModelConfig& config) const;

  /// Of the table of relative positions.
  DistanceRows distances(const ModelConfig& config) const {
    const Index farthest =
        config.max_relative_positions > 0 ? config.max_relative_positions : config.max_position_embeddings;
    if (config.position_buckets > 0) return {.span = config.position_buckets, .farthest = farthest};
    return {.span = farthest};
  }
  bool is_pre_norm() const { return !final_norm.empty(); }
  Biases biases_of(const ModelConfig& config) const { return biases == nullptr ? Biases() : biases(config); }
  Sight sight_of(const ModelConfig& config, int index) const {
    return sight == nullptr ? Sight() : sight(config, index);
  }
  /// Of a model that labels texts; one that labels tokens reads each.
  HeadPooling pooling_of(const ModelConfig& config) const {
    return head_pooling == nullptr || config.per_token ? HeadPooling::first_token : head_pooling(config);
  }
  kernels::Activation activation_of_head(const ModelConfig& config) const {
    if (config.fills_masks && mask_head_has_hidden_act) return activations.at(config.hidden_act);
    return head_activation == nullptr ? head_of(config).activation : head_activation(config);
  }
  bool projects_embeddings(const ModelConfig& config) const {
    return projection == EmbeddingProjection::always || (projection == EmbeddingProjection::where_sizes_differ &&
                                                         config.word_embedding_size() != config.hidden_size);
  }
  /// Tokens of the longest sample that there are positions for.
  int max_tokens(const ModelConfig& config) const { return config.max_position_embeddings - first_position(config); }
  /// What of an input the model has no embedding for, as a message goes on ("has the token id 17; expected 0 to 16");
  /// empty when nothing. `token_types` may be empty: all 0.
  std::string beyond_embeddings(const ModelConfig& config, std::span<const std::int32_t> ids,
                                std::span<const std::int32_t> token_types) const;
  /// The name of the table.
  std::string word_embeddings() const { return embeddings + ".word_embeddings.weight"; }
  /// config.json's name for a field of ModelConfig.
  const std::string& config_name(const std::string& field) const {
    const auto own = config_names.find(field);
    return own == config_names.end() ? field : own->second;
  }
};

namespace backbones {
/// Those of every file in model/backbones/. Written by CMake.
std::vector<Backbone> all();
}  // namespace backbones

/// Throws ConfigError naming `file` and the known types.
const Backbone& find_backbone(const std::string& model_type, const std::string& file = "config.json");

/// "bert, roberta, …", for messages.
std::string known_backbones();

}  // namespace sharcs::internal
