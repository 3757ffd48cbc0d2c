#include "nn/head.hpp"

#include <algorithm>

#include "core/eigen_map.hpp"
#include "kernels/elementwise.hpp"
#include "nn/activation.hpp"
#include "nn/pooling.hpp"

namespace sharcs::internal {

using kernels::Activation;
using kernels::Write;

namespace {

/// Whether the slope follows from the activation's value.
bool slope_follows(Activation activation) { return activation == Activation::tanh || activation == Activation::relu; }

}  // namespace

template <class T>
auto HeadPass<T>::forward(ConstMatrix<T> x, std::span<const Index> offsets, const DropoutPlan& dropout,
                          Workspace& workspace) const -> Cache {
  const Index samples = static_cast<Index>(offsets.size()) - 1;
  Cache cache;
  cache.first_tokens = workspace.matrix<T>(samples, x.cols);
  cache.pooled = workspace.matrix<T>(samples, dense.outputs());
  cache.dropped = cache.pooled;
  cache.logits = workspace.matrix<T>(samples, output.outputs());
  if (pooling == HeadPooling::mean)
    mean_over_tokens<T>(x, offsets.first(offsets.size() - 1), offsets.subspan(1), cache.first_tokens);
  else
    for (Index s = 0; s < samples; ++s) std::copy_n(x.row(offsets[s]), x.cols, cache.first_tokens.row(s));
  cache.input = cache.first_tokens;
  if (input_norm) {
    cache.input = workspace.matrix<T>(samples, x.cols);
    cache.input_statistics = workspace.span<kernels::RowStatistics<T>>(samples);
    kernels::layer_norm<T>(cache.first_tokens, input_norm.weight, input_norm.bias, eps, cache.input,
                           cache.input_statistics);
  }
  if (dropout_before_dense) kernels::dropout(cache.input, dropout.head_input());
  if (!slope_follows(activation)) cache.pre_activation = workspace.matrix<T>(samples, cache.pooled.cols);
  cache.activated = norm ? workspace.matrix<T>(samples, cache.pooled.cols) : cache.pooled;
  dense.forward(LinearInput<T>(cache.input, dense, workspace), cache.activated,
                {.pre_activation = cache.pre_activation, .activation = activation});
  if (norm) {
    cache.statistics = workspace.span<kernels::RowStatistics<T>>(samples);
    kernels::layer_norm<T>(cache.activated, norm.weight, norm.bias, eps, cache.pooled, cache.statistics);
  }
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
                           ConstMatrix<T> d_logits, const HeadGradients<T>& gradient, MatrixView<T> d_x,
                           Workspace& workspace) const {
  const Workspace::Mark mark = workspace.mark();
  const Index samples = d_logits.rows;
  const MatrixView<T> d_pooled = workspace.matrix<T>(samples, cache.pooled.cols);
  const MatrixView<T> d_first = workspace.matrix<T>(samples, cache.first_tokens.cols);
  output.backward_parameters(cache.dropped, d_logits, gradient.output);
  output.backward_input(d_logits, d_pooled, Write::overwrite);
  kernels::dropout(d_pooled, dropout.head_output());
  if (norm)
    kernels::layer_norm_backward<T>(d_pooled, cache.activated, cache.statistics, norm.weight, d_pooled,
                                    gradient.norm.weight, gradient.norm.bias);
  if (!slope_follows(activation)) {
    activation_backward<T>(activation, cache.pre_activation, d_pooled);
  } else {
    for (Index s = 0; s < samples; ++s)
      for (Index c = 0; c < d_pooled.cols; ++c) {
        const T y = cache.activated(s, c);
        d_pooled(s, c) *= activation == Activation::tanh ? T(1) - y * y : T(y > 0);  // from the output: tanh or ReLU
      }
  }
  dense.backward_parameters(cache.input, d_pooled, gradient.dense);
  dense.backward_input(d_pooled, d_first, Write::overwrite);
  if (dropout_before_dense) kernels::dropout(d_first, dropout.head_input());
  if (input_norm)
    kernels::layer_norm_backward<T>(d_first, cache.first_tokens, cache.input_statistics, input_norm.weight, d_first,
                                    gradient.input_norm.weight, gradient.input_norm.bias);
  eigen_map(d_x).setZero();
  if (pooling == HeadPooling::mean)
    mean_over_tokens_backward<T>(d_first, offsets.first(offsets.size() - 1), offsets.subspan(1), d_x);
  else
    for (Index s = 0; s < samples; ++s) std::copy_n(d_first.row(s), d_first.cols, d_x.row(offsets[s]));
  workspace.release(mark);
}

template struct HeadPass<float>;
template struct HeadPass<double>;

}  // namespace sharcs::internal
