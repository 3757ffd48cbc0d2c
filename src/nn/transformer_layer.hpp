#pragma once

#include <memory>
#include <optional>
#include <span>
#include <type_traits>
#include <vector>

#include "core/stages.hpp"
#include "core/workspace.hpp"
#include "kernels/attention.hpp"
#include "nn/dropout_plan.hpp"
#include "nn/layer_norm.hpp"
#include "nn/linear.hpp"
#include "nn/relative_positions.hpp"
#include "nn/rotary.hpp"

namespace sharcs::internal {

/// The parameters of one transformer layer. `L` stands for a linear layer: Linear<T> in a pass, LinearView<T> for
/// gradients.
template <class L, class T>
struct TransformerLayer {
  L query, key, value, attention_output, intermediate, output;
  /// What the activation of `intermediate` is multiplied by (Shazeer 2020, arXiv:2002.05202, section 2); or none.
  std::optional<L> gate = {};
  /// The full-width LayerNorms of a stem layer: behind attention and feed-forward, or with pre-norm before them.
  LayerNormView<T> attention_norm, output_norm;
  /// The private ones of an adaptive layer, by width index (arXiv:2310.12126, section 3.2).
  std::vector<LayerNormView<T>> private_attention_norms, private_output_norms;
  /// The table of the relative attention bias, the same in every layer; empty where the backbone has none.
  MatrixView<T> relative_bias;
  /// The table of relative positions and its LayerNorm, the same in every layer; empty where the backbone has none.
  MatrixView<T> positions;
  LayerNormView<T> position_norm;
  DistanceRows distances;

  bool projects_in_int8() const { return query.int8 || key.int8 || value.int8; }
};

/// Which slice of a layer a pass runs, and with which LayerNorms.
struct LayerSlice {
  Index hidden;
  Index heads;
  Index head_size;
  Index ffn;
  /// Index of the private LayerNorms; −1: the layer's own.
  int width = -1;

