#include "nn/head.hpp"

#include <algorithm>

#include "core/eigen_map.hpp"
#include "kernels/elementwise.hpp"

namespace sharcs::internal {

using kernels::Activation;
using kernels::Write;

template <class T>
auto HeadPass<T>::forward(ConstMatrix<T> x, std::span<const Index> offsets, const DropoutPlan& dropout,
                          Workspace& workspace) const -> Cache {
  const Index samples = static_cast<Index>(offsets.size()) - 1;
  Cache cache;
  cache.first_tokens = workspace.matrix<T>(samples, x.cols);
  cache.pooled = workspace.matrix<T>(samples, dense.outputs());
  cache.dropped = cache.pooled;
  cache.logits = workspace.matrix<T>(samples, output.outputs());
  for (Index s = 0; s < samples; ++s) std::copy_n(x.row(offsets[s]), x.cols, cache.first_tokens.row(s));
  if (dropout_before_dense) kernels::dropout(cache.first_tokens, dropout.head_input());
  if (activation == Activation::gelu) cache.pre_activation = workspace.matrix<T>(samples, cache.pooled.cols);
  dense.forward(LinearInput<T>(cache.first_tokens, dense, workspace), cache.pooled,
                {.pre_activation = cache.pre_activation, .activation = activation});
  if (dropout.head_output().active()) {
    cache.dropped = workspace.matrix<T>(samples, cache.pooled.cols);
    eigen_map(cache.dropped) = eigen_map(cache.pooled);
    kernels::dropout(cache.dropped, dropout.head_output());
  }
  output.forward(cache.dropped, cache.logits);
  return cache;
}

template <class T>
void HeadPass<T>::backward(const Cache& cache, std::span<const Index> offsets, const DropoutPlan& dropout,
                           ConstMatrix<T> d_logits, const LinearView<T>& d_dense, const LinearView<T>& d_output,
                           MatrixView<T> d_x, Workspace& workspace) const {
  const Workspace::Mark mark = workspace.mark();
  const Index samples = d_logits.rows;
  const MatrixView<T> d_pooled = workspace.matrix<T>(samples, cache.pooled.cols);
  const MatrixView<T> d_first = workspace.matrix<T>(samples, cache.first_tokens.cols);
  output.backward_parameters(cache.dropped, d_logits, d_output);
  output.backward_input(d_logits, d_pooled, Write::overwrite);
  kernels::dropout(d_pooled, dropout.head_output());
  if (activation == Activation::gelu) {
    kernels::gelu_backward<T>(d_pooled, cache.pre_activation, d_pooled);
  } else {
    for (Index s = 0; s < samples; ++s)
      for (Index c = 0; c < d_pooled.cols; ++c) {
        const T y = cache.pooled(s, c);
        d_pooled(s, c) *= activation == Activation::tanh ? T(1) - y * y : T(y > 0);  // from the output: tanh or ReLU
      }
  }
  dense.backward_parameters(cache.first_tokens, d_pooled, d_dense);
  dense.backward_input(d_pooled, d_first, Write::overwrite);
  if (dropout_before_dense) kernels::dropout(d_first, dropout.head_input());
  eigen_map(d_x).setZero();
  for (Index s = 0; s < samples; ++s) std::copy_n(d_first.row(s), d_first.cols, d_x.row(offsets[s]));
  workspace.release(mark);
}

template struct HeadPass<float>;
template struct HeadPass<double>;

}  // namespace sharcs::internal
