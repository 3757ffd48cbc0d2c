#pragma once

#include <span>

#include "core/matrix_view.hpp"
#include "kernels/packed_matrix.hpp"

namespace sharcs::internal::kernels {

enum class Activation {
  none,
  gelu,       ///< exact, by erf
  gelu_tanh,  ///< its approximation by tanh: Hugging Face's "gelu_new"
  tanh,
  relu,
};

/// What happens to an element of a product on its way to memory, in this order.
template <class T>
struct Epilogue {
  const T* bias = nullptr;            ///< [outputs], added
  MatrixView<T> pre_activation = {};  ///< [rows, outputs]: also receives the value before the activation
  Activation activation = Activation::none;
  MatrixView<const T> residual = {};  ///< [rows, outputs], added last; may be the same memory as the product's result
};

/// y = epilogue(x · W[:outputs, :inputs]ᵀ).
///
/// x: [rows, inputs]; y: [rows, outputs], overwritten. A row's result does not depend on the other rows, on the number
/// of rows, or on the thread count: not in one bit.
template <class T>
struct Product {
  MatrixView<const T> x;
  const PackedMatrix<T>* weight;
  Slice slice;
  MatrixView<T> y;
  Epilogue<T> epilogue = {};
};

/// Runs independent products as one parallel job (query, key and value of a layer, say).
/// None may read what another writes.
template <class T>
void multiply(std::span<const Product<T>> products);

template <class T>
void multiply(const Product<T>& product) {
  multiply(std::span<const Product<T>>(&product, 1));
}

enum class Write { overwrite, accumulate };

template <class T>
struct Term {
  MatrixView<const T> a;  ///< [rows, inner]
  MatrixView<const T> b;  ///< [inner, cols]
};

/// y = Σ a · b or y += Σ a · b over the terms, whose inner sizes may differ. y: [rows, cols]. For input gradients:
/// dx = dy · W, and the dx of several layers that read the same x. The bits do not depend on the thread count.
template <class T>
void multiply_nn(std::span<const Term<T>> terms, MatrixView<T> y, Write write = Write::overwrite);

template <class T>
void multiply_nn(ConstMatrix<T> a, ConstMatrix<T> b, MatrixView<T> y, Write write = Write::overwrite) {
  const Term<T> term = {a, b};
  multiply_nn(std::span<const Term<T>>(&term, 1), y, write);
}

template <class T>
struct TransposedProduct {
  MatrixView<const T> a;  ///< [inner, rows]
  MatrixView<const T> b;  ///< [inner, cols]
  MatrixView<T> y;        ///< [rows, cols]
};

/// y = aᵀ · b or y += aᵀ · b for each of several independent products, as one parallel job. For weight gradients:
/// dW += dyᵀ · x. The bits do not depend on the thread count.
template <class T>
void multiply_tn(std::span<const TransposedProduct<T>> products, Write write = Write::accumulate);

template <class T>
void multiply_tn(ConstMatrix<T> a, ConstMatrix<T> b, MatrixView<T> y, Write write = Write::accumulate) {
  const TransposedProduct<T> product = {a, b, y};
  multiply_tn(std::span<const TransposedProduct<T>>(&product, 1), write);
}

}  // namespace sharcs::internal::kernels