  Index attention() const { return heads * head_size; }
  template <class L, class T>
  LayerNormView<T> attention_norm(const TransformerLayer<L, T>& layer) const {
    return width < 0 ? layer.attention_norm : layer.private_attention_norms[static_cast<std::size_t>(width)];
  }
  template <class L, class T>
  LayerNormView<T> output_norm(const TransformerLayer<L, T>& layer) const {
    return width < 0 ? layer.output_norm : layer.private_output_norms[static_cast<std::size_t>(width)];
  }
};

/// What a layer's forward leaves for its backward. tokens: of the batch; outputs: those whose output is wanted.
template <class T>
struct LayerCache {
  MatrixView<const T> input;         ///< [tokens, hidden]
  MatrixView<const T> output_input;  ///< [outputs, hidden]: the input's rows of the tokens whose output is wanted
  MatrixView<T> positions;           ///< [2 · longest − 1, model's hidden size]: rows of the table; or empty
  MatrixView<T> position_input;      ///< the same after LayerNorm and dropout
  MatrixView<T> position_key;        ///< [2 · longest − 1, attention]
  MatrixView<T> position_query;      ///< the same
  std::span<kernels::RowStatistics<T>> position_statistics;
  MatrixView<T> query;           ///< [outputs, attention]
  MatrixView<T> key_value;       ///< [tokens, 2 · attention]: key and value side by side
  std::span<T> probabilities;    ///< of all samples and heads, before dropout
  MatrixView<T> context;         ///< [outputs, attention]
  MatrixView<T> attention_sum;   ///< [outputs, hidden]: input of the attention's LayerNorm
  MatrixView<T> attended;        ///< [outputs, hidden]: its output
  MatrixView<T> pre_activation;  ///< [outputs, ffn]
  MatrixView<T> activation;      ///< [outputs, ffn]
  MatrixView<T> gate,
      gated;                 ///< [outputs, ffn]: of a gated feed-forward, what multiplies `activation`, and the product
  MatrixView<T> output_sum;  ///< [outputs, hidden]: input of the output's LayerNorm
  MatrixView<T> output;      ///< [outputs, hidden]
  std::span<kernels::RowStatistics<T>> attention_statistics, output_statistics;
  /// What query, key and value read: [outputs, hidden] and [tokens, hidden]; and the feed-forward: [outputs, hidden].
  /// Without pre-norm these are output_input, input and attended.
  MatrixView<const T> query_input, attention_input, feed_forward_input;
};

/// Post-LN transformer layer (Vaswani et al. 2017; Devlin et al. 2019) on the leading slice of its weights:
///   a = LN(x + dropout(Wo · attention(Wq x, Wk x, Wv x)));  y = LN(a + dropout(W2 · gelu(W1 · a)))
/// or, pre-norm and gated (ModernBERT, Warner et al. 2024, arXiv:2412.13663), with n = LN(x) and m = LN(a):
///   a = x + dropout(Wo · attention(Wq n, Wk n, Wv n));  y = a + W2 · dropout(gelu(W1 m) ∘ W3 m)
///
/// Every token is a key and a value. Outputs may be asked for the leading tokens of each sample only, as after the last
/// layer, of which the head reads the first token: the others' queries, contexts and feed-forward are not computed
/// then.
template <class T>
struct LayerPass {
  const TransformerLayer<Linear<T>, const T>& layer;
  LayerSlice slice;
  kernels::Activation activation;
  T eps;
  std::span<const Index> offsets;  ///< of the ragged batch
  std::span<const Index>
      output_offsets;  ///< the same for the outputs: sample s has output_offsets[s + 1] − [s] of them
  /// In an engine: what the slice makes of the whole table of relative positions, [2 · span, attention].
  MatrixView<const T> known_position_key = {}, known_position_query = {};
  bool pre_norm = false;  ///< then the feed-forward is gated
  /// Rotary positions of queries and keys; or null.
  const RotaryAngles* rotary = nullptr;
  Index window = 0;  ///< of kernels::Attention

  Index tokens() const { return offsets.back(); }
  Index outputs() const { return output_offsets.back(); }

  /// For inference. input: [tokens, hidden]; output: [outputs, hidden], not the same memory.
  void forward(ConstMatrix<T> input, MatrixView<T> output, Workspace& workspace) const;

  /// For training. The cache's memory comes from `workspace` and lives as long as it does.
  LayerCache<T> forward_training(ConstMatrix<T> input, const DropoutPlan& dropout, std::uint64_t layer_index,
                                 Workspace& workspace) const;

  /// d_output: [outputs, hidden], overwritten. d_input: [tokens, hidden], overwritten; the same memory as d_output when
  /// every token has an output, and else apart. Parameter gradients are added to `gradient`.
  /// `d_head_mask` ([heads] or empty): receives += Σ d_context · context of each head, the gradient of the loss by a
  /// mask on the head's output (Michel et al. 2019, arXiv:1905.10650).
  void backward(const LayerCache<T>& cache, const DropoutPlan& dropout, std::uint64_t layer_index,
                MatrixView<T> d_output, MatrixView<T> d_input, const TransformerLayer<LinearView<T>, T>& gradient,
                Workspace& workspace, std::span<T> d_head_mask = {}) const;

 private:
  // Of what follows, a function that takes stages adds its work to them; null: the work is done at once.

