#pragma once

#include <span>

#include "core/workspace.hpp"
#include "nn/dropout_plan.hpp"
#include "nn/layer_norm.hpp"
#include "nn/linear.hpp"

namespace sharcs::internal {

/// What a head reads of a sample's token vectors.
enum class HeadPooling { first_token, mean };

/// The rows of x that a head reads, none twice. With pooling `mean` it reads the means of runs of rows: of
/// x[begins[i]] .. x[ends[i] − 1].
struct HeadRows {
  std::span<const Index> begins;
  std::span<const Index> ends = {};  ///< with `mean` only

  /// One for each sample, whose rows are offsets[s] .. offsets[s + 1] − 1.
  static HeadRows of_samples(std::span<const Index> offsets) {
    return {offsets.first(offsets.size() - 1), offsets.subspan(1)};
  }
};

/// Where a head's gradients are added.
template <class T>
struct HeadGradients {
  const LinearView<T>* dense;   ///< null where there is no dense layer
  const LinearView<T>* output;  ///< null: the output layer does not learn
  LayerNormView<T> input_norm = {}, norm = {};
};

/// The classification head: a dense layer on each sample's first token (input sliced to the width, output full), an
/// activation, dropout, and the classifier. BERT: pooler and tanh; RoBERTa: classifier.dense, tanh and dropout before
/// it; ELECTRA: the same with GELU; DistilBERT: pre_classifier and ReLU; ModernBERT: the first token or the mean of
/// all, GELU, and a LayerNorm before the dropout. Of a model that labels tokens: dropout and the classifier (input
/// sliced to the width) on each token that it is asked for; ModernBERT's have the dense layer, too. Of a model that
/// fills masks: on each of them a dense layer, an activation, a LayerNorm, and the word embeddings as the last layer.
template <class T>
struct HeadPass {
  const Linear<T>* dense;  ///< null: none, and no activation
  const Linear<T>& output;
  kernels::Activation activation;
  bool dropout_before_dense;
  HeadPooling pooling = HeadPooling::first_token;
  T eps = 0;
  LayerNormView<const T> input_norm = {};  ///< of what the dense layer reads; or none
  LayerNormView<const T> norm = {};        ///< after the activation; or none

  struct Cache {
    /// [rows, hidden(r)], what was read of x; where there is an input_norm, before it.
    MatrixView<T> read;
    std::span<kernels::RowStatistics<T>> input_statistics;
    MatrixView<T> inputs;  ///< [rows, hidden(r)], what the dense layer reads, after the dropout before it
    /// [rows, hidden], before the activation. Only where backward needs it: the slope of GELU, say, does not follow
    /// from its value.
    MatrixView<T> pre_activation;
    MatrixView<T> activated;  ///< [rows, hidden], before the LayerNorm
    std::span<kernels::RowStatistics<T>> statistics;
    MatrixView<T> pooled;   ///< [rows, hidden], before dropout; without a dense layer the inputs
    MatrixView<T> dropped;  ///< the same after dropout: the classifier's input
    MatrixView<T> logits;   ///< [rows, labels]
  };

  /// x: [tokens, hidden(r)]. The result stands in `workspace`.
  Cache forward(ConstMatrix<T> x, const HeadRows& rows, const DropoutPlan& dropout, Workspace& workspace) const;

  /// d_logits: [rows, labels]; d_x: [tokens, hidden(r)], overwritten (zero but for the rows that were read).
  void backward(const Cache& cache, const HeadRows& rows, const DropoutPlan& dropout, ConstMatrix<T> d_logits,
                const HeadGradients<T>& gradient, MatrixView<T> d_x, Workspace& workspace) const;
};

}  // namespace sharcs::internal
