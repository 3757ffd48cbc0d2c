#pragma once

#include <span>

#include "core/matrix_view.hpp"
#include "kernels/dropout.hpp"

namespace sharcs::kernels {

/// Self-attention of a ragged batch: sample s owns the rows offsets[s] .. offsets[s + 1] − 1 of every matrix, and its
/// tokens see each other only. Scores are scaled by 1 / sqrt(head_size) (Vaswani et al. 2017, section 3.2.1).
template <class T>
struct Attention {
  MatrixView<const T> query;  ///< [tokens, heads · head_size]; the views may be column ranges of one matrix
  MatrixView<const T> key;
  MatrixView<const T> value;
  std::span<const Index> offsets;  ///< samples + 1, ascending, from 0 to tokens
  Index heads;
  Index head_size;
};

/// Elements that the probabilities of all samples and heads take: Σ heads · n².
/// Sample s, head h is the row-major [n, n] matrix at Σ_{t<s} heads · n_t² + h · n².
Index attention_probability_count(std::span<const Index> offsets, Index heads);

/// context = softmax(query · keyᵀ · scale) · value, per sample and head. context: [tokens, heads · head_size].
template <class T>
void attention(const Attention<T>& problem, MatrixView<T> context);

/// The same for training: keeps the probabilities (before dropout) for attention_backward. Dropout falls on the
/// probabilities; its row is (first_row + token) · heads + head, its column the position of the key in the sample.
template <class T>
void attention_forward(const Attention<T>& problem, const Dropout& dropout, MatrixView<T> context,
                       std::span<T> probabilities);

/// Gradients of query, key and value (overwritten) from that of the context.
/// dV = P̃ᵀ dC; dP = mask(dC Vᵀ); dS = P ∘ (dP − rowsum(dP ∘ P)); dQ = dS K · scale; dK = dSᵀ Q · scale.
template <class T>
void attention_backward(const Attention<T>& problem, const Dropout& dropout, std::span<const std::type_identity_t<T>> probabilities,
                        ConstMatrix<T> d_context, MatrixView<T> d_query, MatrixView<T> d_key, MatrixView<T> d_value);

}  // namespace sharcs::kernels
