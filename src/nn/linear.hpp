#pragma once

#include <array>
#include <span>

#include "core/matrix_view.hpp"
#include "kernels/elementwise.hpp"
#include "kernels/gemm.hpp"

namespace sharcs::internal {

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

  /// A layer's y = x · W[:n, :k]ᵀ + b[:n] on the way back. x: [rows, k]; dy: [rows, n].
  struct Parameters {
    MatrixView<const T> x;
    MatrixView<const T> dy;
    LinearView<T> gradient;
  };
  /// dW[:n, :k] += dyᵀ · x; db[:n] += Σ dy, for several layers as one job. Nothing outside the slices is touched.
  template <std::size_t N>
  static void backward_parameters(const Parameters (&layers)[N]) {
    std::array<kernels::TransposedProduct<T>, N> products;
    for (std::size_t i = 0; i < N; ++i) {
      const auto& [x, dy, gradient] = layers[i];
      products[i] = {dy, x, gradient.weight.leading(dy.cols, x.cols)};
    }
    kernels::multiply_tn(std::span<const kernels::TransposedProduct<T>>(products), kernels::Write::accumulate);
    for (const auto& layer : layers) kernels::add_column_sums<T>(layer.dy, layer.gradient.bias);
  }
  static void backward_parameters(ConstMatrix<T> x, ConstMatrix<T> dy, const LinearView<T>& gradient) {
    backward_parameters({{x, dy, gradient}});
  }

  struct Input {
    const Linear& layer;
    MatrixView<const T> dy;
  };
  /// dx = Σ dy · W[:n, :k], or dx += …, over layers that read the same x. dx: [rows, k].
  template <std::size_t N>
  static void backward_input(const Input (&layers)[N], MatrixView<T> dx, kernels::Write write) {
    std::array<kernels::Term<T>, N> terms;
    for (std::size_t i = 0; i < N; ++i) {
      terms[i] = {layers[i].dy, layers[i].layer.weight.leading(layers[i].dy.cols, dx.cols)};
    }
    kernels::multiply_nn(std::span<const kernels::Term<T>>(terms), dx, write);
  }
  void backward_input(ConstMatrix<T> dy, MatrixView<T> dx, kernels::Write write) const {
    backward_input({{*this, dy}}, dx, write);
  }
};

}  // namespace sharcs::internal
