#include "nn/transformer_layer.hpp"

#include <array>

#include "core/eigen_map.hpp"

namespace sharcs {

using kernels::Epilogue;
using kernels::Write;

template <class T>
kernels::Attention<T> LayerPass<T>::attention(MatrixView<const T> qkv) const {
  const Index cols = slice.attention();
  return {qkv.col_range(0, cols), qkv.col_range(cols, cols), qkv.col_range(2 * cols, cols), offsets, offsets, slice.heads,
          slice.head_size};
}

template <class T>
void project_qkv(const TransformerLayer<Linear<T>, const T>& layer, MatrixView<const T> input, MatrixView<T> qkv) {
  const Index cols = qkv.cols / 3;
  const std::array<kernels::Product<T>, 3> products = {layer.query.product(input, qkv.col_range(0, cols)),
                                                       layer.key.product(input, qkv.col_range(cols, cols)),
                                                       layer.value.product(input, qkv.col_range(2 * cols, cols))};
  kernels::multiply(std::span<const kernels::Product<T>>(products));
}

template <class T>
void LayerPass<T>::forward(ConstMatrix<T> input, MatrixView<T> output, Workspace& workspace) const {
  const Workspace::Mark mark = workspace.mark();
  const Index rows = input.rows;
  const MatrixView<T> qkv = workspace.matrix<T>(rows, 3 * slice.attention());
  const MatrixView<T> context = workspace.matrix<T>(rows, slice.attention());
  const MatrixView<T> attended = workspace.matrix<T>(rows, slice.hidden);
  const MatrixView<T> inner = workspace.matrix<T>(rows, slice.ffn);

  project_qkv<T>(layer, input, qkv);
  kernels::attention(attention(qkv), context);
  layer.attention_output.forward(context, attended, {.residual = input});
  const auto attention_norm = slice.attention_norm(layer);
  kernels::layer_norm<T>(attended, attention_norm.weight, attention_norm.bias, eps, attended);

  layer.intermediate.forward(attended, inner, {.activation = activation});
  layer.output.forward(inner, output, {.residual = attended});
  const auto output_norm = slice.output_norm(layer);
  kernels::layer_norm<T>(output, output_norm.weight, output_norm.bias, eps, output);
  workspace.release(mark);
}

template <class T>
LayerCache<T> LayerPass<T>::forward_training(ConstMatrix<T> input, const DropoutPlan& dropout,
                                             std::uint64_t layer_index, Workspace& workspace) const {
  const Index rows = input.rows;
  LayerCache<T> cache;
  cache.input = input;
  cache.qkv = workspace.matrix<T>(rows, 3 * slice.attention());
  cache.probabilities = workspace.span<T>(kernels::attention_probability_count(attention(cache.qkv)));
  cache.context = workspace.matrix<T>(rows, slice.attention());
  cache.attention_sum = workspace.matrix<T>(rows, slice.hidden);
  cache.attended = workspace.matrix<T>(rows, slice.hidden);
  cache.pre_activation = workspace.matrix<T>(rows, slice.ffn);
  cache.activation = workspace.matrix<T>(rows, slice.ffn);
  cache.output_sum = workspace.matrix<T>(rows, slice.hidden);
  cache.output = workspace.matrix<T>(rows, slice.hidden);
  cache.attention_statistics = workspace.span<kernels::RowStatistics<T>>(rows);
  cache.output_statistics = workspace.span<kernels::RowStatistics<T>>(rows);

  // The residual rides on the product, unless dropout has to come between them.
  const auto project_and_add = [](const Linear<T>& linear, MatrixView<const T> x, MatrixView<const T> residual,
                                  const kernels::Dropout& drop, MatrixView<T> sum) {
    if (!drop.active()) return linear.forward(x, sum, {.residual = residual});
    linear.forward(x, sum);
    kernels::dropout(sum, drop);
    kernels::add<T>(residual, sum);
  };

  project_qkv<T>(layer, input, cache.qkv);
  kernels::attention_forward(attention(cache.qkv), dropout.probabilities(layer_index), cache.context,
                             cache.probabilities);
  project_and_add(layer.attention_output, cache.context, input, dropout.attention_output(layer_index),
                  cache.attention_sum);
  const auto attention_norm = slice.attention_norm(layer);
  kernels::layer_norm<T>(cache.attention_sum, attention_norm.weight, attention_norm.bias, eps, cache.attended,
                         cache.attention_statistics);

  layer.intermediate.forward(cache.attended, cache.activation,
                             {.pre_activation = cache.pre_activation, .activation = activation});
  project_and_add(layer.output, cache.activation, cache.attended, dropout.output(layer_index), cache.output_sum);
  const auto output_norm = slice.output_norm(layer);
  kernels::layer_norm<T>(cache.output_sum, output_norm.weight, output_norm.bias, eps, cache.output,
                         cache.output_statistics);
  return cache;
}

template <class T>
void LayerPass<T>::backward(const LayerCache<T>& cache, const DropoutPlan& dropout, std::uint64_t layer_index,
                            MatrixView<T> d_output, const TransformerLayer<LinearView<T>, T>& gradient,
                            Workspace& workspace, std::span<T> d_head_mask) const {
  const Workspace::Mark mark = workspace.mark();
  const Index rows = d_output.rows, cols = slice.attention();

  // The gradient of a sub-layer's output is the sum's, dropped out again: a copy only where there is dropout.
  const auto through_dropout = [&](MatrixView<const T> d_sum, const kernels::Dropout& drop) -> MatrixView<const T> {
    if (!drop.active()) return d_sum;
    const MatrixView<T> dropped = workspace.matrix<T>(rows, d_sum.cols);
    eigen_map(dropped) = eigen_map(d_sum);
    kernels::dropout(dropped, drop);
    return dropped;
  };

  // y = LN(a + dropout(W2 · act(W1 · a))). d_output becomes the gradient of the sum, then of a.
  const auto output_norm = slice.output_norm(layer);
  const auto d_output_norm = slice.output_norm(gradient);
  kernels::layer_norm_backward<T>(d_output, cache.output_sum, cache.output_statistics, output_norm.weight, d_output,
                                  d_output_norm.weight, d_output_norm.bias);
  const MatrixView<T> d_inner = workspace.matrix<T>(rows, slice.ffn);
  const MatrixView<const T> d_ffn = through_dropout(d_output, dropout.output(layer_index));
  Linear<T>::backward_parameters(cache.activation, d_ffn, gradient.output);
  layer.output.backward_input(d_ffn, d_inner, Write::overwrite);
  if (activation == kernels::Activation::gelu_tanh)
    kernels::gelu_tanh_backward<T>(d_inner, cache.pre_activation, d_inner);
  else
    kernels::gelu_backward<T>(d_inner, cache.pre_activation, d_inner);
  Linear<T>::backward_parameters(cache.attended, d_inner, gradient.intermediate);
  layer.intermediate.backward_input(d_inner, d_output, Write::accumulate);

  // a = LN(x + dropout(Wo · context)). d_output becomes the gradient of the sum, then of x.
  const auto attention_norm = slice.attention_norm(layer);
  const auto d_attention_norm = slice.attention_norm(gradient);
  kernels::layer_norm_backward<T>(d_output, cache.attention_sum, cache.attention_statistics, attention_norm.weight,
                                  d_output, d_attention_norm.weight, d_attention_norm.bias);
  const MatrixView<T> d_context = workspace.matrix<T>(rows, cols);
  const MatrixView<const T> d_projected = through_dropout(d_output, dropout.attention_output(layer_index));
  Linear<T>::backward_parameters(cache.context, d_projected, gradient.attention_output);
  layer.attention_output.backward_input(d_projected, d_context, Write::overwrite);
  for (std::size_t h = 0; h < d_head_mask.size(); ++h) {
    const Index first = static_cast<Index>(h) * slice.head_size;
    d_head_mask[h] += eigen_map(d_context.col_range(first, slice.head_size))
                          .cwiseProduct(eigen_map(MatrixView<const T>(cache.context.col_range(first, slice.head_size))))
                          .sum();
  }

  const MatrixView<T> d_qkv = workspace.matrix<T>(rows, 3 * cols);
  const MatrixView<T> d_query = d_qkv.col_range(0, cols), d_key = d_qkv.col_range(cols, cols),
                      d_value = d_qkv.col_range(2 * cols, cols);
  kernels::attention_backward<T>(attention(cache.qkv), dropout.probabilities(layer_index), cache.probabilities,
                                 d_context, d_query, d_key, d_value);
  Linear<T>::backward_parameters(cache.input, d_query, gradient.query);
  Linear<T>::backward_parameters(cache.input, d_key, gradient.key);
  Linear<T>::backward_parameters(cache.input, d_value, gradient.value);
  layer.query.backward_input(d_query, d_output, Write::accumulate);
  layer.key.backward_input(d_key, d_output, Write::accumulate);
  layer.value.backward_input(d_value, d_output, Write::accumulate);
  workspace.release(mark);
}

template struct LayerPass<float>;
template struct LayerPass<double>;

}  // namespace sharcs
