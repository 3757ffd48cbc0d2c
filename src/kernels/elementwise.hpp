#pragma once

#include <span>

#include "core/matrix_view.hpp"

namespace sharcs::kernels {

/// dx = dy · gelu'(x): gelu'(x) = Φ(x) + x · φ(x), the exact (erf) GELU (Hendrycks and Gimpel 2016). dx may be dy.
template <class T>
void gelu_backward(ConstMatrix<T> dy, ConstMatrix<T> x, MatrixView<T> dx);

/// sums[c] += Σ_r x[r, c]: the gradient of a bias.
template <class T>
void add_column_sums(ConstMatrix<T> x, T* sums);

/// y += x.
template <class T>
void add(ConstMatrix<T> x, MatrixView<T> y);

/// Σ x², accumulated in double, in an order fixed by the size alone.
template <class T>
double squared_sum(std::span<const T> x);

/// One step of AdamW over a span (Loshchilov and Hutter 2019), eps outside the bias correction:
///   g = gradient · gradient_scale; m = β1 m + (1 − β1) g; v = β2 v + (1 − β2) g²;
///   w −= step_size · m / (sqrt(v) + eps);  w −= decay · w
struct AdamwStep {
  double step_size;  ///< lr · sqrt(1 − β2^t) / (1 − β1^t)
  double beta1;
  double beta2;
  double eps;
  double decay;  ///< lr · weight_decay, or 0
  double gradient_scale = 1;
};

template <class T>
void adamw(std::span<T> weight, std::span<T> first_moment, std::span<T> second_moment, std::span<const T> gradient,
           const AdamwStep& step);

}  // namespace sharcs::kernels