  /// The rows of the tokens that have an output: the view itself when all have.
  MatrixView<const T> output_rows(MatrixView<const T> x, Workspace& workspace, Stages* stages = nullptr) const;
  void project(MatrixView<const T> input, MatrixView<const T> output_input, MatrixView<T> query,
               MatrixView<T> key_value, Stages* stages = nullptr) const;
  /// project() where some or all of the three weights are int8.
  void project_int8(MatrixView<const T> input, MatrixView<const T> output_input, MatrixView<T> query,
                    MatrixView<T> key_value, Stages& stages) const requires std::is_same_v<T, float>;
  /// output = W2 · gelu(W1 · x) + x, where x = attended is normalized first, in place.
  void feed_forward(MatrixView<T> attended, MatrixView<T> output, Stages& stages) const;
  /// The same with pre-norm and gated. attended stays as it is.
  void gated_feed_forward(MatrixView<const T> attended, MatrixView<T> output, Stages& stages) const;
  /// What query, key and value read with pre-norm. statistics: [tokens], or empty.
  MatrixView<const T> normal_input(MatrixView<const T> input, std::span<kernels::RowStatistics<T>> statistics,
                                   Workspace& workspace, Stages* stages = nullptr) const;
  /// Of rotary positions, for the longest sample; null where the layer has none.
  using Angles = std::shared_ptr<const std::vector<float>>;
  Angles angles() const;
  /// Turns queries and keys by their positions, where these are rotary.
  void turn(MatrixView<T> query, MatrixView<T> key, const Angles& by, Turn turn, Stages* stages = nullptr) const;
  kernels::Attention<T> attention(MatrixView<const T> query, MatrixView<const T> key_value) const;
  Index longest_sample() const;
  /// The relative attention bias by distance; empty where the layer has none.
  MatrixView<const T> bias(Workspace& workspace) const;
  /// Gives `heads` what the layer's keys and queries say of relative positions, where it has them.
  void add_positions(kernels::Attention<T>& heads, Workspace& workspace) const;
  /// The same for training.
  void add_positions(kernels::Attention<T>& heads, const kernels::Dropout& dropout, LayerCache<T>& cache,
                     Workspace& workspace) const;
  /// d_heads: of attention_backward().
  void positions_backward(const LayerCache<T>& cache, const kernels::Dropout& dropout,
                          const kernels::AttentionGradients<T>& d_heads,
                          const TransformerLayer<LinearView<T>, T>& gradient, Workspace& workspace) const;
  /// Dropout of rows of the table of positions, which have the table's numbers.
  void drop_positions(MatrixView<T> rows, const kernels::Dropout& dropout) const;
  /// Dropout of the outputs' rows, which have their tokens' numbers.
  void drop(MatrixView<T> x, const kernels::Dropout& dropout) const;
  /// The gradient of what was dropped out: a copy only where there is dropout.
  MatrixView<const T> through_dropout(MatrixView<const T> d_x, const kernels::Dropout& dropout,
                                      Workspace& workspace) const;
  /// Of the attention's output, which in ModernBERT has the rate of the probabilities.
  kernels::Dropout attention_output_dropout(const DropoutPlan& dropout, std::uint64_t layer_index) const;

  struct ProjectionGradients {
    MatrixView<T> query, key_value;  ///< [outputs, attention], [tokens, 2 · attention]
  };
  /// From the gradient of the attention's output, before its dropout, to those of the projections. Adds the gradients
  /// of all parameters on the way, those of the projections included.
  ProjectionGradients attention_backward(const LayerCache<T>& cache, const DropoutPlan& dropout,
                                         std::uint64_t layer_index, MatrixView<const T> d_projected,
                                         const TransformerLayer<LinearView<T>, T>& gradient, Workspace& workspace,
                                         std::span<T> d_head_mask) const;
  /// backward() with pre-norm and gated.
  void pre_norm_backward(const LayerCache<T>& cache, const DropoutPlan& dropout, std::uint64_t layer_index,
                         MatrixView<T> d_output, MatrixView<T> d_input,
                         const TransformerLayer<LinearView<T>, T>& gradient, Workspace& workspace,
                         std::span<T> d_head_mask) const;
  /// Adds rows of the outputs to those of their tokens.
  void add_to_tokens(MatrixView<const T> of_outputs, MatrixView<T> of_tokens) const;
};

}  // namespace sharcs::internal
