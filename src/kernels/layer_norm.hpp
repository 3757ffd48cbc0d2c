#pragma once

#include <span>

#include "core/matrix_view.hpp"
#include "core/stages.hpp"

namespace sharcs::internal::kernels {

/// What the backward of a row's LayerNorm needs besides its input.
template <class T>
struct RowStatistics {
  T mean;
  T rstd;  ///< 1 / sqrt(variance + eps), variance biased
};

/// y = (x − mean) · rstd · weight + bias over each row (Ba et al. 2016). y may be x. weight, bias: [cols]; bias may be
/// null.
/// `statistics`, when not empty, receives one entry a row.
/// stages: it becomes the next of them; null: it runs at once.
template <class T>
void layer_norm(ConstMatrix<T> x, const T* weight, const T* bias, T eps, MatrixView<T> y,
                std::span<RowStatistics<T>> statistics = {}, Stages* stages = nullptr);

/// dx = (g − mean(g) − x̂ · mean(g · x̂)) · rstd with g = dy · weight; d_weight += Σ dy · x̂; d_bias += Σ dy.
/// dx may be dy; d_bias may be null. The sums over rows are taken in an order fixed by their number, whatever the
/// thread count.
template <class T>
void layer_norm_backward(ConstMatrix<T> dy, ConstMatrix<T> x, std::span<const RowStatistics<T>> statistics,
                         const T* weight, MatrixView<T> dx, T* d_weight, T* d_bias);

}  // namespace sharcs::internal::kernels
