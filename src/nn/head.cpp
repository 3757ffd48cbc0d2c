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
auto HeadPass<T>::forward(ConstMatrix<T> x, const HeadRows& rows, const DropoutPlan& dropout,
                          Workspace& workspace) const -> Cache {
  const Index count = std::ssize(rows.begins);
  Cache cache;
  cache.read = workspace.matrix<T>(count, x.cols);
  cache.logits = workspace.matrix<T>(count, output.outputs());
  if (pooling == HeadPooling::mean)
    mean_over_tokens<T>(x, rows.begins, rows.ends, cache.read);
  else
    for (Index i = 0; i < count; ++i)
      std::copy_n(x.row(rows.begins[static_cast<std::size_t>(i)]), x.cols, cache.read.row(i));
  cache.inputs = cache.read;
  if (input_norm) {
    cache.inputs = workspace.matrix<T>(count, x.cols);
    cache.input_statistics = workspace.span<kernels::RowStatistics<T>>(count);
    kernels::layer_norm<T>(cache.read, input_norm.weight, input_norm.bias, eps, cache.inputs, cache.input_statistics);
  }
  if (dense == nullptr) {
    cache.pooled = cache.inputs;
  } else {
    cache.pooled = workspace.matrix<T>(count, dense->outputs());
    if (dropout_before_dense) kernels::dropout(cache.inputs, dropout.head_input());
    if (!slope_follows(activation)) cache.pre_activation = workspace.matrix<T>(count, cache.pooled.cols);
    cache.activated = norm ? workspace.matrix<T>(count, cache.pooled.cols) : cache.pooled;
    dense->forward(LinearInput<T>(cache.inputs, *dense, workspace), cache.activated,
                   {.pre_activation = cache.pre_activation, .activation = activation});
    if (norm) {
      cache.statistics = workspace.span<kernels::RowStatistics<T>>(count);
      kernels::layer_norm<T>(cache.activated, norm.weight, norm.bias, eps, cache.pooled, cache.statistics);
    }
  }
  cache.dropped = cache.pooled;
  if (dropout.head_output().active()) {
    cache.dropped = workspace.matrix<T>(count, cache.pooled.cols);
    eigen_map(cache.dropped) = eigen_map(cache.pooled);
    kernels::dropout(cache.dropped, dropout.head_output());
  }
  output.forward(LinearInput<T>(cache.dropped, output, workspace), cache.logits);
  return cache;
}

template <class T>
void HeadPass<T>::backward(const Cache& cache, const HeadRows& rows, const DropoutPlan& dropout,
                           ConstMatrix<T> d_logits, const HeadGradients<T>& gradient, MatrixView<T> d_x,
                           Workspace& workspace) const {
  const Workspace::Mark mark = workspace.mark();
  const Index count = d_logits.rows;
  const MatrixView<T> d_pooled = workspace.matrix<T>(count, cache.pooled.cols);
  if (gradient.output != nullptr) output.backward_parameters(cache.dropped, d_logits, *gradient.output);
  output.backward_input(d_logits, d_pooled, Write::overwrite);
  kernels::dropout(d_pooled, dropout.head_output());
  MatrixView<T> d_read = d_pooled;
  if (dense != nullptr) {
    if (norm)
      kernels::layer_norm_backward<T>(d_pooled, cache.activated, cache.statistics, norm.weight, d_pooled,
                                      gradient.norm.weight, gradient.norm.bias);
    if (!slope_follows(activation)) {
      activation_backward<T>(activation, cache.pre_activation, d_pooled);
    } else {
      for (Index i = 0; i < count; ++i)
        for (Index c = 0; c < d_pooled.cols; ++c) {
          const T y = cache.activated(i, c);
          d_pooled(i, c) *= activation == Activation::tanh ? T(1) - y * y : T(y > 0);  // from the output: tanh or ReLU
        }
    }
    d_read = workspace.matrix<T>(count, cache.read.cols);
    dense->backward_parameters(cache.inputs, d_pooled, *gradient.dense);
    dense->backward_input(d_pooled, d_read, Write::overwrite);
    if (dropout_before_dense) kernels::dropout(d_read, dropout.head_input());
  }
  if (input_norm)
    kernels::layer_norm_backward<T>(d_read, cache.read, cache.input_statistics, input_norm.weight, d_read,
                                    gradient.input_norm.weight, gradient.input_norm.bias);
  eigen_map(d_x).setZero();
  if (pooling == HeadPooling::mean)
    mean_over_tokens_backward<T>(d_read, rows.begins, rows.ends, d_x);
  else
    for (Index i = 0; i < count; ++i)
      std::copy_n(d_read.row(i), d_read.cols, d_x.row(rows.begins[static_cast<std::size_t>(i)]));
  workspace.release(mark);
}

template struct HeadPass<float>;
template struct HeadPass<double>;

}  // namespace sharcs::internal
