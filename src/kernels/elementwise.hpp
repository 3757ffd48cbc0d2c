#pragma once

#include <limits>
#include <span>

#include "core/matrix_view.hpp"
#include "core/stages.hpp"

namespace sharcs::internal::kernels {

/// dx = dy · gelu'(x): gelu'(x) = Φ(x) + x · φ(x), the exact (erf) GELU (Hendrycks and Gimpel 2016). dx may be dy.
template <class T>
void gelu_backward(ConstMatrix<T> dy, ConstMatrix<T> x, MatrixView<T> dx);

/// The same of x/2 · (1 + tanh(√(2/π) · (x + 0.044715 x³))), the approximation of GELU by tanh (the same paper).
template <class T>
void gelu_tanh_backward(ConstMatrix<T> dy, ConstMatrix<T> x, MatrixView<T> dx);

/// The same of x · σ(k x), for Activation::silu or quick_gelu: σ(k x) · (1 + k x · (1 − σ(k x))).
template <class T>
void gated_backward(ConstMatrix<T> dy, ConstMatrix<T> x, MatrixView<T> dx, T k);

/// The same of max(x, 0): dy where x is above 0, else 0.
template <class T>
void relu_backward(ConstMatrix<T> dy, ConstMatrix<T> x, MatrixView<T> dx);

/// sums[c] += Σ_r x[r, c]: the gradient of a bias.
template <class T>
void add_column_sums(ConstMatrix<T> x, T* sums);

/// y += x.
template <class T>
void add(ConstMatrix<T> x, MatrixView<T> y);

/// y *= x, element by element. stages: it becomes the next of them; null: it runs at once.
template <class T>
void multiply_by(ConstMatrix<T> x, MatrixView<T> y, Stages* stages = nullptr);

/// y = exp((x − shift) · factor), element by element, where no x is above `shift` and the factor is positive. Returns
/// Σ y. On the calling thread. y: as many elements as x.
template <class T>
T exp_below(std::span<const T> x, T shift, T factor, T* y);

/// Σ x², accumulated in double, in an order fixed by the size alone.
template <class T>
double squared_sum(std::span<const T> x);

/// One step of AdamW over a span (Loshchilov and Hutter 2019), eps outside the bias correction:
///   g = gradient · gradient_scale; m = β1 m + (1 − β1) g; v = β2 v + (1 − β2) g²;
///   w −= step_size · m / (sqrt(v) + eps);  w −= decay · w
///
/// A first moment below 1e-30 and a second one below the least normal float become 0: neither moves a weight any more,
/// and arithmetic on subnormal numbers, where the moments of a rare word's embedding end up, is up to a hundred times
/// slower.
struct AdamwStep {
  static constexpr float least_first_moment = 1e-30f;
  static constexpr float least_second_moment = std::numeric_limits<float>::min();

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

/// The same bits as adamw() called for each of `steps` in turn with a gradient of zero, but everything passes through
/// memory once, and where the first moment is zero only the decay is left to do. Runs on the calling thread.
template <class T>
void adamw_idle(std::span<T> weight, std::span<T> first_moment, std::span<T> second_moment,
                std::span<const AdamwStep> steps);

}  // namespace sharcs::internal::kernels
