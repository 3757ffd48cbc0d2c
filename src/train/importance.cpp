#include "train/importance.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "model/training_pass.hpp"
#include "nn/loss.hpp"
#include "sharcs/error.hpp"

namespace sharcs::internal {

template <class T>
ImportanceMeter<T>::ImportanceMeter(const Network<T>& network, const std::string& name)
    : network_(network),
      gradients_(network.layout()),
      views_(bind_parameters(network.config(), network.widths(), gradients_)) {
  const ModelConfig& config = network.config();
  if (find_backbone(config.model_type).shares_layers)
    throw ConfigError(
        name + ": \"model_type\" is \"" + config.model_type +
        "\", whose layers share their weights; expected a model whose layers can be reordered one by one");
  const auto layers = static_cast<std::size_t>(config.num_hidden_layers);
  importance_.heads.assign(layers, std::vector<double>(static_cast<std::size_t>(config.num_attention_heads), 0));
  importance_.neurons.assign(layers, std::vector<double>(static_cast<std::size_t>(config.intermediate_size), 0));
}

template <class T>
void ImportanceMeter<T>::add(const RaggedBatch& batch, std::span<const std::int32_t> labels,
                             std::span<const float> targets) {
  const ModelConfig& config = network_.config();
  const Index samples = batch.samples();
  gradients_.set_zero();
  std::vector<std::vector<T>> d_masks(importance_.heads.size(), std::vector<T>(importance_.heads[0].size(), T(0)));
  {
    TrainingPass<T> pass(network_.encoder(), workspace_);
    pass.forward(batch, network_.widths().widest(), {});
    const MatrixView<T> d_logits = workspace_.matrix<T>(samples, config.num_labels());
    const double scale = 1.0 / static_cast<double>(samples);
    if (config.is_regression())
      squared_error<T>(pass.logits(), targets, scale, d_logits);
    else
      cross_entropy<T>(pass.logits(), labels, scale, workspace_.matrix<T>(samples, config.num_labels()), d_logits);
    pass.backward(d_logits, {}, views_, &d_masks);
  }
  for (std::size_t i = 0; i < d_masks.size(); ++i) {
    for (std::size_t h = 0; h < d_masks[i].size(); ++h)
      importance_.heads[i][h] += std::abs(static_cast<double>(d_masks[i][h]));
    const auto& layer = network_.encoder().weights.layer(static_cast<Index>(i));
    const auto& gradient = views_.layer(static_cast<Index>(i));
    for (Index n = 0; n < config.intermediate_size; ++n) {
      double inner =
                 static_cast<double>(layer.intermediate.bias[n]) * static_cast<double>(gradient.intermediate.bias[n]),
             outer = 0;
      for (Index k = 0; k < config.hidden_size; ++k) {
        inner += static_cast<double>(layer.intermediate.weight(n, k)) *
                 static_cast<double>(gradient.intermediate.weight(n, k));
        outer += static_cast<double>(layer.output.weight(k, n)) * static_cast<double>(gradient.output.weight(k, n));
      }
      importance_.neurons[i][static_cast<std::size_t>(n)] += std::abs(inner) + std::abs(outer);
    }
  }
}

std::vector<Index> descending_order(const std::vector<double>& importance) {
  std::vector<Index> order(importance.size());
  std::iota(order.begin(), order.end(), Index{0});
  std::stable_sort(order.begin(), order.end(), [&](Index a, Index b) { return importance[a] > importance[b]; });
  return order;
}

namespace {

/// Blocks of `block` consecutive rows, moved to the order given.
template <class T>
void permute_rows(std::span<T> values, Index row_size, Index block, std::span<const Index> order) {
  const std::vector<T> before(values.begin(), values.end());
  const Index stride = block * row_size;
  for (std::size_t i = 0; i < order.size(); ++i)
    std::copy_n(before.begin() + order[i] * stride, stride, values.begin() + static_cast<Index>(i) * stride);
}

template <class T>
void permute_cols(std::span<T> values, Index cols, Index block, std::span<const Index> order) {
  for (Index row = 0; row < static_cast<Index>(values.size()) / cols; ++row)
    permute_rows(values.subspan(static_cast<std::size_t>(row * cols), static_cast<std::size_t>(cols)), 1, block, order);
}

}  // namespace

template <class T>
void reorder(Network<T>& network, const Importance& importance) {
  const ModelConfig& config = network.config();
  const Backbone& backbone = find_backbone(config.model_type);
  ParameterStore<T>& values = network.values();
  const Index head_size = config.head_size(), attention = config.num_attention_heads * head_size;
  for (int i = 0; i < config.num_hidden_layers; ++i) {
    const LayerNames names = backbone.layer(i);
    const std::vector<Index> heads = descending_order(importance.heads[static_cast<std::size_t>(i)]);
    for (const std::string& projection : {names.query, names.key, names.value}) {
      permute_rows(values.values(projection + ".weight"), config.hidden_size, head_size, heads);
      permute_rows(values.values(projection + ".bias"), 1, head_size, heads);
    }
    permute_cols(values.values(names.attention_output + ".weight"), attention, head_size, heads);

    const std::vector<Index> neurons = descending_order(importance.neurons[static_cast<std::size_t>(i)]);
    permute_rows(values.values(names.intermediate + ".weight"), config.hidden_size, 1, neurons);
    permute_rows(values.values(names.intermediate + ".bias"), 1, 1, neurons);
    permute_cols(values.values(names.output + ".weight"), config.intermediate_size, 1, neurons);
  }
  network.pack();
}

template class ImportanceMeter<float>;
template class ImportanceMeter<double>;
template void reorder(Network<float>&, const Importance&);
template void reorder(Network<double>&, const Importance&);

}  // namespace sharcs::internal
