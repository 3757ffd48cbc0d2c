// Sends each kernel to the code that runs it: doubles and the eigen backend to the reference.
#include <type_traits>

#include "kernels/backend.hpp"
#include "kernels/reference.hpp"
#include "kernels/simd.hpp"

namespace sharcs::internal::kernels {
namespace {

bool use_simd() { return backend() == Backend::simd; }

}  // namespace

template <class T>
void multiply(std::span<const Product<T>> products) {
  if constexpr (std::is_same_v<T, float>) {
    if (use_simd()) return simd::multiply(products);
  }
  reference::multiply(products);
}
template <class T>
void multiply_nn(std::span<const Term<T>> terms, MatrixView<T> y, Write write) {
  if constexpr (std::is_same_v<T, float>) {
    if (use_simd()) return simd::multiply_nn(terms, y, write);
  }
  reference::multiply_nn(terms, y, write);
}
template <class T>
void multiply_tn(std::span<const TransposedProduct<T>> products, Write write) {
  if constexpr (std::is_same_v<T, float>) {
    if (use_simd()) return simd::multiply_tn(products, write);
  }
  reference::multiply_tn(products, write);
}
template <class T>
void attention(const Attention<T>& problem, MatrixView<T> context) {
  if constexpr (std::is_same_v<T, float>) {
    if (use_simd()) return simd::attention(problem, context);
  }
  reference::attention(problem, context);
}
template <class T>
void attention_forward(const Attention<T>& problem, const Dropout& dropout, MatrixView<T> context,
                       std::span<T> probabilities) {
  if constexpr (std::is_same_v<T, float>) {
    if (use_simd()) return simd::attention_forward(problem, dropout, context, probabilities);
  }
  reference::attention_forward(problem, dropout, context, probabilities);
}
template <class T>
void attention_backward(const Attention<T>& problem, const Dropout& dropout,
                        std::span<const std::type_identity_t<T>> probabilities, ConstMatrix<T> d_context,
                        MatrixView<T> d_query, MatrixView<T> d_key, MatrixView<T> d_value) {
  if constexpr (std::is_same_v<T, float>) {
    if (use_simd())
      return simd::attention_backward(problem, dropout, probabilities, d_context, d_query, d_key, d_value);
  }
  reference::attention_backward<T>(problem, dropout, probabilities, d_context, d_query, d_key, d_value);
}
template <class T>
void layer_norm(ConstMatrix<T> x, const T* weight, const T* bias, T eps, MatrixView<T> y,
                std::span<RowStatistics<T>> statistics) {
  if constexpr (std::is_same_v<T, float>) {
    if (use_simd()) return simd::layer_norm(x, weight, bias, eps, y, statistics);
  }
  reference::layer_norm<T>(x, weight, bias, eps, y, statistics);
}
template <class T>
void layer_norm_backward(ConstMatrix<T> dy, ConstMatrix<T> x, std::span<const RowStatistics<T>> statistics,
                         const T* weight, MatrixView<T> dx, T* d_weight, T* d_bias) {
  if constexpr (std::is_same_v<T, float>) {
    if (use_simd()) return simd::layer_norm_backward(dy, x, statistics, weight, dx, d_weight, d_bias);
  }
  reference::layer_norm_backward<T>(dy, x, statistics, weight, dx, d_weight, d_bias);
}
template <class T>
void embedding_sum(std::span<const EmbeddingLookup<T>> lookups, MatrixView<T> y) {
  if constexpr (std::is_same_v<T, float>) {
    if (use_simd()) return simd::embedding_sum(lookups, y);
  }
  reference::embedding_sum(lookups, y);
}
template <class T>
void embedding_backward(ConstMatrix<T> dy, std::span<const std::int32_t> ids, MatrixView<T> gradient) {
  if constexpr (std::is_same_v<T, float>) {
    if (use_simd()) return simd::embedding_backward(dy, ids, gradient);
  }
  reference::embedding_backward<T>(dy, ids, gradient);
}
template <class T>
void dropout(MatrixView<T> x, const Dropout& d) {
  if constexpr (std::is_same_v<T, float>) {
    if (use_simd()) return simd::dropout(x, d);
  }
  reference::dropout(x, d);
}
template <class T>
void gelu_backward(ConstMatrix<T> dy, ConstMatrix<T> x, MatrixView<T> dx) {
  if constexpr (std::is_same_v<T, float>) {
    if (use_simd()) return simd::gelu_backward(dy, x, dx);
  }
  reference::gelu_backward<T>(dy, x, dx);
}
template <class T>
void gelu_tanh_backward(ConstMatrix<T> dy, ConstMatrix<T> x, MatrixView<T> dx) {
  if constexpr (std::is_same_v<T, float>) {
    if (use_simd()) return simd::gelu_tanh_backward(dy, x, dx);
  }
  reference::gelu_tanh_backward<T>(dy, x, dx);
}
template <class T>
void add_column_sums(ConstMatrix<T> x, T* sums) {
  if constexpr (std::is_same_v<T, float>) {
    if (use_simd()) return simd::add_column_sums(x, sums);
  }
  reference::add_column_sums<T>(x, sums);
}
template <class T>
void add(ConstMatrix<T> x, MatrixView<T> y) {
  if constexpr (std::is_same_v<T, float>) {
    if (use_simd()) return simd::add(x, y);
  }
  reference::add<T>(x, y);
}
template <class T>
double squared_sum(std::span<const T> x) {
  if constexpr (std::is_same_v<T, float>) {
    if (use_simd()) return simd::squared_sum(x);
  }
  return reference::squared_sum(x);
}
template <class T>
void adamw(std::span<T> weight, std::span<T> first_moment, std::span<T> second_moment, std::span<const T> gradient,
           const AdamwStep& step) {
  if constexpr (std::is_same_v<T, float>) {
    if (use_simd()) return simd::adamw(weight, first_moment, second_moment, gradient, step);
  }
  reference::adamw(weight, first_moment, second_moment, gradient, step);
}
template <class T>
void adamw_idle(std::span<T> weight, std::span<T> first_moment, std::span<T> second_moment,
                std::span<const AdamwStep> steps) {
  if constexpr (std::is_same_v<T, float>) {
    if (use_simd()) return simd::adamw_idle(weight, first_moment, second_moment, steps);
  }
  reference::adamw_idle(weight, first_moment, second_moment, steps);
}

#define SHARCS_INSTANTIATE(T)                                                                                       \
  template void multiply(std::span<const Product<T>>);                                                              \
  template void multiply_nn(std::span<const Term<T>>, MatrixView<T>, Write);                                        \
  template void multiply_tn(std::span<const TransposedProduct<T>>, Write);                                          \
  template void attention(const Attention<T>&, MatrixView<T>);                                                      \
  template void attention_forward(const Attention<T>&, const Dropout&, MatrixView<T>, std::span<T>);                \
  template void attention_backward<T>(const Attention<T>&, const Dropout&, std::span<const T>, ConstMatrix<T>,      \
                                      MatrixView<T>, MatrixView<T>, MatrixView<T>);                                 \
  template void layer_norm<T>(ConstMatrix<T>, const T*, const T*, T, MatrixView<T>, std::span<RowStatistics<T>>);   \
  template void layer_norm_backward<T>(ConstMatrix<T>, ConstMatrix<T>, std::span<const RowStatistics<T>>, const T*, \
                                       MatrixView<T>, T*, T*);                                                      \
  template void embedding_sum(std::span<const EmbeddingLookup<T>>, MatrixView<T>);                                  \
  template void embedding_backward<T>(ConstMatrix<T>, std::span<const std::int32_t>, MatrixView<T>);                \
  template void dropout(MatrixView<T>, const Dropout&);                                                             \
  template void gelu_backward<T>(ConstMatrix<T>, ConstMatrix<T>, MatrixView<T>);                                    \
  template void gelu_tanh_backward<T>(ConstMatrix<T>, ConstMatrix<T>, MatrixView<T>);                               \
  template void add_column_sums<T>(ConstMatrix<T>, T*);                                                             \
  template void add<T>(ConstMatrix<T>, MatrixView<T>);                                                              \
  template double squared_sum(std::span<const T>);                                                                  \
  template void adamw(std::span<T>, std::span<T>, std::span<T>, std::span<const T>, const AdamwStep&);              \
  template void adamw_idle(std::span<T>, std::span<T>, std::span<T>, std::span<const AdamwStep>);

SHARCS_INSTANTIATE(float)
SHARCS_INSTANTIATE(double)
#undef SHARCS_INSTANTIATE

}  // namespace sharcs::internal::kernels
