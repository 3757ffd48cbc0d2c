#pragma once

#include "core/workspace.hpp"
#include "nn/dropout_plan.hpp"
#include "nn/linear.hpp"

namespace sharcs::internal {

/// The classification head: a dense layer on each sample's first token (input sliced to the width, output full), an
/// activation, dropout, and the classifier. BERT: pooler and tanh; RoBERTa: classifier.dense, tanh and dropout before
/// it; ELECTRA: the same with GELU; DistilBERT: pre_classifier and ReLU.
template <class T>
struct HeadPass {
  const Linear<T>& dense;
  const Linear<T>& output;
  kernels::Activation activation;
  bool dropout_before_dense;

  struct Cache {
    MatrixView<T> first_tokens;  ///< [samples, hidden(r)], after the dropout before the dense layer
    /// [samples, hidden], before the activation. Only where backward needs it: GELU's slope does not follow from its
    /// value.
    MatrixView<T> pre_activation;
    MatrixView<T> pooled;   ///< [samples, hidden], before dropout
    MatrixView<T> dropped;  ///< [samples, hidden], after dropout: the classifier's input
    MatrixView<T> logits;   ///< [samples, labels]
  };

  /// x: [tokens, hidden(r)]. The result stands in `workspace`.
  Cache forward(ConstMatrix<T> x, std::span<const Index> offsets, const DropoutPlan& dropout,
                Workspace& workspace) const;

  /// d_logits: [samples, labels]; d_x: [tokens, hidden(r)], overwritten (zero but for first tokens).
  void backward(const Cache& cache, std::span<const Index> offsets, const DropoutPlan& dropout, ConstMatrix<T> d_logits,
                const LinearView<T>& d_dense, const LinearView<T>& d_output, MatrixView<T> d_x,
                Workspace& workspace) const;
};

}  // namespace sharcs::internal
