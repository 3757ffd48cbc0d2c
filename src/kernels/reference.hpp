#pragma once

#include <span>

#include "kernels/attention.hpp"
#include "kernels/dropout.hpp"
#include "kernels/elementwise.hpp"
#include "kernels/embedding.hpp"
#include "kernels/gemm.hpp"
#include "kernels/layer_norm.hpp"

/// The kernels as Eigen products and plain loops, for any scalar: what every double and the eigen backend run, and what
/// the SIMD kernels are tested against. See the public header of each kernel for what it computes.
namespace sharcs::internal::kernels::reference {

template <class T>
T gelu(T x);
template <class T>
T gelu_tanh(T x);

template <class T>
void multiply(std::span<const Product<T>> products);
template <class T>
void multiply_nn(std::span<const Term<T>> terms, MatrixView<T> y, Write write);
template <class T>
void multiply_tn(std::span<const TransposedProduct<T>> products, Write write);

template <class T>
void attention(const Attention<T>& problem, MatrixView<T> context);
template <class T>
void attention_forward(const Attention<T>& problem, const Dropout& dropout, MatrixView<T> context,
                       std::span<T> probabilities);
template <class T>
void attention_backward(const Attention<T>& problem, const Dropout& dropout, std::span<const T> probabilities,
                        MatrixView<const T> d_context, MatrixView<T> d_query, MatrixView<T> d_key,
                        MatrixView<T> d_value);

template <class T>
void layer_norm(MatrixView<const T> x, const T* weight, const T* bias, T eps, MatrixView<T> y,
                std::span<RowStatistics<T>> statistics);
template <class T>
void layer_norm_backward(MatrixView<const T> dy, MatrixView<const T> x, std::span<const RowStatistics<T>> statistics,
                         const T* weight, MatrixView<T> dx, T* d_weight, T* d_bias);

template <class T>
void embedding_sum(std::span<const EmbeddingLookup<T>> lookups, MatrixView<T> y);
template <class T>
void embedding_backward(MatrixView<const T> dy, std::span<const std::int32_t> ids, MatrixView<T> gradient);

template <class T>
void dropout(MatrixView<T> x, const Dropout& dropout);

template <class T>
void gelu_backward(MatrixView<const T> dy, MatrixView<const T> x, MatrixView<T> dx);
template <class T>
void gelu_tanh_backward(MatrixView<const T> dy, MatrixView<const T> x, MatrixView<T> dx);
template <class T>
void add_column_sums(MatrixView<const T> x, T* sums);
template <class T>
void add(MatrixView<const T> x, MatrixView<T> y);
template <class T>
double squared_sum(std::span<const T> x);
template <class T>
void adamw(std::span<T> weight, std::span<T> first_moment, std::span<T> second_moment, std::span<const T> gradient,
           const AdamwStep& step);
template <class T>
void adamw_idle(std::span<T> weight, std::span<T> first_moment, std::span<T> second_moment,
                std::span<const AdamwStep> steps);

}  // namespace sharcs::internal::kernels::reference
