#pragma once

#include <array>
#include <cassert>
#include <span>
#include <type_traits>

#include "core/matrix_view.hpp"
#include "kernels/elementwise.hpp"
#include "kernels/gemm.hpp"
#include "kernels/int8_gemm.hpp"

namespace sharcs::internal {

/// Views of a linear layer's parameters, or of their gradients: weight [outputs, inputs], bias [outputs] or null. T may
/// be const.
template <class T>
struct LinearView {
  MatrixView<T> weight;
  T* bias = nullptr;
};

/// Rows that linear layers read: as they are, and as int8 where one of the layers has an int8 weight.
template <class T>
struct LinearInput {
  MatrixView<const T> plain;
  kernels::Int8Rows int8 = {};

  LinearInput(MatrixView<const T> rows, kernels::Int8Rows quantized) : plain(rows), int8(quantized) {}
  /// Quantizes the rows if `layer` needs that: at once, or as the next of `stages`.
  template <class Layer>
  LinearInput(MatrixView<const T> rows, const Layer& layer, Workspace& workspace, Stages* stages = nullptr)
      : plain(rows) {
    if constexpr (std::is_same_v<T, float>) {
      if (!layer.int8) return;
      int8 = kernels::Int8Rows::make(rows.rows, rows.cols, workspace);
      kernels::quantize(rows, int8, stages);
    }
  }
};

/// A linear layer as a pass reads it: the packed weight and the bias forward, the plain weight backward. Where the
/// packed weight is bf16, so are the operands of all its products, backward too.
template <class T>
struct Linear {
  kernels::PackedMatrix<T> packed = {};
  /// In an engine with int8 weights, in place of `packed`.
  kernels::Int8Matrix int8 = {};
  const T* bias = nullptr;  ///< or null: none
  /// [outputs, inputs]; empty in an engine, which never goes backward.
  MatrixView<const T> weight = {};

  Index outputs() const { return int8 ? int8.outputs() : packed.outputs(); }

  /// y = activation(x · W[:y.cols, :x.cols]ᵀ + b) + residual, as a job for kernels::multiply. The weight is not int8.
  kernels::Product<T> product(ConstMatrix<T> x, MatrixView<T> y, kernels::Epilogue<T> epilogue = {}) const {
    epilogue.bias = bias;
    return {x, &packed, {y.cols, x.cols}, y, epilogue};
  }
  /// The same where the weight is int8.
  kernels::Int8Product int8_product(const kernels::Int8Rows& x, MatrixView<T> y,
                                    kernels::Epilogue<T> epilogue = {}) const requires std::is_same_v<T, float> {
    epilogue.bias = bias;
    return {x, &int8, {y.cols, x.values.cols}, y, epilogue};
  }
  void forward(ConstMatrix<T> x, MatrixView<T> y, kernels::Epilogue<T> epilogue = {}) const {
    kernels::multiply(product(x, y, epilogue));
  }
  /// The same with whatever weight there is: at once, or as the next of `stages`.
  void forward(const LinearInput<T>& x, MatrixView<T> y, kernels::Epilogue<T> epilogue = {},
               Stages* stages = nullptr) const {
    if constexpr (std::is_same_v<T, float>)
      if (int8) return kernels::multiply(int8_product(x.int8, y, epilogue), stages);
    kernels::multiply(product(x.plain, y, epilogue), stages);
  }

  /// A layer's y = x · W[:n, :k]ᵀ + b[:n] on the way back. x: [rows, k]; dy: [rows, n].
  struct Parameters {
    const Linear& layer;
    MatrixView<const T> x;
    MatrixView<const T> dy;
    LinearView<T> gradient;
  };
  /// dW[:n, :k] += dyᵀ · x; db[:n] += Σ dy, for several layers as one job. Nothing outside the slices is touched. All
  /// have the same numbers.
  template <std::size_t N>
  static void backward_parameters(const Parameters (&layers)[N]) {
    std::array<kernels::TransposedProduct<T>, N> products;
    for (std::size_t i = 0; i < N; ++i) {
      const auto& [layer, x, dy, gradient] = layers[i];
      assert(layer.packed.numbers() == layers[0].layer.packed.numbers());
      products[i] = {dy, x, gradient.weight.leading(dy.cols, x.cols)};
    }
    kernels::multiply_tn(std::span<const kernels::TransposedProduct<T>>(products), kernels::Write::accumulate,
                         layers[0].layer.packed.numbers());
    for (const auto& layer : layers)
      if (layer.gradient.bias != nullptr) kernels::add_column_sums<T>(layer.dy, layer.gradient.bias);
  }
  void backward_parameters(ConstMatrix<T> x, ConstMatrix<T> dy, const LinearView<T>& gradient) const {
    backward_parameters({{*this, x, dy, gradient}});
  }

  struct Input {
    const Linear& layer;
    MatrixView<const T> dy;
  };
  /// dx = Σ dy · W[:n, :k], or dx += …, over layers that read the same x and have the same numbers. dx: [rows, k].
  template <std::size_t N>
  static void backward_input(const Input (&layers)[N], MatrixView<T> dx, kernels::Write write) {
    std::array<kernels::Term<T>, N> terms;
    for (std::size_t i = 0; i < N; ++i) {
      assert(layers[i].layer.packed.numbers() == layers[0].layer.packed.numbers());
      terms[i] = {layers[i].dy, layers[i].layer.weight.leading(layers[i].dy.cols, dx.cols)};
    }
    kernels::multiply_nn(std::span<const kernels::Term<T>>(terms), dx, write, layers[0].layer.packed.numbers());
  }
  void backward_input(ConstMatrix<T> dy, MatrixView<T> dx, kernels::Write write) const {
    backward_input({{*this, dy}}, dx, write);
  }
};

}  // namespace sharcs::internal
