#pragma once

#include <memory>

#include "core/workspace.hpp"
#include "kernels/embedding.hpp"
#include "model/encoder_tree.hpp"
#include "model/ragged_batch.hpp"
#include "nn/dropout_plan.hpp"
#include "nn/head.hpp"
#include "sharcs/routing.hpp"

namespace sharcs::internal {

/// The parameters as a pass reads them: linear layers packed, the rest as views.
template <class T>
using EncoderWeights = EncoderTree<Linear<T>, const T>;

/// What the embeddings' forward leaves for their backward.
template <class T>
struct EmbeddingCache {
  std::vector<std::int32_t> positions;  ///< of each token
  MatrixView<T> sum;                    ///< [tokens, embedding size]: input of the LayerNorm
  std::span<kernels::RowStatistics<T>> statistics;
  MatrixView<T> normal;  ///< [tokens, embedding size], after LayerNorm and dropout
  MatrixView<T> output;  ///< [tokens, hidden]: `normal`, or its projection
};

/// What a slice of a layer makes of the whole table of relative positions: [2 · span, attention], row by row.
template <class T>
struct KnownPositions {
  std::vector<T> key, query;
};

/// What of a Sight a pass uses.
struct LayerSight {
  Index window = 0;
  std::shared_ptr<const RotaryAngles> rotary = {};
};

/// An encoder ready to run: configuration, widths and weights. Passes over it (TrainingPass, RoutedPass) only read it.
template <class T>
struct Encoder {
  ModelConfig config;
  WidthSet widths;
  std::vector<Answer> answers;  ///< answers_of(config)
  const Backbone* backbone;
  kernels::Activation activation;
  std::vector<LayerSight> sights;  ///< by layer
  EncoderWeights<T> weights;
  /// The word embeddings of an engine with int8 weights, in place of weights.word_embeddings.
  kernels::Int8Table int8_words = {};
  /// The same of an engine with bf16 weights, as the bits of bf16 numbers: [words, embedding size].
  MatrixView<const std::uint16_t> bf16_words = {};

  /// Of an engine, whose weights do not change: for each layer, by width index, and last of the whole layer. Empty
  /// where the backbone has no relative positions, or the passes are to compute them.
  std::vector<std::vector<KnownPositions<T>>> known_positions = {};

  explicit Encoder(const ModelConfig& model_config);
  /// Computes known_positions. The weights have to be there.
  void project_positions();
  std::size_t known_position_bytes() const;

  Index stem_layers() const { return config.sharcs ? config.sharcs->adaptive_layer_idx : config.num_hidden_layers; }
  T eps() const { return static_cast<T>(config.layer_norm_eps); }
  float classifier_dropout() const;
  /// Where it differs from hidden_dropout_prob.
  std::optional<float> embedding_dropout() const;

  /// Whether the adaptive layers at this width are the encoder's own: full width with "full_width_norm" plain.
  bool is_plain(const Width& width) const {
    return config.sharcs && config.sharcs->full_width_norm == FullWidthNorm::plain &&
           width.index() == widths.widest().index();
  }
  /// Layer `index` at full width with its own LayerNorms, as in the stem. The offsets are those of the LayerPass.
  LayerPass<T> stem_layer(Index index, std::span<const Index> offsets, std::span<const Index> output_offsets) const;
  /// Layer `index` at `width` with the width's LayerNorms: the private ones, or the layer's own where is_plain(width).
  LayerPass<T> adaptive_layer(Index index, const Width& width, std::span<const Index> offsets,
                              std::span<const Index> output_offsets) const;
  /// Whether the head reads the mean of all tokens.
  bool reads_means() const { return backbone->pooling_of(config) == HeadPooling::mean; }
  /// Whether it reads the first token only: then the last layer is asked for no other.
  bool reads_first_tokens() const { return !config.per_token && !reads_means(); }
  /// Behind the last layer at this width, of the weights or of their gradients; none where layers are not pre-norm.
  template <class Tree>
  auto final_norm(const Tree& tree, const Width& width) const {
    if (!backbone->is_pre_norm()) return decltype(tree.final_norm)();
    return config.sharcs && !is_plain(width) ? tree.private_final_norms[static_cast<std::size_t>(width.index())]
                                             : tree.final_norm;
  }
  /// What the last layer's output becomes by that LayerNorm: the output itself where there is none. statistics: one a
  /// row, or empty.
  MatrixView<const T> finished(MatrixView<const T> x, const Width& width,
                               std::span<kernels::RowStatistics<T>> statistics, Workspace& workspace) const;
  HeadPass<T> head() const;
  /// The head of an exit: a dense layer, tanh, dropout and a classifier, like BERT's own, on what pool_for_exit()
  /// gives; with pre-norm on its LayerNorm. Of a model that labels tokens: dropout and a classifier on the tokens
  /// themselves (SENTEE, Li et al. 2021, arXiv:2105.13878). Of one that fills masks: as full width's head, with which
  /// it shares the last layer.
  HeadPass<T> head(const Exit<Linear<T>, const T>& exit) const;

  /// What an exit reads of each sample, whose tokens are the rows begins[s] .. ends[s] − 1 of x: [samples, hidden].
  void pool_for_exit(ConstMatrix<T> x, std::span<const Index> begins, std::span<const Index> ends,
                     MatrixView<T> pooled) const;

  /// The embeddings that the backbone has, of words, positions and token types, LayerNorm, dropout, projection. The
  /// result stands in `workspace`.
  EmbeddingCache<T> embed(const RaggedBatch& batch, const DropoutPlan& dropout, Workspace& workspace) const;
  /// d_output: [tokens, hidden], overwritten.
  void embed_backward(const RaggedBatch& batch, const EmbeddingCache<T>& cache, const DropoutPlan& dropout,
                      MatrixView<T> d_output, const EncoderParameters<T>& gradient, Workspace& workspace) const;

 private:
  LayerPass<T> layer_pass(Index index, const LayerSlice& slice, std::span<const Index> offsets,
                          std::span<const Index> output_offsets) const;
};

}  // namespace sharcs::internal
