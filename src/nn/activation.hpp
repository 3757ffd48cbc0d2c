#pragma once

#include "kernels/elementwise.hpp"
#include "kernels/gemm.hpp"

namespace sharcs::internal {

/// gradient = gradient · activation'(x), for the activations of feed-forward layers: all but tanh.
template <class T>
void activation_backward(kernels::Activation activation, ConstMatrix<T> x, MatrixView<T> gradient) {
  using kernels::Activation;
  switch (activation) {
    case Activation::gelu_tanh:
      return kernels::gelu_tanh_backward<T>(gradient, x, gradient);
    case Activation::relu:
      return kernels::relu_backward<T>(gradient, x, gradient);
    case Activation::silu:
    case Activation::quick_gelu:
      return kernels::gated_backward<T>(gradient, x, gradient, kernels::gate_slope<T>(activation));
    default:
      return kernels::gelu_backward<T>(gradient, x, gradient);
  }
}

}  // namespace sharcs::internal
