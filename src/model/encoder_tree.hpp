#pragma once

#include <algorithm>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/matrix_view.hpp"
#include "model/backbone.hpp"
#include "model/parameter_store.hpp"
#include "nn/router.hpp"
#include "nn/transformer_layer.hpp"
#include "sharcs/model_config.hpp"

namespace sharcs::internal {

/// A head that answers after a layer of full width.
template <class L>
struct Exit {
  int layer;  ///< after which it stands, from 1
  L dense, output;
  std::optional<L> score;  ///< of the answer: the logit of its being right
};

/// The parameters of an encoder in the shape of the encoder. `L` is what stands for a linear layer (a view, or a packed
/// weight), T the scalar of everything else. Built by build_encoder_tree, in which the structure is written down once.
template <class L, class T>
struct EncoderTree {
  using Layer = TransformerLayer<L, T>;

  MatrixView<T> word_embeddings, position_embeddings, token_type_embeddings;
  LayerNormView<T> embedding_norm;
  std::optional<L> embedding_projection;
  /// One entry for each layer that has parameters of its own: one only where the backbone shares them.
  std::vector<Layer> layers;
  std::optional<Router<L, T>> router;
  std::vector<Exit<L>> exits;
  L head_dense, head_output;

  /// The parameters of layer `i` of the encoder.
  const Layer& layer(Index i) const { return layers[layers.size() == 1 ? 0 : static_cast<std::size_t>(i)]; }
};

/// Walks the structure of an encoder and asks `source` for each part:
///   L source.linear(name, outputs, inputs, component);
///   LayerNormView<T> source.norm(name, size, width_index, starts_from);
///     width_index −1: every width; starts_from: the plain LayerNorm of a private one
///   MatrixView<T> source.table(name, rows, cols);
///   std::span<T> source.constants(name, count, value, width_index);
/// The source may collect names and shapes, bind views, or pack weights.
template <class L, class T, class Source>
EncoderTree<L, T> build_encoder_tree(const ModelConfig& config, const WidthSet& widths, Source&& source) {
  const Backbone& backbone = find_backbone(config.model_type);
  const Index hidden = config.hidden_size, attention = widths.full().attention(), ffn = config.intermediate_size;
  const Index embedding = config.word_embedding_size();
  EncoderTree<L, T> tree;
  const bool full_is_plain = config.sharcs && config.sharcs->full_width_norm == FullWidthNorm::plain;
  const auto norm = [&](const std::string& name, Index size, int width = -1) {
    return source.norm(name, size, width, std::string());
  };
  /// Plain full width has none, and other widths only in the layers that they run; an empty view stands for it there.
  const auto private_norm = [&](const std::string& name, const Width& width, const std::string& starts_from) {
    if (full_is_plain && width.index() == widths.widest().index()) return LayerNormView<T>();
    return source.norm(name + "_" + width.suffix(), width.hidden(), width.index(), starts_from);
  };

  tree.word_embeddings = source.table(backbone.embeddings + ".word_embeddings.weight", config.vocab_size, embedding);
  if (backbone.has_positions)
    tree.position_embeddings =
        source.table(backbone.embeddings + ".position_embeddings.weight", config.max_position_embeddings, embedding);
  if (backbone.has_token_types)
    tree.token_type_embeddings =
        source.table(backbone.embeddings + ".token_type_embeddings.weight", config.type_vocab_size, embedding);
  tree.embedding_norm = norm(backbone.embeddings + ".LayerNorm", embedding);
  if (backbone.projects_embeddings(config))
    tree.embedding_projection = source.linear(backbone.embedding_projection, hidden, embedding, Component::encoder);

  MatrixView<T> relative_bias;
  if (!backbone.relative_bias.empty())
    relative_bias =
        source.table(backbone.relative_bias, config.relative_attention_num_buckets, config.num_attention_heads);

  MatrixView<T> positions;
  LayerNormView<T> position_norm;
  const DistanceRows distances = backbone.distances(config);
  if (!backbone.relative_positions.empty()) {
    positions = source.table(backbone.relative_positions, 2 * distances.span, hidden);
    position_norm = norm(backbone.relative_position_norm, hidden);
  }

  const int stem = config.sharcs ? config.sharcs->adaptive_layer_idx : config.num_hidden_layers;
  const int own_layers = backbone.shares_layers ? 1 : config.num_hidden_layers;
  for (int i = 0; i < own_layers; ++i) {
    const LayerNames names = backbone.layer(i);
    TransformerLayer<L, T> layer;
    layer.query = source.linear(names.query, attention, hidden, Component::encoder);
    layer.key = source.linear(names.key, attention, hidden, Component::encoder);
    layer.value = source.linear(names.value, attention, hidden, Component::encoder);
    layer.attention_output = source.linear(names.attention_output, hidden, attention, Component::encoder);
    layer.intermediate = source.linear(names.intermediate, ffn, hidden, Component::encoder);
    layer.output = source.linear(names.output, hidden, ffn, Component::encoder);
    layer.relative_bias = relative_bias;
    layer.positions = positions;
    layer.position_norm = position_norm;
    layer.distances = distances;
    if (i < stem || full_is_plain) {
      const int only = i < stem ? -1 : widths.widest().index();
      layer.attention_norm = norm(names.attention_norm, hidden, only);
      layer.output_norm = norm(names.output_norm, hidden, only);
    }
    if (config.sharcs && (i >= stem || backbone.shares_layers)) {
      for (const Width& width : widths) {
        const bool runs = backbone.shares_layers || std::ranges::find(width.layers(), i) != width.layers().end();
        if (!runs) {
          layer.private_attention_norms.emplace_back();
          layer.private_output_norms.emplace_back();
          continue;
        }
        layer.private_attention_norms.push_back(private_norm(names.attention_norm, width, names.attention_norm));
        layer.private_output_norms.push_back(private_norm(names.output_norm, width, names.output_norm));
      }
    }
    tree.layers.push_back(std::move(layer));
  }

  if (config.sharcs) {
    const LayerNames last = backbone.layer(stem - 1);
    const std::string& scope = last.router_scope;
    // Where layers are shared, the reduction's LayerNorms cannot take the layer's names: those are its private ones.
    const std::string reduction_norm = backbone.shares_layers ? scope + "reduction_LayerNorm" : last.output_norm;
    auto& router = tree.router.emplace();
    router.hidden = source.linear(scope + "router.0", config.sharcs->hidden_size_router, hidden, Component::router);
    router.output =
        source.linear(scope + "router.2", widths.size(), config.sharcs->hidden_size_router, Component::router);
    for (const Width& width : widths) {
      const bool reduces = !full_is_plain || width.index() != widths.widest().index();
      if (config.sharcs->weighted_dim_reduction && !reduces) router.reduction_weights.emplace_back();
      if (config.sharcs->weighted_dim_reduction && reduces)
        router.reduction_weights.push_back(
            source.constants(scope + "dim_reduction_weights." + std::to_string(width.index()), hidden / width.hidden(),
                             width.fraction(), width.index()));
      router.reduction_norms.push_back(private_norm(reduction_norm, width, last.output_norm));
    }
  }

  for (const int layer : config.sharcs ? config.sharcs->exits : std::vector<int>()) {
    const std::string name = "exits." + std::to_string(layer) + ".";
    Exit<L> exit = {.layer = layer,
                    .dense = source.linear(name + "dense", hidden, hidden, Component::exit),
                    .output = source.linear(name + "output", config.num_labels(), hidden, Component::exit),
                    .score = {}};
    if (config.sharcs->exit_scores) exit.score = source.linear(name + "score", 1, hidden, Component::exit);
    tree.exits.push_back(std::move(exit));
  }

  tree.head_dense = source.linear(backbone.head.dense, hidden, hidden, Component::encoder);
  tree.head_output = source.linear(backbone.head.output, config.num_labels(), hidden, Component::encoder);
  return tree;
}

/// Calls body(linear) for every linear layer of an EncoderTree, which may be constant.
template <class Tree, class Body>
void for_each_linear(Tree& tree, const Body& body) {
  if (tree.embedding_projection) body(*tree.embedding_projection);
  for (auto& layer : tree.layers)
    for (auto* linear :
         {&layer.query, &layer.key, &layer.value, &layer.attention_output, &layer.intermediate, &layer.output})
      body(*linear);
  if (tree.router) {
    body(tree.router->hidden);
    body(tree.router->output);
  }
  for (auto& exit : tree.exits) {
    body(exit.dense);
    body(exit.output);
    if (exit.score) body(*exit.score);
  }
  body(tree.head_dense);
  body(tree.head_output);
}

/// Every parameter of the model, in the order of the encoder.
std::vector<ParameterSpec> parameter_specs(const ModelConfig& config, const WidthSet& widths);

/// Views of parameters (T = float) or of their gradients, or constant ones (T = const float).
template <class T>
using EncoderParameters = EncoderTree<LinearView<T>, T>;

/// Binds views to a store with the layout of parameter_specs(config, widths).
template <class T>
EncoderParameters<T> bind_parameters(const ModelConfig& config, const WidthSet& widths, ParameterStore<T>& store);

}  // namespace sharcs::internal
