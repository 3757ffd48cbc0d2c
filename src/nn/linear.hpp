#pragma once

#include "core/matrix_view.hpp"
#include "kernels/elementwise.hpp"
#include "kernels/gemm.hpp"

namespace sharcs {

/// Views of a linear layer's parameters, or of their gradients: weight [outputs, inputs], bias [outputs]. T may be
/// const.
template <class T>
struct LinearView {
  MatrixView<T> weight;
  T* bias = nullptr;
};

/// A linear layer as a pass reads it: the packed weight and the bias forward, the plain weight backward.
template <class T>
struct Linear {
  kernels::PackedMatrix<T> packed = {};
  const T* bias = nullptr;
  /// [outputs, inputs]; empty in an engine, which never goes backward.
  MatrixView<const T> weight = {};

  /// y = activation(x · W[:y.cols, :x.cols]ᵀ + b) + residual, as a job for kernels::multiply.
  kernels::Product<T> product(ConstMatrix<T> x, MatrixView<T> y, kernels::Epilogue<T> epilogue = {}) const {
    epilogue.bias = bias;
    return {x, &packed, {y.cols, x.cols}, y, epilogue};
  }
  void forward(ConstMatrix<T> x, MatrixView<T> y, kernels::Epilogue<T> epilogue = {}) const {
    kernels::multiply(product(x, y, epilogue));
  }

  /// Backward of y = x · W[:n, :k]ᵀ + b[:n]: dW[:n, :k] += dyᵀ · x; db[:n] += Σ dy. Nothing outside the slice is
  /// touched. x: [rows, k]; dy: [rows, n].
  static void backward_parameters(ConstMatrix<T> x, ConstMatrix<T> dy, const LinearView<T>& gradient) {
    kernels::multiply_tn<T>(dy, x, gradient.weight.leading(dy.cols, x.cols), kernels::Write::accumulate);
    kernels::add_column_sums<T>(dy, gradient.bias);
  }
  /// dx = dy · W[:n, :k], or dx += …. dy: [rows, n]; dx: [rows, k].
  void backward_input(ConstMatrix<T> dy, MatrixView<T> dx, kernels::Write write) const {
    kernels::multiply_nn<T>(dy, weight.leading(dy.cols, dx.cols), dx, write);
  }
};

}  // namespace sharcs
