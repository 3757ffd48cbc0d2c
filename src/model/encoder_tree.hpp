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
template <class L, class T>
struct Exit {
  int layer;                        ///< after which it stands, from 1
  std::optional<L> dense;           ///< none where it labels words
  std::optional<L> output;          ///< none where it fills masks: that of full width's head serves
  std::optional<L> score;           ///< of the answer: the logit of its being right
  LayerNormView<T> norm = {};       ///< of what it reads, where layers are pre-norm
  LayerNormView<T> head_norm = {};  ///< behind the activation, where it fills masks
};

/// Whether a narrow width keeps the token vectors whole: it goes on from the stem's as they are.
inline bool keeps_token_vectors(const ModelConfig& config, const Width& width) {
  return !width.is_full() && width.hidden() == config.hidden_size;
}

/// A linear layer of an encoder: a parameter NAME.weight of `outputs` rows, or some rows of it, and NAME.bias. Or the
/// table `tied_to` in place of NAME.weight.
struct LinearPart {
  std::string name;
  Index outputs, inputs;
  Component component = Component::encoder;
  bool has_bias = true;
  Index first_row = 0;  ///< of the layer in the parameter
  Index all_rows = 0;   ///< of the parameter; 0: it is the layer's alone
  std::string tied_to = {};

  std::string weight() const { return tied_to.empty() ? name + ".weight" : tied_to; }
  Index rows() const { return all_rows > 0 ? all_rows : outputs; }
};

/// A LayerNorm of an encoder.
struct NormPart {
  std::string name;
  Index size;
  int width = -1;                ///< the width that alone uses it; −1: every width
  std::string starts_from = {};  ///< the plain LayerNorm of a private one
  bool has_bias = true;
  Component component = Component::encoder;
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
  std::vector<Exit<L, T>> exits;
  /// Behind the last layer where layers are pre-norm: full width's where that is plain, and the others' by width index.
  LayerNormView<T> final_norm;
  std::vector<LayerNormView<T>> private_final_norms;
  std::optional<L> head_dense;  ///< none where the classifier stands on the tokens themselves
  L head_output;
  LayerNormView<T> head_norm;  ///< behind the head's activation, where the backbone has one

  /// The parameters of layer `i` of the encoder.
  const Layer& layer(Index i) const { return layers[layers.size() == 1 ? 0 : static_cast<std::size_t>(i)]; }
};

