#pragma once

#include <cmath>
#include <numbers>

#include "core/half.hpp"
#include "core/threads.hpp"
#include "kernels/gemm.hpp"

/// What the portable code of several kernels needs.
namespace sharcs::internal::kernels::portable {

/// Calls body(r) for every row, on more than one thread where the elements are worth it.
template <class Body>
void for_each_row(Index rows, Index cols, const Body& body) {
  parallel_ranges(rows, grain(8192, cols), [&](Index begin, Index end) {
    for (Index r = begin; r < end; ++r) body(r);
  });
}

/// What becomes of an operand's element: doubles are never rounded.
template <class T>
T rounded(T x, Numbers numbers) {
  if constexpr (std::is_same_v<T, float>)
    if (numbers == Numbers::bf16) return float_of_bf16(bf16_of_float(x));
  return x;
}

/// The exact GELU: x · Φ(x) (Hendrycks and Gimpel 2016).
template <class T>
T gelu(T x) {
  return T(0.5) * x * (T(1) + std::erf(x / std::numbers::sqrt2_v<T>));
}

/// The logistic function of 2 √(2/π) · (x + 0.044715 x³): 1/2 · (1 + tanh) of half of it, without its cancellation.
template <class T>
T gelu_tanh_gate(T x) {
  const T inner = std::numbers::sqrt2_v<T> * std::numbers::inv_sqrtpi_v<T> * (x + T(0.044715) * x * x * x);
  return T(1) / (T(1) + std::exp(T(-2) * inner));
}

/// The approximation of GELU by tanh: x/2 · (1 + tanh(√(2/π) · (x + 0.044715 x³))).
template <class T>
T gelu_tanh(T x) {
  return x * gelu_tanh_gate(x);
}

/// The logistic function of slope · x.
template <class T>
T gate(T x, T slope) {
  return T(1) / (T(1) + std::exp(-slope * x));
}

template <class T>
T activate(T x, Activation activation) {
  switch (activation) {
    case Activation::gelu:
      return gelu(x);
    case Activation::gelu_tanh:
      return gelu_tanh(x);
    case Activation::tanh:
      return std::tanh(x);
    case Activation::relu:
      return x > 0 ? x : T(0);
    case Activation::silu:
    case Activation::quick_gelu:
      return x * gate(x, gate_slope<T>(activation));
    case Activation::none:
      break;
  }
  return x;
}

/// What comes after a product's sum `v` in its row and column: bias, activation and residual, as the epilogue says.
template <class T>
T finish(T v, const Epilogue<T>& e, Index row, Index column) {
  if (e.bias != nullptr) v += e.bias[column];
  if (e.pre_activation) e.pre_activation(row, column) = v;
  v = activate(v, e.activation);
  if (e.residual) v += e.residual(row, column);
  return v;
}

}  // namespace sharcs::internal::kernels::portable
