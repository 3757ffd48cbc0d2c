#include "train/importance.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>

#include "model/training_pass.hpp"
#include "nn/loss.hpp"

namespace sharcs::internal {

namespace {

/// Σ_k w[n, k] · ∂w[n, k] + b[n] · ∂b[n].
template <class T>
double row_importance(const Linear<T>& layer, const LinearView<T>& gradient, Index n) {
  double sum = layer.bias == nullptr ? 0 : static_cast<double>(layer.bias[n]) * static_cast<double>(gradient.bias[n]);
  for (Index k = 0; k < layer.weight.cols; ++k)
    sum += static_cast<double>(layer.weight(n, k)) * static_cast<double>(gradient.weight(n, k));
  return sum;
}

}  // namespace

template <class T>
ImportanceMeter<T>::ImportanceMeter(const Network<T>& network)
    : network_(network),
      gradients_(network.layout()),
      views_(bind_parameters(network.config(), network.widths(), gradients_)) {
  const ModelConfig& config = network.config();
  const auto layers = static_cast<std::size_t>(config.num_hidden_layers);
  importance_.heads.assign(layers, std::vector<double>(static_cast<std::size_t>(config.num_attention_heads), 0));
  importance_.neurons.assign(layers, std::vector<double>(static_cast<std::size_t>(config.intermediate_size), 0));
  importance_.dimensions.assign(static_cast<std::size_t>(config.hidden_size), 0);
}

template <class T>
void ImportanceMeter<T>::add(const RaggedBatch& batch, std::span<const std::int32_t> labels,
                             std::span<const float> targets) {
  const ModelConfig& config = network_.config();
  gradients_.set_zero();
  std::vector<std::vector<T>> d_masks(importance_.heads.size(), std::vector<T>(importance_.heads[0].size(), T(0)));
  {
    TrainingPass<T> pass(network_.encoder(), workspace_);
    pass.forward(batch, network_.widths().widest(), {});
    const Index rows = pass.logits().rows;
    const MatrixView<T> d_logits = workspace_.matrix<T>(rows, config.num_labels());
    const double scale = 1.0 / static_cast<double>(rows);
    if (config.finds_answers)
      span_cross_entropy<T>(pass.logits(), batch.head_offsets, labels, 1.0 / static_cast<double>(batch.samples()),
                            workspace_.matrix<T>(rows, config.num_labels()), d_logits);
    else if (config.is_regression())
      squared_error<T>(pass.logits(), targets, scale, d_logits);
    else if (config.multi_label)
      binary_cross_entropy<T>(pass.logits(), labels, scale, d_logits);
    else
      cross_entropy<T>(pass.logits(), labels, scale, workspace_.matrix<T>(rows, config.num_labels()), d_logits);
    pass.backward({.logits = {d_logits}}, views_, &d_masks, &importance_.dimensions);
  }
  for (std::size_t i = 0; i < d_masks.size(); ++i) {
    for (std::size_t h = 0; h < d_masks[i].size(); ++h)
      importance_.heads[i][h] += std::abs(static_cast<double>(d_masks[i][h]));
    const auto& layer = network_.encoder().weights.layer(static_cast<Index>(i));
    const auto& gradient = views_.layer(static_cast<Index>(i));
    for (Index n = 0; n < config.intermediate_size; ++n) {
      double outer = 0;
      for (Index k = 0; k < config.hidden_size; ++k)
        outer += static_cast<double>(layer.output.weight(k, n)) * static_cast<double>(gradient.output.weight(k, n));
      double sum = std::abs(row_importance(layer.intermediate, gradient.intermediate, n)) + std::abs(outer);
      if (layer.gate) sum += std::abs(row_importance(*layer.gate, *gradient.gate, n));
      importance_.neurons[i][static_cast<std::size_t>(n)] += sum;
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

/// The importance of the layers from `first` on as one: each layer's counts alike.
std::vector<double> sum_of(const std::vector<std::vector<double>>& layers, std::size_t first) {
  std::vector<double> sum(layers.front().size());
  for (const std::vector<double>& layer : std::span(layers).subspan(first)) {
    const double total = std::accumulate(layer.begin(), layer.end(), 0.0);
    for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += total > 0 ? layer[i] / total : 0;
  }
  return sum;
}

/// One order for each layer; or one for all of them, by those that narrow widths slice: from `first` on.
std::vector<std::vector<Index>> orders_of(const std::vector<std::vector<double>>& layers, bool one_for_all,
                                          std::size_t first) {
  std::vector<std::vector<Index>> orders;
  for (const std::vector<double>& layer : layers)
    orders.push_back(descending_order(one_for_all ? sum_of(layers, first) : layer));
  return orders;
}

std::vector<Index> as_they_are(std::size_t count) {
  std::vector<Index> order(count);
  std::iota(order.begin(), order.end(), Index{0});
  return order;
}

}  // namespace

NewOrder NewOrder::of(const ModelConfig& config, const Importance& importance, Reordering what) {
  const bool shares_layers = find_backbone(config.model_type).shares_layers;
  NewOrder order;
  if (what == Reordering::none) {
    order.heads.assign(importance.heads.size(), as_they_are(importance.heads.front().size()));
    order.neurons.assign(importance.neurons.size(), as_they_are(importance.neurons.front().size()));
    return order;
  }
  // A head's column of a relative bias that all layers share can stand in one place only.
  const bool shares_bias = !find_backbone(config.model_type).relative_bias.empty();
  const auto first = static_cast<std::size_t>(config.sharcs ? config.sharcs->adaptive_layer_idx : 0);
  order.heads = orders_of(importance.heads, shares_layers || shares_bias, first);
  order.neurons = orders_of(importance.neurons, shares_layers, first);
  // Weighted reduction combines neighbours; it starts from how the dimensions stand.
  if (what == Reordering::all) order.dimensions = descending_order(importance.dimensions);
  return order;
}

template <class T>
void reorder(ParameterStore<T>& values, const ModelConfig& config, const NewOrder& order) {
  const Backbone& backbone = find_backbone(config.model_type);
  const Index hidden = config.hidden_size, head_size = config.head_size();
  const Index attention = config.num_attention_heads * head_size;
  const auto rows = [&](const std::string& name, Index row_size, Index block, std::span<const Index> to) {
    permute_rows(values.values(name), row_size, block, to);
  };
  // Outputs of a linear layer, and its inputs. Where one parameter has several layers below one another, the outputs of
  // each move alike.
  const auto outputs = [&](const std::string& linear, Index inputs, Index block, std::span<const Index> to,
                           std::size_t parts = 1) {
    for (const auto& [name, row_size] : {std::pair(linear + ".weight", inputs), {linear + ".bias", Index{1}}}) {
      if (values.layout().find(name) < 0) continue;
      const std::span<T> all = values.values(name);
      for (std::size_t part = 0; part < parts; ++part)
        permute_rows(all.subspan(part * all.size() / parts, all.size() / parts), row_size, block, to);
    }
  };
  const auto inputs = [&](const std::string& linear, Index cols, Index block, std::span<const Index> to) {
    permute_cols(values.values(linear + ".weight"), cols, block, to);
  };
  if (!backbone.relative_bias.empty())
    permute_cols(values.values(backbone.relative_bias), config.num_attention_heads, 1, order.heads.front());
  const int own_layers = backbone.shares_layers ? 1 : config.num_hidden_layers;
  for (int i = 0; i < own_layers; ++i) {
    const LayerNames names = backbone.layer(i);
    const std::vector<Index>& heads = order.heads[static_cast<std::size_t>(i)];
    const bool is_fused = names.query == names.key;
    if (is_fused)
      outputs(names.query, hidden, head_size, heads, 3);
    else
      for (const std::string& projection : {names.query, names.key, names.value})
        outputs(projection, hidden, head_size, heads);
    inputs(names.attention_output, attention, head_size, heads);
    const std::vector<Index>& neurons = order.neurons[static_cast<std::size_t>(i)];
    outputs(names.intermediate, hidden, 1, neurons, names.gated ? 2 : 1);
    inputs(names.output, config.intermediate_size, 1, neurons);
  }
  if (order.dimensions.empty()) return;

  // The token vectors go through everything: what writes them has its outputs moved, what reads them its inputs.
  const std::vector<Index>& dimensions = order.dimensions;
  const auto norm = [&](const std::string& name) {
    for (const char* part : {".weight", ".bias"})
      if (values.layout().find(name + part) >= 0) rows(name + part, 1, 1, dimensions);
  };
  // The last layer of a head that fills masks is the word embeddings, whose dimensions move with the token vectors'.
  const auto writes_words = [&](const std::string& dense, const std::string& behind) {
    if (backbone.projects_embeddings(config)) return;
    outputs(dense, hidden, 1, dimensions);
    norm(behind);
  };
  const Width full = WidthSet(config).full();
  const std::string suffix = "_" + full.suffix();  // of full width's private LayerNorms
  if (backbone.projects_embeddings(config)) {
    outputs(backbone.embedding_projection, config.word_embedding_size(), 1, dimensions);
  } else {
    for (const char* table :
         {".word_embeddings.weight", ".position_embeddings.weight", ".token_type_embeddings.weight"})
      if (values.layout().find(backbone.embeddings + table) >= 0)
        permute_cols(values.values(backbone.embeddings + table), hidden, 1, dimensions);
    norm(backbone.embeddings + ".LayerNorm");
  }
  if (!backbone.relative_positions.empty()) {
    permute_cols(values.values(backbone.relative_positions), hidden, 1, dimensions);
    norm(backbone.relative_position_norm);
  }
  for (int i = 0; i < own_layers; ++i) {
    const LayerNames names = backbone.layer(i);
    for (const std::string& reader : std::set{names.query, names.key, names.value, names.intermediate})
      inputs(reader, hidden, 1, dimensions);
    outputs(names.attention_output, attention, 1, dimensions);
    outputs(names.output, config.intermediate_size, 1, dimensions);
    for (const std::string& name : {names.attention_norm, names.output_norm}) {
      norm(name);
      norm(name + suffix);
    }
  }
  if (backbone.is_pre_norm()) {
    norm(backbone.final_norm);
    norm(backbone.final_norm + suffix);
  }
  if (config.sharcs) {
    const LayerNames last = backbone.layer(config.sharcs->adaptive_layer_idx - 1);
    norm(last.router_scope + "router.norm");
    inputs(last.router_scope + "router.0", hidden, 1, dimensions);
    // Elsewhere the reduction's LayerNorms have the names of the last layer of the stem, and were moved with it.
    if (backbone.shares_layers) norm(last.router_scope + "reduction_LayerNorm" + suffix);
    for (const int layer : config.sharcs->exits) {
      const std::string exit = "exits." + std::to_string(layer) + ".";
      norm(exit + "norm");
      inputs(exit + (config.per_token && !config.fills_masks ? "output" : "dense"), hidden, 1, dimensions);
      if (config.fills_masks) writes_words(exit + "dense", exit + "head_norm");
      if (config.sharcs->exit_scores) inputs(exit + "score", hidden, 1, dimensions);
    }
  }
  const HeadNames head = backbone.head_of(config);
  inputs(head.dense.empty() ? head.output : head.dense, hidden, 1, dimensions);
  if (config.fills_masks) writes_words(head.dense, head.norm);
}

template <class T>
void reorder(Network<T>& network, const NewOrder& order) {
  ParameterStore<T>& values = network.values();
  reorder(values, network.config(), order);
  // A narrow width's LayerNorms are the leading entries of full width's: the layer's own, or where that is private
  // full width's.
  const std::string suffix = "_" + network.widths().full().suffix();
  const auto specs = network.layout().specs();
  for (std::size_t i = 0; i < specs.size(); ++i) {
    const ParameterSpec& spec = specs[i];
    if (spec.starts_from.empty() || order.dimensions.empty()) continue;
    if (spec.width < 0 || network.widths()[spec.width].is_full()) continue;  // moved already
    const std::size_t dot = spec.starts_from.rfind('.');
    const std::string& own = spec.starts_from;
    const std::string of_full = own.substr(0, dot) + suffix + own.substr(dot);
    const std::string& source = network.layout().find(own) >= 0 ? own : of_full;
    if (network.layout().find(source) < 0) continue;
    std::ranges::copy(values.values(source).first(static_cast<std::size_t>(spec.size())), values.values(i).begin());
  }
  network.pack();
}

template class ImportanceMeter<float>;
template class ImportanceMeter<double>;
template void reorder(ParameterStore<float>&, const ModelConfig&, const NewOrder&);
template void reorder(ParameterStore<double>&, const ModelConfig&, const NewOrder&);
template void reorder(Network<float>&, const NewOrder&);
template void reorder(Network<double>&, const NewOrder&);

}  // namespace sharcs::internal
