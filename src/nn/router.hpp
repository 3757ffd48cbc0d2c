#pragma once

#include <span>
#include <vector>

#include "core/workspace.hpp"
#include "nn/layer_norm.hpp"
#include "nn/linear.hpp"

namespace sharcs::internal {

/// The router's parameters, with the reduction that follows its decision.
template <class L, class T>
struct Router {
  L hidden, output;
  /// Of the mean that the router reads, where the token vectors are not normalized themselves (pre-norm); or none.
  LayerNormView<T> norm = {};
  /// The LayerNorms after the reduction, by width index. None of them with pre-norm, whose layers norm what they read.
  std::vector<LayerNormView<T>> reduction_norms;
  /// Weighted reduction only: the 1/r weights of each width.
  std::vector<std::span<T>> reduction_weights;
};

/// What the router's forward leaves for its backward.
template <class T>
struct RouterCache {
  MatrixView<T> mean;    ///< [samples, hidden]: mean over the sample's tokens
  MatrixView<T> normal;  ///< [samples, hidden]: its LayerNorm, or the mean itself
  std::span<kernels::RowStatistics<T>> statistics;
  MatrixView<T> activation;  ///< [samples, hidden_size_router], after ReLU
  MatrixView<T> logits;      ///< [samples, widths]
};

/// Linear · ReLU · Linear on the mean of each sample's token vectors (arXiv:2310.12126, section 3.1).
/// x: [tokens, hidden], ragged by `offsets`. The result stands in `workspace`.
template <class T>
RouterCache<T> router_forward(const Router<Linear<T>, const T>& router, ConstMatrix<T> x,
                              std::span<const Index> offsets, T eps, Workspace& workspace);

/// d_logits: [samples, widths]. Adds the parameters' gradients to `gradient` and that of x to d_x [tokens, hidden].
template <class T>
void router_backward(const Router<Linear<T>, const T>& router, const RouterCache<T>& cache,
                     std::span<const Index> offsets, ConstMatrix<T> d_logits, const Router<LinearView<T>, T>& gradient,
                     MatrixView<T> d_x, Workspace& workspace);

/// What the reduction's forward leaves for its backward.
template <class T>
struct ReductionCache {
  MatrixView<const T> reduced;  ///< [tokens, hidden(r)]: input of the LayerNorm
  MatrixView<T> output;         ///< [tokens, hidden(r)]
  std::span<kernels::RowStatistics<T>> statistics;
};

/// The first hidden(r) dimensions of every token, or (weighted) consecutive groups of 1/r dimensions combined with the
/// width's weights; then the width's LayerNorm, if it has one (arXiv:2310.12126, section 3.2). x: [tokens, hidden],
/// which must live as long as the cache. The result stands in `workspace`.
template <class T>
ReductionCache<T> reduction_forward(const Router<Linear<T>, const T>& router, int width, Index hidden, T eps,
                                    ConstMatrix<T> x, Workspace& workspace);

/// d_output: [tokens, hidden(r)], overwritten. Adds the gradient of x to d_x [tokens, hidden].
template <class T>
void reduction_backward(const Router<Linear<T>, const T>& router, int width, ConstMatrix<T> x,
                        const ReductionCache<T>& cache, MatrixView<T> d_output,
                        const Router<LinearView<T>, T>& gradient, MatrixView<T> d_x);

}  // namespace sharcs::internal
