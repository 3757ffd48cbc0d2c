#pragma once

#include "core/workspace.hpp"
#include "nn/dropout_plan.hpp"
#include "nn/layer_norm.hpp"
#include "nn/linear.hpp"

namespace sharcs::internal {

/// What a head reads of a sample's token vectors.
enum class HeadPooling { first_token, mean };

/// Where a head's gradients are added.
template <class T>
struct HeadGradients {
  const LinearView<T>& dense;
  const LinearView<T>& output;
  LayerNormView<T> input_norm = {}, norm = {};
};

/// The classification head: a dense layer on each sample's first token (input sliced to the width, output full), an
/// activation, dropout, and the classifier. BERT: pooler and tanh; RoBERTa: classifier.dense, tanh and dropout before
/// it; ELECTRA: the same with GELU; DistilBERT: pre_classifier and ReLU; ModernBERT: the first token or the mean of
/// all, GELU, and a LayerNorm before the dropout.
template <class T>
struct HeadPass {
  const Linear<T>& dense;
  const Linear<T>& output;
  kernels::Activation activation;
  bool dropout_before_dense;
  HeadPooling pooling = HeadPooling::first_token;
  T eps = 0;
  LayerNormView<const T> input_norm = {};  ///< of what the dense layer reads; or none
  LayerNormView<const T> norm = {};        ///< after the activation; or none

  struct Cache {
    /// [samples, hidden(r)], what was pooled; where there is an input_norm, before it.
    MatrixView<T> first_tokens;
    std::span<kernels::RowStatistics<T>> input_statistics;
    MatrixView<T> input;  ///< [samples, hidden(r)], what the dense layer reads, after the dropout before it
    /// [samples, hidden], before the activation. Only where backward needs it: the slope of GELU, say, does not follow
    /// from its value.
    MatrixView<T> pre_activation;
    MatrixView<T> activated;  ///< [samples, hidden], before the LayerNorm
    std::span<kernels::RowStatistics<T>> statistics;
    MatrixView<T> pooled;   ///< [samples, hidden], before dropout
    MatrixView<T> dropped;  ///< [samples, hidden], after dropout: the classifier's input
    MatrixView<T> logits;   ///< [samples, labels]
  };

  /// x: [tokens, hidden(r)]. The result stands in `workspace`.
  Cache forward(ConstMatrix<T> x, std::span<const Index> offsets, const DropoutPlan& dropout,
                Workspace& workspace) const;

  /// d_logits: [samples, labels]; d_x: [tokens, hidden(r)], overwritten.
  void backward(const Cache& cache, std::span<const Index> offsets, const DropoutPlan& dropout, ConstMatrix<T> d_logits,
                const HeadGradients<T>& gradient, MatrixView<T> d_x, Workspace& workspace) const;
};

}  // namespace sharcs::internal
