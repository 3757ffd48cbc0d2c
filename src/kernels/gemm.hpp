#pragma once

#include <span>
#include <type_traits>

#include "core/matrix_view.hpp"
#include "core/stages.hpp"
#include "kernels/packed_matrix.hpp"

namespace sharcs::internal::kernels {

enum class Activation {
  none,
  gelu,       ///< exact, by erf
  gelu_tanh,  ///< its approximation by tanh: Hugging Face's "gelu_new"
  tanh,
  relu,
  silu,        ///< x · σ(x), with the logistic function σ
  quick_gelu,  ///< x · σ(1.702 x), an approximation of GELU
};

/// k of x · σ(k x): of silu, or of quick_gelu (Hendrycks and Gimpel 2016, section 2).
template <class T>
constexpr T gate_slope(Activation activation) {
  return activation == Activation::silu ? T(1) : T(1.702);
}

/// What happens to an element of a product on its way to memory, in this order. T: of the results, see ScalarOf.
template <class T>
struct Epilogue {
  const T* bias = nullptr;            ///< [outputs], added
  MatrixView<T> pre_activation = {};  ///< [rows, outputs]: also receives the value before the activation
  Activation activation = Activation::none;
  MatrixView<const T> residual = {};  ///< [rows, outputs], added last; may be the same memory as the product's result
};

/// The type that a product by weights of type Element computes with: of x, y, the sums and the epilogue. Weights of
/// less precision than float still take and give floats.
template <class Element>
using ScalarOf = std::conditional_t<std::is_same_v<Element, double>, double, float>;

/// y = epilogue(x · W[:outputs, :inputs]ᵀ). Element: of the weight. Where the weight's numbers are bf16, x is rounded
/// to bf16 on the way, too; the sums are floats.
///
/// x: [rows, inputs]; y: [rows, outputs], overwritten. In the SIMD kernels a row's result does not depend on the other
/// rows, on the number of rows, or on the thread count: not in one bit. The portable kernels promise that for the
/// thread count only.
template <class Element>
struct Product {
  using Scalar = ScalarOf<Element>;
  MatrixView<const Scalar> x;
  const PackedMatrix<Element>* weight;
  Slice slice;
  MatrixView<Scalar> y;
  Epilogue<Scalar> epilogue = {};
};

/// Runs independent products as one parallel job (query, key and value of a layer, say).
/// None may read what another writes.
/// stages: the job becomes the next of them (with bf16 the next two); null: it runs at once.
template <class Element>
void multiply(std::span<const Product<Element>> products, Stages* stages = nullptr);

template <class Element>
void multiply(const Product<Element>& product, Stages* stages = nullptr) {
  multiply(std::span<const Product<Element>>(&product, 1), stages);
}

enum class Write { overwrite, accumulate };

template <class T>
struct Term {
  MatrixView<const T> a;  ///< [rows, inner]
  MatrixView<const T> b;  ///< [inner, cols]
};

/// y = Σ a · b or y += Σ a · b over the terms, whose inner sizes may differ. y: [rows, cols]. For input gradients:
/// dx = dy · W, and the dx of several layers that read the same x. The bits do not depend on the thread count.
/// numbers: what a and b are rounded to on the way.
template <class T>
void multiply_nn(std::span<const Term<T>> terms, MatrixView<T> y, Write write = Write::overwrite,
                 Numbers numbers = Numbers::whole);

template <class T>
void multiply_nn(ConstMatrix<T> a, ConstMatrix<T> b, MatrixView<T> y, Write write = Write::overwrite,
                 Numbers numbers = Numbers::whole) {
  const Term<T> term = {a, b};
  multiply_nn(std::span<const Term<T>>(&term, 1), y, write, numbers);
}

template <class T>
struct TransposedProduct {
  MatrixView<const T> a;  ///< [inner, rows]
  MatrixView<const T> b;  ///< [inner, cols]
  MatrixView<T> y;        ///< [rows, cols]
};

/// y = aᵀ · b or y += aᵀ · b for each of several independent products, as one parallel job. For weight gradients:
/// dW += dyᵀ · x. The bits do not depend on the thread count. numbers: what a and b are rounded to on the way.
template <class T>
void multiply_tn(std::span<const TransposedProduct<T>> products, Write write = Write::accumulate,
                 Numbers numbers = Numbers::whole);

template <class T>
void multiply_tn(ConstMatrix<T> a, ConstMatrix<T> b, MatrixView<T> y, Write write = Write::accumulate,
                 Numbers numbers = Numbers::whole) {
  const TransposedProduct<T> product = {a, b, y};
  multiply_tn(std::span<const TransposedProduct<T>>(&product, 1), write, numbers);
}

}  // namespace sharcs::internal::kernels
