#pragma once

#include <cmath>
#include <span>

#include "core/matrix_view.hpp"
#include "core/stages.hpp"
#include "kernels/dropout.hpp"

namespace sharcs::internal::kernels {

/// Self-attention of a ragged batch: sample s owns the rows offsets[s] .. offsets[s + 1] − 1 of keys and values, and
/// its tokens see each other only. Scores are scaled by 1 / sqrt(head_size) (Vaswani et al. 2017, section 3.2.1).
///
/// The queries are the leading tokens of each sample: all of them, or the first alone where nothing else is wanted.
/// They stand one after the other: sample s owns the rows query_offsets[s] .. query_offsets[s + 1] − 1 of queries and
/// context.
template <class T>
struct Attention {
  MatrixView<const T> query;  ///< [queries, heads · head_size]; the views may be column ranges of one matrix
  MatrixView<const T> key;    ///< [tokens, heads · head_size]
  MatrixView<const T> value;
  std::span<const Index> query_offsets;  ///< samples + 1, ascending from 0; at least one query a sample
  std::span<const Index> offsets;
  Index heads;
  Index head_size;
  /// Added to each scaled score, by how far the key stands from the query; or empty. [heads, 2 · n − 1], where no
  /// sample has more than n tokens: query i and key j of a sample read column n − 1 + j − i.
  MatrixView<const T> bias = {};
  /// Disentangled attention (He et al. 2021, arXiv:2006.03654, section 3.1), or empty: what a key and a query say of
  /// how far the other stands from them. [2 · n − 1, heads · head_size], rows as the bias has columns. Query i and key
  /// j add query_i · position_key_r + position_query_r · key_j to their product, for r = n − 1 + j − i.
  MatrixView<const T> position_key = {}, position_query = {};

  /// How many tokens before and behind it a query sees (Beltagy et al. 2020, arXiv:2004.05150, section 3.1); 0: all of
  /// the sample. Not with a bias or positions.
  Index window = 0;

  /// What sums of products are multiplied by: 1 / sqrt(head_size), or for three products in place of one
  /// 1 / sqrt(3 · head_size).
  T scale() const { return T(1) / std::sqrt(static_cast<T>(position_key ? 3 * head_size : head_size)); }
};

/// Elements that the probabilities of all samples and heads take: Σ heads · q · n for q queries and n tokens.
/// Sample s, head h is the row-major [q, n] matrix at Σ_{t<s} heads · q_t · n_t + h · q · n.
template <class T>
Index attention_probability_count(const Attention<T>& problem) {
  Index count = 0;
  for (std::size_t s = 0; s + 1 < problem.offsets.size(); ++s)
    count += problem.heads * (problem.query_offsets[s + 1] - problem.query_offsets[s]) *
             (problem.offsets[s + 1] - problem.offsets[s]);
  return count;
}

/// context = softmax((query · keyᵀ + position terms) · scale + bias) · value, per sample and head. context: [queries,
/// heads · head_size].
/// stages: it becomes the next of them; null: it runs at once.
template <class T>
void attention(const Attention<T>& problem, MatrixView<T> context, Stages* stages = nullptr);

/// The same for training: keeps the probabilities (before dropout) for attention_backward. Dropout falls on the
/// probabilities; its row is (first_row + the query's token) · heads + head, its column the key's position in the
/// sample.
template <class T>
void attention_forward(const Attention<T>& problem, const Dropout& dropout, MatrixView<T> context,
                       std::span<T> probabilities);

/// Where attention_backward writes. Each is overwritten.
template <class T>
struct AttentionGradients {
  MatrixView<T> query, key, value;  ///< of the same shapes as in Attention
  /// [samples · heads, 2 · n − 1], or empty: row sample · heads + head has the gradient of the head's bias that comes
  /// from the sample, columns as there. Their sum over the samples is left to the caller, so that no order of threads
  /// is in it.
  MatrixView<T> bias = {};
  /// [samples · (2 · n − 1), heads · head_size], or empty: what comes from each sample, its rows below one another.
  MatrixView<T> position_key = {}, position_query = {};
};

/// Gradients from that of the context. The problem's bias is not read.
/// dV = P̃ᵀ dC; dP = mask(dC Vᵀ); dS = P ∘ (dP − rowsum(dP ∘ P)); dQ = dS K · scale; dK = dSᵀ Q · scale; the bias's is
/// the sum of dS over the pairs of a query and a key that are the same distance apart.
template <class T>
void attention_backward(const Attention<T>& problem, const Dropout& dropout,
                        std::span<const std::type_identity_t<T>> probabilities, ConstMatrix<T> d_context,
                        const AttentionGradients<T>& gradients);

}  // namespace sharcs::internal::kernels
