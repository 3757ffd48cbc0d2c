#include "nn/transformer_layer.hpp"

#include <algorithm>
#include <array>
#include <type_traits>

#include "core/eigen_map.hpp"
#include "nn/activation.hpp"
#include "nn/relative_bias.hpp"

namespace sharcs::internal {

using kernels::Activation;
using kernels::Epilogue;
using kernels::Write;

template <class T>
MatrixView<const T> LayerPass<T>::output_rows(MatrixView<const T> x, Workspace& workspace, Stages* stages) const {
  if (outputs() == tokens()) return x;
  const MatrixView<T> rows = workspace.matrix<T>(outputs(), x.cols);
  share_parts(stages, 1, [=, this](int) {
    for (std::size_t s = 0; s + 1 < offsets.size(); ++s)
      for (Index r = output_offsets[s], t = offsets[s]; r < output_offsets[s + 1]; ++r, ++t)
        std::copy_n(x.row(t), x.cols, rows.row(r));
  });
  return rows;
}

template <class T>
void LayerPass<T>::project(MatrixView<const T> input, MatrixView<const T> output_input, MatrixView<T> query,
                           MatrixView<T> key_value, Stages* stages) const {
  const Index cols = query.cols;
  const std::array<kernels::Product<T>, 3> products = {layer.query.product(output_input, query),
                                                       layer.key.product(input, key_value.col_range(0, cols)),
                                                       layer.value.product(input, key_value.col_range(cols, cols))};
  kernels::multiply(std::span<const kernels::Product<T>>(products), stages);
}

template <class T>
void LayerPass<T>::project_int8(MatrixView<const T> input, MatrixView<const T> output_input, MatrixView<T> query,
                                MatrixView<T> key_value, Stages& stages) const requires std::is_same_v<T, float> {
  Workspace& workspace = stages.workspace();
  const Index cols = query.cols;
  const Linear<T>& key_or_value = layer.key.int8 ? layer.key : layer.value;
  const LinearInput<T> tokens_in(input, key_or_value, workspace, &stages);
  // The tokens that have an output are usually all of them, and are then quantized once for the three products.
  const bool same = output_input.data == input.data && tokens_in.int8;
  const LinearInput<T> outputs_in = same ? LinearInput<T>(output_input, tokens_in.int8)
                                         : LinearInput<T>(output_input, layer.query, workspace, &stages);
  std::vector<kernels::Int8Product> int8;
  std::vector<kernels::Product<T>> plain;
  const auto add = [&](const Linear<T>& linear, const LinearInput<T>& x, MatrixView<T> y) {
    if constexpr (std::is_same_v<T, float>)  // Clang 14 looks at this for double, too
      if (linear.int8) return int8.push_back(linear.int8_product(x.int8, y));
    plain.push_back(linear.product(x.plain, y));
  };
  add(layer.query, outputs_in, query);
  add(layer.key, tokens_in, key_value.col_range(0, cols));
  add(layer.value, tokens_in, key_value.col_range(cols, cols));
  if (!int8.empty()) kernels::multiply(std::span<const kernels::Int8Product>(int8), &stages);
  if (!plain.empty()) kernels::multiply(std::span<const kernels::Product<T>>(plain), &stages);
}

template <class T>
void LayerPass<T>::feed_forward(MatrixView<T> attended, MatrixView<T> output, Stages& stages) const {
  Workspace& workspace = stages.workspace();
  const auto norm = slice.attention_norm(layer);
  const MatrixView<T> inner = workspace.matrix<T>(outputs(), slice.ffn);
  const Epilogue<T> activate = {.activation = activation};
  if constexpr (std::is_same_v<T, float>) {
    if (layer.intermediate.int8) {
      const auto rows = kernels::Int8Rows::make(outputs(), slice.hidden, workspace);
      kernels::layer_norm(attended, norm.weight, norm.bias, eps, attended, rows, &stages);
      if (!layer.output.int8) {
        layer.intermediate.forward(LinearInput<T>(attended, rows), inner, activate, &stages);
        return layer.output.forward(LinearInput<T>(inner, layer.output, workspace), output, {.residual = attended},
                                    &stages);
      }
      const auto inner_rows = kernels::Int8Rows::make(outputs(), slice.ffn, workspace);
      kernels::multiply_and_quantize(layer.intermediate.int8_product(rows, inner, activate), inner_rows, &stages);
      return layer.output.forward(LinearInput<T>(inner, inner_rows), output, {.residual = attended}, &stages);
    }
  }
  kernels::layer_norm<T>(attended, norm.weight, norm.bias, eps, attended, {}, &stages);
  layer.intermediate.forward(LinearInput<T>(attended, layer.intermediate, workspace), inner, activate, &stages);
  layer.output.forward(LinearInput<T>(inner, layer.output, workspace, &stages), output, {.residual = attended},
                       &stages);
}

template <class T>
void LayerPass<T>::gated_feed_forward(MatrixView<const T> attended, MatrixView<T> output, Stages& stages) const {
  Workspace& workspace = stages.workspace();
  const auto norm = slice.output_norm(layer);
  const MatrixView<T> normal = workspace.matrix<T>(outputs(), slice.hidden);
  const MatrixView<T> inner = workspace.matrix<T>(outputs(), slice.ffn),
                      gate = workspace.matrix<T>(outputs(), slice.ffn);
  const Epilogue<T> activate = {.activation = activation};
  const auto multiply = [&] {
    if constexpr (std::is_same_v<T, float>) {
      if (layer.intermediate.int8) {
        const auto rows = kernels::Int8Rows::make(outputs(), slice.hidden, workspace);
        kernels::layer_norm(attended, norm.weight, norm.bias, eps, normal, rows, &stages);
        const std::array<kernels::Int8Product, 2> products = {layer.intermediate.int8_product(rows, inner, activate),
                                                              layer.gate->int8_product(rows, gate)};
        return kernels::multiply(std::span<const kernels::Int8Product>(products), &stages);
      }
    }
    kernels::layer_norm<T>(attended, norm.weight, norm.bias, eps, normal, {}, &stages);
    const std::array<kernels::Product<T>, 2> products = {layer.intermediate.product(normal, inner, activate),
                                                         layer.gate->product(normal, gate)};
    kernels::multiply(std::span<const kernels::Product<T>>(products), &stages);
  };
  multiply();
  kernels::multiply_by<T>(gate, inner, &stages);
  layer.output.forward(LinearInput<T>(inner, layer.output, workspace, &stages), output, {.residual = attended},
                       &stages);
}

template <class T>
MatrixView<const T> LayerPass<T>::normal_input(MatrixView<const T> input,
                                               std::span<kernels::RowStatistics<T>> statistics, Workspace& workspace,
                                               Stages* stages) const {
  const auto norm = slice.attention_norm(layer);
  if (!norm) return input;
  const MatrixView<T> normal = workspace.matrix<T>(tokens(), slice.hidden);
  kernels::layer_norm<T>(input, norm.weight, norm.bias, eps, normal, statistics, stages);
  return normal;
}

template <class T>
auto LayerPass<T>::angles() const -> Angles {
  return rotary == nullptr ? nullptr : rotary->table(longest_sample());
}

template <class T>
void LayerPass<T>::turn(MatrixView<T> query, MatrixView<T> key, const Angles& by, Turn turn, Stages* stages) const {
  if (!by) return;
  rotate<T>(query, output_offsets, *by, rotary->head_size(), turn, stages);
  rotate<T>(key, offsets, *by, rotary->head_size(), turn, stages);
}

template <class T>
kernels::Attention<T> LayerPass<T>::attention(MatrixView<const T> query, MatrixView<const T> key_value) const {
  const Index cols = query.cols;
  return {.query = query,
          .key = key_value.col_range(0, cols),
          .value = key_value.col_range(cols, cols),
          .query_offsets = output_offsets,
          .offsets = offsets,
          .heads = slice.heads,
          .head_size = slice.head_size,
          .window = window};
}

template <class T>
Index LayerPass<T>::longest_sample() const {
  Index longest = 0;
  for (std::size_t s = 0; s + 1 < offsets.size(); ++s) longest = std::max(longest, offsets[s + 1] - offsets[s]);
  return longest;
}

// Spread anew in each layer: a row for each head is little work beside the layer's, and the passes need not know of it.
template <class T>
MatrixView<const T> LayerPass<T>::bias(Workspace& workspace) const {
  if (!layer.relative_bias) return {};
  return relative_bias_by_distance<T>(layer.relative_bias, slice.heads, longest_sample(), workspace);
}

template <class T>
void LayerPass<T>::add_positions(kernels::Attention<T>& heads, Workspace& workspace) const {
  if (!layer.positions) return;
  const Index rows = 2 * longest_sample() - 1;
  const MatrixView<T> key = workspace.matrix<T>(rows, slice.attention()),
                      query = workspace.matrix<T>(rows, slice.attention());
  if (known_position_key) {
    gather_by_distance<T>(known_position_key, layer.distances, key);
    gather_by_distance<T>(known_position_query, layer.distances, query);
  } else {
    const MatrixView<T> normal = workspace.matrix<T>(rows, layer.positions.cols);
    gather_by_distance<T>(layer.positions, layer.distances, normal);
    kernels::layer_norm<T>(normal, layer.position_norm.weight, layer.position_norm.bias, eps, normal);
    const MatrixView<const T> input = normal.leading(rows, slice.hidden);
    layer.key.forward(LinearInput<T>(input, layer.key, workspace), key);
    layer.query.forward(LinearInput<T>(input, layer.query, workspace), query);
  }
  heads.position_key = key;
  heads.position_query = query;
}

template <class T>
void LayerPass<T>::drop_positions(MatrixView<T> rows, const kernels::Dropout& dropout) const {
  if (!dropout.active()) return;
  const Index longest = (rows.rows + 1) / 2;
  for (Index r = 0; r < rows.rows; ++r) {
    kernels::Dropout of_row = dropout;
    of_row.first_row += static_cast<std::uint64_t>(layer.distances.row(longest - 1 - r));
    kernels::dropout(rows.row_range(r, 1), of_row);
  }
}

template <class T>
void LayerPass<T>::add_positions(kernels::Attention<T>& heads, const kernels::Dropout& dropout, LayerCache<T>& cache,
                                 Workspace& workspace) const {
  if (!layer.positions) return;
  const Index rows = 2 * longest_sample() - 1, cols = layer.positions.cols;
  cache.positions = workspace.matrix<T>(rows, cols);
  cache.position_input = workspace.matrix<T>(rows, cols);
  cache.position_statistics = workspace.span<kernels::RowStatistics<T>>(rows);
  cache.position_key = workspace.matrix<T>(rows, slice.attention());
  cache.position_query = workspace.matrix<T>(rows, slice.attention());
  gather_by_distance<T>(layer.positions, layer.distances, cache.positions);
  kernels::layer_norm<T>(cache.positions, layer.position_norm.weight, layer.position_norm.bias, eps,
                         cache.position_input, cache.position_statistics);
  drop_positions(cache.position_input, dropout);
  const MatrixView<const T> input = cache.position_input.leading(rows, slice.hidden);
  layer.key.forward(input, cache.position_key);
  layer.query.forward(input, cache.position_query);
  heads.position_key = cache.position_key;
  heads.position_query = cache.position_query;
}

template <class T>
void LayerPass<T>::positions_backward(const LayerCache<T>& cache, const kernels::Dropout& dropout,
                                      const kernels::AttentionGradients<T>& d_heads,
                                      const TransformerLayer<LinearView<T>, T>& gradient, Workspace& workspace) const {
  // Sample by sample, so that no order of threads is in the sums.
  const Index rows = cache.positions.rows, cols = cache.positions.cols;
  for (const MatrixView<T>& d : {d_heads.position_key, d_heads.position_query})
    for (Index first = rows; first < d.rows; first += rows)
      kernels::add<T>(d.row_range(first, rows), d.row_range(0, rows));
  const MatrixView<T> d_key = d_heads.position_key.row_range(0, rows),
                      d_query = d_heads.position_query.row_range(0, rows);
  const MatrixView<const T> input = cache.position_input.leading(rows, slice.hidden);
  Linear<T>::backward_parameters(
      {{layer.query, input, d_query, gradient.query}, {layer.key, input, d_key, gradient.key}});
  const MatrixView<T> d_positions = workspace.matrix<T>(rows, cols);
  eigen_map(d_positions).setZero();
  Linear<T>::backward_input({{layer.query, d_query}, {layer.key, d_key}}, d_positions.leading(rows, slice.hidden),
                            Write::overwrite);
  drop_positions(d_positions, dropout);
  kernels::layer_norm_backward<T>(d_positions, cache.positions, cache.position_statistics, layer.position_norm.weight,
                                  d_positions, gradient.position_norm.weight, gradient.position_norm.bias);
  gather_by_distance_backward<T>(d_positions, layer.distances, gradient.positions);
}

template <class T>
void LayerPass<T>::drop(MatrixView<T> x, const kernels::Dropout& dropout) const {
  if (outputs() == tokens()) return kernels::dropout(x, dropout);
  for (std::size_t s = 0; s + 1 < offsets.size(); ++s) {
    kernels::Dropout of_sample = dropout;
    of_sample.first_row += static_cast<std::uint64_t>(offsets[s]);
    kernels::dropout(x.row_range(output_offsets[s], output_offsets[s + 1] - output_offsets[s]), of_sample);
  }
}

template <class T>
MatrixView<const T> LayerPass<T>::through_dropout(MatrixView<const T> d_x, const kernels::Dropout& dropout,
                                                  Workspace& workspace) const {
  if (!dropout.active()) return d_x;
  const MatrixView<T> dropped = workspace.matrix<T>(d_x.rows, d_x.cols);
  eigen_map(dropped) = eigen_map(d_x);
  drop(dropped, dropout);
  return dropped;
}

template <class T>
kernels::Dropout LayerPass<T>::attention_output_dropout(const DropoutPlan& dropout, std::uint64_t layer_index) const {
  kernels::Dropout of_output = dropout.attention_output(layer_index);
  if (pre_norm) of_output.rate = dropout.attention;
  return of_output;
}

template <class T>
void LayerPass<T>::add_to_tokens(MatrixView<const T> of_outputs, MatrixView<T> of_tokens) const {
  for (std::size_t s = 0; s + 1 < offsets.size(); ++s) {
    const Index first = output_offsets[s], count = output_offsets[s + 1] - first;
    kernels::add<T>(of_outputs.row_range(first, count), of_tokens.row_range(offsets[s], count));
  }
}

template <class T>
void LayerPass<T>::forward(ConstMatrix<T> input, MatrixView<T> output, Workspace& workspace) const {
  const Workspace::Mark mark = workspace.mark();
  const MatrixView<T> query = workspace.matrix<T>(outputs(), slice.attention());
  const MatrixView<T> key_value = workspace.matrix<T>(tokens(), 2 * slice.attention());
  const MatrixView<T> context = workspace.matrix<T>(outputs(), slice.attention());
  const MatrixView<T> attended = workspace.matrix<T>(outputs(), slice.hidden);
  const Angles by_position = angles();
  kernels::Attention<T> heads = attention(query, key_value);
  heads.bias = bias(workspace);
  add_positions(heads, workspace);

  // What is above reads no input and is done. The rest is one piece for the threads.
  Stages stages(workspace);
  const MatrixView<const T> residual = output_rows(input, workspace, &stages);
  const MatrixView<const T> read = pre_norm ? normal_input(input, {}, workspace, &stages) : input;
  const MatrixView<const T> query_read = pre_norm ? output_rows(read, workspace, &stages) : residual;
  if constexpr (std::is_same_v<T, float>) {
    layer.projects_in_int8() ? project_int8(read, query_read, query, key_value, stages)
                             : project(read, query_read, query, key_value, &stages);
  } else {
    project(read, query_read, query, key_value, &stages);
  }
  turn(query, key_value.col_range(0, query.cols), by_position, Turn::forth, &stages);
  kernels::attention(heads, context, &stages);
  layer.attention_output.forward(LinearInput<T>(context, layer.attention_output, workspace, &stages), attended,
                                 {.residual = residual}, &stages);
  if (pre_norm) {
    gated_feed_forward(attended, output, stages);
  } else {
    feed_forward(attended, output, stages);
    const auto output_norm = slice.output_norm(layer);
    kernels::layer_norm<T>(output, output_norm.weight, output_norm.bias, eps, output, {}, &stages);
  }
  stages.run();
  workspace.release(mark);
}

template <class T>
LayerCache<T> LayerPass<T>::forward_training(ConstMatrix<T> input, const DropoutPlan& dropout,
                                             std::uint64_t layer_index, Workspace& workspace) const {
  const Index rows = outputs();
  LayerCache<T> cache;
  cache.input = input;
  cache.output_input = output_rows(input, workspace);
  cache.query = workspace.matrix<T>(rows, slice.attention());
  cache.key_value = workspace.matrix<T>(tokens(), 2 * slice.attention());
  kernels::Attention<T> heads = attention(cache.query, cache.key_value);
  cache.probabilities = workspace.span<T>(kernels::attention_probability_count(heads));
  cache.context = workspace.matrix<T>(rows, slice.attention());
  cache.attended = workspace.matrix<T>(rows, slice.hidden);
  cache.pre_activation = workspace.matrix<T>(rows, slice.ffn);
  cache.activation = workspace.matrix<T>(rows, slice.ffn);
  cache.output = workspace.matrix<T>(rows, slice.hidden);
  cache.attention_statistics = workspace.span<kernels::RowStatistics<T>>(pre_norm ? tokens() : rows);
  cache.output_statistics = workspace.span<kernels::RowStatistics<T>>(rows);
  cache.attention_input = pre_norm ? normal_input(input, cache.attention_statistics, workspace) : input;
  cache.query_input = pre_norm ? output_rows(cache.attention_input, workspace) : cache.output_input;

  // The residual rides on the product, unless dropout has to come between them.
  const auto project_and_add = [&](const Linear<T>& linear, MatrixView<const T> x, MatrixView<const T> residual,
                                   const kernels::Dropout& dropout_of_sum, MatrixView<T> sum) {
    if (!dropout_of_sum.active()) return linear.forward(x, sum, {.residual = residual});
    linear.forward(x, sum);
    drop(sum, dropout_of_sum);
    kernels::add<T>(residual, sum);
  };

  project(cache.attention_input, cache.query_input, cache.query, cache.key_value);
  turn(cache.query, cache.key_value.col_range(0, cache.query.cols), angles(), Turn::forth);
  add_positions(heads, dropout.positions(layer_index), cache, workspace);
  const Workspace::Mark mark = workspace.mark();
  heads.bias = bias(workspace);
  kernels::attention_forward(heads, dropout.probabilities(layer_index), cache.context, cache.probabilities);
  workspace.release(mark);
  const kernels::Dropout of_attention = attention_output_dropout(dropout, layer_index);
  const auto attention_norm = slice.attention_norm(layer), output_norm = slice.output_norm(layer);
  if (pre_norm) {
    project_and_add(layer.attention_output, cache.context, cache.output_input, of_attention, cache.attended);
    const MatrixView<T> normal = workspace.matrix<T>(rows, slice.hidden);
    kernels::layer_norm<T>(cache.attended, output_norm.weight, output_norm.bias, eps, normal, cache.output_statistics);
    cache.feed_forward_input = normal;
    cache.gate = workspace.matrix<T>(rows, slice.ffn);
    cache.gated = workspace.matrix<T>(rows, slice.ffn);
    const std::array<kernels::Product<T>, 2> products = {
        layer.intermediate.product(normal, cache.activation,
                                   {.pre_activation = cache.pre_activation, .activation = activation}),
        layer.gate->product(normal, cache.gate)};
    kernels::multiply(std::span<const kernels::Product<T>>(products));
    eigen_map(cache.gated) = eigen_map(cache.activation);
    kernels::multiply_by<T>(cache.gate, cache.gated);
    drop(cache.gated, dropout.output(layer_index));
    layer.output.forward(cache.gated, cache.output, {.residual = cache.attended});
    return cache;
  }
  cache.attention_sum = workspace.matrix<T>(rows, slice.hidden);
  cache.output_sum = workspace.matrix<T>(rows, slice.hidden);
  project_and_add(layer.attention_output, cache.context, cache.output_input, of_attention, cache.attention_sum);
  kernels::layer_norm<T>(cache.attention_sum, attention_norm.weight, attention_norm.bias, eps, cache.attended,
                         cache.attention_statistics);
  cache.feed_forward_input = cache.attended;

  layer.intermediate.forward(cache.attended, cache.activation,
                             {.pre_activation = cache.pre_activation, .activation = activation});
  project_and_add(layer.output, cache.activation, cache.attended, dropout.output(layer_index), cache.output_sum);
  kernels::layer_norm<T>(cache.output_sum, output_norm.weight, output_norm.bias, eps, cache.output,
                         cache.output_statistics);
  return cache;
}

template <class T>
auto LayerPass<T>::attention_backward(const LayerCache<T>& cache, const DropoutPlan& dropout, std::uint64_t layer_index,
                                      MatrixView<const T> d_projected,
                                      const TransformerLayer<LinearView<T>, T>& gradient, Workspace& workspace,
                                      std::span<T> d_head_mask) const -> ProjectionGradients {
  const Index rows = outputs(), cols = slice.attention();
  const MatrixView<T> d_context = workspace.matrix<T>(rows, cols);
  layer.attention_output.backward_parameters(cache.context, d_projected, gradient.attention_output);
  layer.attention_output.backward_input(d_projected, d_context, Write::overwrite);
  for (std::size_t h = 0; h < d_head_mask.size(); ++h) {
    const Index first = static_cast<Index>(h) * slice.head_size;
    d_head_mask[h] += eigen_map(d_context.col_range(first, slice.head_size))
                          .cwiseProduct(eigen_map(MatrixView<const T>(cache.context.col_range(first, slice.head_size))))
                          .sum();
  }

  const MatrixView<T> d_query = workspace.matrix<T>(rows, cols), d_key_value = workspace.matrix<T>(tokens(), 2 * cols);
  const MatrixView<T> d_key = d_key_value.col_range(0, cols), d_value = d_key_value.col_range(cols, cols);
  kernels::AttentionGradients<T> d_heads = {d_query, d_key, d_value};
  if (layer.relative_bias)
    d_heads.bias = workspace.matrix<T>((std::ssize(offsets) - 1) * slice.heads, 2 * longest_sample() - 1);
  kernels::Attention<T> heads = attention(cache.query, cache.key_value);
  if (layer.positions) {
    heads.position_key = cache.position_key;
    heads.position_query = cache.position_query;
    const Index all = (std::ssize(offsets) - 1) * cache.positions.rows;
    d_heads.position_key = workspace.matrix<T>(all, cols);
    d_heads.position_query = workspace.matrix<T>(all, cols);
  }
  kernels::attention_backward<T>(heads, dropout.probabilities(layer_index), cache.probabilities, d_context, d_heads);
  if (layer.positions) positions_backward(cache, dropout.positions(layer_index), d_heads, gradient, workspace);
  if (layer.relative_bias) relative_bias_backward<T>(d_heads.bias, slice.heads, gradient.relative_bias);
  turn(d_query, d_key, angles(), Turn::back);
  Linear<T>::backward_parameters({{layer.query, cache.query_input, d_query, gradient.query},
                                  {layer.key, cache.attention_input, d_key, gradient.key},
                                  {layer.value, cache.attention_input, d_value, gradient.value}});
  return {d_query, d_key_value};
}

template <class T>
void LayerPass<T>::pre_norm_backward(const LayerCache<T>& cache, const DropoutPlan& dropout, std::uint64_t layer_index,
                                     MatrixView<T> d_output, MatrixView<T> d_input,
                                     const TransformerLayer<LinearView<T>, T>& gradient, Workspace& workspace,
                                     std::span<T> d_head_mask) const {
  const Index rows = outputs(), cols = slice.attention();

  // y = a + W2 · dropout(g ∘ u) with g = act(W1 · m), u = W3 · m and m = LN(a): dg = d ∘ u, du = d ∘ g. d_output
  // becomes the gradient of a.
  const MatrixView<T> d_inner = workspace.matrix<T>(rows, slice.ffn), d_gate = workspace.matrix<T>(rows, slice.ffn);
  const MatrixView<T> d_normal = workspace.matrix<T>(rows, slice.hidden);
  layer.output.backward_parameters(cache.gated, d_output, gradient.output);
  layer.output.backward_input(d_output, d_inner, Write::overwrite);
  drop(d_inner, dropout.output(layer_index));
  eigen_map(d_gate) = eigen_map(MatrixView<const T>(d_inner));
  kernels::multiply_by<T>(cache.activation, d_gate);
  kernels::multiply_by<T>(cache.gate, d_inner);
  activation_backward<T>(activation, cache.pre_activation, d_inner);
  Linear<T>::backward_parameters({{layer.intermediate, cache.feed_forward_input, d_inner, gradient.intermediate},
                                  {*layer.gate, cache.feed_forward_input, d_gate, *gradient.gate}});
  Linear<T>::backward_input({{layer.intermediate, d_inner}, {*layer.gate, d_gate}}, d_normal, Write::overwrite);
  const auto output_norm = slice.output_norm(layer);
  const auto d_output_norm = slice.output_norm(gradient);
  kernels::layer_norm_backward<T>(d_normal, cache.attended, cache.output_statistics, output_norm.weight, d_normal,
                                  d_output_norm.weight, d_output_norm.bias);
  kernels::add<T>(d_normal, d_output);

  // a = x + dropout(Wo · context), and the projections read LN(x).
  const auto d_projected = through_dropout(d_output, attention_output_dropout(dropout, layer_index), workspace);
  const auto [d_query, d_key_value] =
      attention_backward(cache, dropout, layer_index, d_projected, gradient, workspace, d_head_mask);
  const MatrixView<T> d_key = d_key_value.col_range(0, cols), d_value = d_key_value.col_range(cols, cols);
  const bool apart = d_input.data != d_output.data;
  const MatrixView<T> d_read = apart ? d_input : workspace.matrix<T>(tokens(), slice.hidden);
  if (rows == tokens()) {
    Linear<T>::backward_input({{layer.query, d_query}, {layer.key, d_key}, {layer.value, d_value}}, d_read,
                              Write::overwrite);
  } else {
    Linear<T>::backward_input({{layer.key, d_key}, {layer.value, d_value}}, d_read, Write::overwrite);
    const MatrixView<T> of_queries = workspace.matrix<T>(rows, slice.hidden);
    layer.query.backward_input(d_query, of_queries, Write::overwrite);
    add_to_tokens(of_queries, d_read);
  }
  if (const auto norm = slice.attention_norm(layer)) {
    const auto d_norm = slice.attention_norm(gradient);
    kernels::layer_norm_backward<T>(d_read, cache.input, cache.attention_statistics, norm.weight, d_read, d_norm.weight,
                                    d_norm.bias);
  }
  if (apart)
    add_to_tokens(d_output, d_input);
  else
    kernels::add<T>(d_read, d_input);
}

template <class T>
void LayerPass<T>::backward(const LayerCache<T>& cache, const DropoutPlan& dropout, std::uint64_t layer_index,
                            MatrixView<T> d_output, MatrixView<T> d_input,
                            const TransformerLayer<LinearView<T>, T>& gradient, Workspace& workspace,
                            std::span<T> d_head_mask) const {
  const Workspace::Mark mark = workspace.mark();
  if (pre_norm) {
    pre_norm_backward(cache, dropout, layer_index, d_output, d_input, gradient, workspace, d_head_mask);
    return workspace.release(mark);
  }
  const Index rows = outputs(), cols = slice.attention();

  // y = LN(a + dropout(W2 · act(W1 · a))). d_output becomes the gradient of the sum, then of a.
  const auto output_norm = slice.output_norm(layer);
  const auto d_output_norm = slice.output_norm(gradient);
  kernels::layer_norm_backward<T>(d_output, cache.output_sum, cache.output_statistics, output_norm.weight, d_output,
                                  d_output_norm.weight, d_output_norm.bias);
  const MatrixView<T> d_inner = workspace.matrix<T>(rows, slice.ffn);
  const MatrixView<const T> d_ffn = through_dropout(d_output, dropout.output(layer_index), workspace);
  layer.output.backward_parameters(cache.activation, d_ffn, gradient.output);
  layer.output.backward_input(d_ffn, d_inner, Write::overwrite);
  activation_backward<T>(activation, cache.pre_activation, d_inner);
  layer.intermediate.backward_parameters(cache.attended, d_inner, gradient.intermediate);
  layer.intermediate.backward_input(d_inner, d_output, Write::accumulate);

  // a = LN(x + dropout(Wo · context)). d_output becomes the gradient of the sum, then of x.
  const auto attention_norm = slice.attention_norm(layer);
  const auto d_attention_norm = slice.attention_norm(gradient);
  kernels::layer_norm_backward<T>(d_output, cache.attention_sum, cache.attention_statistics, attention_norm.weight,
                                  d_output, d_attention_norm.weight, d_attention_norm.bias);
  const auto d_projected = through_dropout(d_output, attention_output_dropout(dropout, layer_index), workspace);
  const auto [d_query, d_key_value] =
      attention_backward(cache, dropout, layer_index, d_projected, gradient, workspace, d_head_mask);
  const MatrixView<T> d_key = d_key_value.col_range(0, cols), d_value = d_key_value.col_range(cols, cols);

  // The outputs' tokens get theirs from the residual and the query, every token from its key and value.
  if (d_input.data == d_output.data) {
    Linear<T>::backward_input({{layer.query, d_query}, {layer.key, d_key}, {layer.value, d_value}}, d_input,
                              Write::accumulate);
  } else {
    layer.query.backward_input(d_query, d_output, Write::accumulate);
    Linear<T>::backward_input({{layer.key, d_key}, {layer.value, d_value}}, d_input, Write::overwrite);
    add_to_tokens(d_output, d_input);
  }
  workspace.release(mark);
}

template struct LayerPass<float>;
template struct LayerPass<double>;

}  // namespace sharcs::internal
