#pragma once

#include <span>
#include <vector>

#include "core/workspace.hpp"
#include "kernels/attention.hpp"
#include "nn/dropout_plan.hpp"
#include "nn/layer_norm.hpp"
#include "nn/linear.hpp"

namespace sharcs {

/// The parameters of one transformer layer. `L` stands for a linear layer: Linear<T> in a pass, LinearView<T> for
/// gradients.
template <class L, class T>
struct TransformerLayer {
  L query, key, value, attention_output, intermediate, output;
  /// The full-width LayerNorms of a stem layer.
  LayerNormView<T> attention_norm, output_norm;
  /// The private ones of an adaptive layer, by width index (arXiv:2310.12126, section 3.2).
  std::vector<LayerNormView<T>> private_attention_norms, private_output_norms;
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

/// What a layer's forward leaves for its backward. rows = tokens of the batch.
template <class T>
struct LayerCache {
  MatrixView<const T> input;     ///< [rows, hidden]
  MatrixView<T> qkv;             ///< [rows, 3 · attention]: query, key, value side by side
  std::span<T> probabilities;    ///< of all samples and heads, before dropout
  MatrixView<T> context;         ///< [rows, attention]
  MatrixView<T> attention_sum;   ///< [rows, hidden]: input of the attention's LayerNorm
  MatrixView<T> attended;        ///< [rows, hidden]: its output
  MatrixView<T> pre_activation;  ///< [rows, ffn]
  MatrixView<T> activation;      ///< [rows, ffn]
  MatrixView<T> output_sum;      ///< [rows, hidden]: input of the output's LayerNorm
  MatrixView<T> output;          ///< [rows, hidden]
  std::span<kernels::RowStatistics<T>> attention_statistics, output_statistics;
};

/// Post-LN transformer layer (Vaswani et al. 2017; Devlin et al. 2019) on the leading slice of its weights:
///   a = LN(x + dropout(Wo · attention(Wq x, Wk x, Wv x)));  y = LN(a + dropout(W2 · gelu(W1 · a)))
template <class T>
struct LayerPass {
  const TransformerLayer<Linear<T>, const T>& layer;
  LayerSlice slice;
  kernels::Activation activation;
  T eps;
  std::span<const Index> offsets;  ///< of the ragged batch

  /// For inference. input: [rows, hidden]; output: the same shape, not the same memory.
  void forward(ConstMatrix<T> input, MatrixView<T> output, Workspace& workspace) const;

  /// For training. The cache's memory comes from `workspace` and lives as long as it does.
  LayerCache<T> forward_training(ConstMatrix<T> input, const DropoutPlan& dropout, std::uint64_t layer_index,
                                 Workspace& workspace) const;

  /// d_output: [rows, hidden], overwritten with the gradient of the input. Parameter gradients are added to `gradient`.
  /// `d_head_mask` ([heads] or empty): receives += Σ d_context · context of each head, the gradient of the loss by a
  /// mask on the head's output (Michel et al. 2019, arXiv:1905.10650).
  void backward(const LayerCache<T>& cache, const DropoutPlan& dropout, std::uint64_t layer_index,
                MatrixView<T> d_output, const TransformerLayer<LinearView<T>, T>& gradient, Workspace& workspace,
                std::span<T> d_head_mask = {}) const;

 private:
  kernels::Attention<T> attention(MatrixView<const T> qkv) const;
};

}  // namespace sharcs