/// Walks the structure of an encoder and asks `source` for each part:
///   L source.linear(LinearPart);
///     the parts of one parameter come one after the other, the first rows first
///   LayerNormView<T> source.norm(NormPart);
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
  const Biases biases = backbone.biases_of(config);
  const auto norm = [&](const std::string& name, Index size, int width = -1) {
    return source.norm(NormPart{.name = name, .size = size, .width = width, .has_bias = biases.norm});
  };
  /// Plain full width has none, and other widths only in the layers that they run; an empty view stands for it there.
  const auto private_norm = [&](const std::string& name, const Width& width, const std::string& starts_from) {
    if (full_is_plain && width.index() == widths.widest().index()) return LayerNormView<T>();
    return source.norm(NormPart{.name = name + "_" + width.suffix(),
                                .size = width.hidden(),
                                .width = width.index(),
                                .starts_from = starts_from,
                                .has_bias = biases.norm});
  };
  /// With pre-norm, of what stands beside the layers, which norm what they read.
  const auto side_norm = [&](const std::string& name, Component component) {
    if (!backbone.is_pre_norm()) return LayerNormView<T>();
    return source.norm(NormPart{.name = name,
                                .size = hidden,
                                .starts_from = backbone.final_norm,
                                .has_bias = biases.norm,
                                .component = component});
  };
  const auto linear = [&](const std::string& name, Index outputs, Index inputs, bool has_bias = true,
                          Component component = Component::encoder) {
    return source.linear(
        LinearPart{.name = name, .outputs = outputs, .inputs = inputs, .component = component, .has_bias = has_bias});
  };
  /// Number `place` of `count` layers of one size that stand in one parameter.
  const auto part = [&](const std::string& name, Index outputs, Index inputs, bool has_bias, Index place, Index count) {
    return source.linear(LinearPart{.name = name,
                                    .outputs = outputs,
                                    .inputs = inputs,
                                    .has_bias = has_bias,
                                    .first_row = place * outputs,
                                    .all_rows = count * outputs});
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
    tree.embedding_projection = linear(backbone.embedding_projection, hidden, embedding);

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
    const bool is_fused = names.query == names.key;
    layer.query = part(names.query, attention, hidden, biases.attention, 0, is_fused ? 3 : 1);
    layer.key = part(names.key, attention, hidden, biases.attention, is_fused ? 1 : 0, is_fused ? 3 : 1);
    layer.value = part(names.value, attention, hidden, biases.attention, is_fused ? 2 : 0, is_fused ? 3 : 1);
    layer.attention_output = linear(names.attention_output, hidden, attention, biases.attention);
    layer.intermediate = part(names.intermediate, ffn, hidden, biases.feed_forward, 0, names.gated ? 2 : 1);
    if (names.gated) layer.gate = part(names.intermediate, ffn, hidden, biases.feed_forward, 1, 2);
    layer.output = linear(names.output, hidden, ffn, biases.feed_forward);
    layer.relative_bias = relative_bias;
    layer.positions = positions;
    layer.position_norm = position_norm;
    layer.distances = distances;
    if (i < stem || full_is_plain) {
      const int only = i < stem ? -1 : widths.widest().index();
      if (!names.attention_norm.empty()) layer.attention_norm = norm(names.attention_norm, hidden, only);
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

  if (backbone.is_pre_norm()) {
    if (!config.sharcs || full_is_plain)
      tree.final_norm = norm(backbone.final_norm, hidden, config.sharcs ? widths.widest().index() : -1);
    if (config.sharcs)
      for (const Width& width : widths)
        tree.private_final_norms.push_back(private_norm(backbone.final_norm, width, backbone.final_norm));
  }

  if (config.sharcs) {
    const LayerNames last = backbone.layer(stem - 1);
    const std::string& scope = last.router_scope;
    // Where layers are shared, the reduction's LayerNorms cannot take the layer's names: those are its private ones.
    const std::string reduction_norm = backbone.shares_layers ? scope + "reduction_LayerNorm" : last.output_norm;
    auto& router = tree.router.emplace();
    const int router_size = config.sharcs->hidden_size_router;
    router.norm = side_norm(scope + "router.norm", Component::router);
    router.hidden = linear(scope + "router.0", router_size, hidden, true, Component::router);
    router.output = linear(scope + "router.2", widths.size(), router_size, true, Component::router);
    for (const Width& width : widths) {
      const bool reduces = !full_is_plain || width.index() != widths.widest().index();
      if (config.sharcs->weighted_dim_reduction && !reduces) router.reduction_weights.emplace_back();
      if (config.sharcs->weighted_dim_reduction && reduces)
        router.reduction_weights.push_back(
            source.constants(scope + "dim_reduction_weights." + std::to_string(width.index()), hidden / width.hidden(),
                             width.fraction(), width.index()));
      router.reduction_norms.push_back(backbone.is_pre_norm() || keeps_token_vectors(config, width)
                                           ? LayerNormView<T>()
                                           : private_norm(reduction_norm, width, last.output_norm));
    }
  }

  for (const int layer : config.sharcs ? config.sharcs->exits : std::vector<int>()) {
    const std::string name = "exits." + std::to_string(layer) + ".";
    Exit<L, T> exit = {.layer = layer, .dense = {}, .output = {}, .score = {}};
    const Index dense_outputs = config.fills_masks ? embedding : hidden;
    if (!config.per_token || config.fills_masks)
      exit.dense = linear(name + "dense", dense_outputs, hidden, true, Component::exit);
    if (config.fills_masks)
      exit.head_norm = source.norm(NormPart{
          .name = name + "head_norm", .size = embedding, .has_bias = biases.norm, .component = Component::exit});
    else
      exit.output = linear(name + "output", config.num_labels(), hidden, true, Component::exit);
    if (config.sharcs->exit_scores) exit.score = linear(name + "score", 1, hidden, true, Component::exit);
    exit.norm = side_norm(name + "norm", Component::exit);
    tree.exits.push_back(std::move(exit));
  }

  const HeadNames head = backbone.head_of(config);
  const Index head_size = config.fills_masks ? embedding : hidden;
  if (!head.dense.empty()) tree.head_dense = linear(head.dense, head_size, hidden, biases.head);
  if (!head.norm.empty()) tree.head_norm = norm(head.norm, head_size);
  tree.head_output = source.linear(LinearPart{.name = head.output,
                                              .outputs = config.num_labels(),
                                              .inputs = head_size,
                                              .tied_to = config.fills_masks ? backbone.word_embeddings() : ""});
  return tree;
}

/// Calls body(linear) for every linear layer of an EncoderTree, which may be constant.
template <class Tree, class Body>
void for_each_linear(Tree& tree, const Body& body) {
  if (tree.embedding_projection) body(*tree.embedding_projection);
  for (auto& layer : tree.layers) {
    for (auto* linear :
         {&layer.query, &layer.key, &layer.value, &layer.attention_output, &layer.intermediate, &layer.output})
      body(*linear);
    if (layer.gate) body(*layer.gate);
  }
  if (tree.router) {
    body(tree.router->hidden);
    body(tree.router->output);
  }
  for (auto& exit : tree.exits) {
    if (exit.dense) body(*exit.dense);
    if (exit.output) body(*exit.output);
    if (exit.score) body(*exit.score);
  }
  if (tree.head_dense) body(*tree.head_dense);
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
