#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "io/json_cursor.hpp"
#include "kernels/gemm.hpp"
#include "nn/relative_positions.hpp"
#include "sharcs/model_config.hpp"

namespace sharcs::internal {

/// The parameter names of one transformer layer; ".weight" and ".bias" follow.
struct LayerNames {
  std::string query, key, value, attention_output, attention_norm;
  std::string intermediate, output, output_norm;
  /// Stem of the names that SHARCS adds at the router's layer: router.0, router.2, dim_reduction_weights.i.
  std::string router_scope;
};

/// The classification head: `dense` on the first token (input sliced to the width), an activation, then `output`.
struct HeadNames {
  std::string dense, output;
  kernels::Activation activation;
  /// RoBERTa drops out before the dense layer too.
  bool dropout_before_dense;
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
  /// The class of Hugging Face's that loads a saved model: config.json's "architectures".
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
  /// Dropout before the classifier where config.json does not say: negative means hidden_dropout_prob.
  double default_classifier_dropout = -1;
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
  /// Reads and writes what the family's config.json has beside the keys of all. Reading throws ConfigError for values
  /// that ask for another architecture. Null: nothing.
  void (*read_config)(const JsonCursor&, ModelConfig&) = nullptr;
  void (*write_config)(const ModelConfig&, nlohmann::ordered_json&) = nullptr;
  /// The library's name of a tensor that is called `name` on disk, for other spellings of the same model.
  std::string (*canonical_name)(const std::string& name);
  /// The name under which the tensor is saved, so that Hugging Face's loader finds it.
  std::string (*saved_name)(const std::string& name);

  /// Of the table of relative positions.
  DistanceRows distances(const ModelConfig& config) const {
    const Index farthest =
        config.max_relative_positions > 0 ? config.max_relative_positions : config.max_position_embeddings;
    if (config.position_buckets > 0) return {.span = config.position_buckets, .farthest = farthest};
    return {.span = farthest};
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
