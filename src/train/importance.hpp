#pragma once

#include <string>
#include <vector>

#include "model/network.hpp"
#include "sharcs/training_options.hpp"

namespace sharcs::internal {

/// How much the loss depends on each attention head and each feed-forward neuron of each layer, and on each dimension
/// of the token vectors.
struct Importance {
  std::vector<std::vector<double>> heads;    ///< [layers][heads]
  std::vector<std::vector<double>> neurons;  ///< [layers][intermediate_size]
  std::vector<double> dimensions;            ///< [hidden_size]
};

/// First-order importance (Michel et al. 2019, arXiv:1905.10650; Hou et al. 2020, DynaBERT, section 3.1), at full
/// width:
///   head h:      Σ over batches |∂loss/∂mask_h|
///   neuron n:    Σ over batches |Σ_k w1[n, k] · ∂w1[n, k] + b1[n] · ∂b1[n]| + |Σ_j w2[j, n] · ∂w2[j, n]|
///   dimension d: Σ over samples |Σ x_d · ∂loss/∂x_d|, x the token vectors after the stem and after each later layer
template <class T>
class ImportanceMeter {
 public:
  explicit ImportanceMeter(const Network<T>& network);

  /// Adds one batch; its loss is the mean over its samples. Give the samples' `labels`, or for a regression `targets`,
  /// [samples, outputs].
  void add(const RaggedBatch& batch, std::span<const std::int32_t> labels, std::span<const float> targets);
  const Importance& importance() const { return importance_; }

 private:
  const Network<T>& network_;
  ParameterStore<T> gradients_;
  EncoderParameters<T> views_;
  Workspace workspace_;
  Importance importance_;
};

/// The indices in descending order of importance: {0.1, 0.5, 0.3} gives {1, 2, 0}. Equal ones keep their order.
std::vector<Index> descending_order(const std::vector<double>& importance);

/// Where heads, neurons and dimensions move to: element i of an order is the old place of what comes to place i.
struct NewOrder {
  std::vector<std::vector<Index>> heads;    ///< [layers][heads]
  std::vector<std::vector<Index>> neurons;  ///< [layers][intermediate_size]
  std::vector<Index> dimensions;            ///< [hidden_size]; empty: they stay

  /// The most important first. Layers that share their weights (ALBERT), or whose heads share something else, get one
  /// order, by the sum of their importance.
  static NewOrder of(const ModelConfig& config, const Importance& importance, Reordering what);
};

/// Moves heads, neurons and dimensions of all parameters, or of anything that is kept for each of them, such as an
/// optimizer's moments. At full width a network computes the same afterwards, up to rounding. Narrow widths' LayerNorms
/// and reduction weights stay as they are.
template <class T>
void reorder(ParameterStore<T>& values, const ModelConfig& config, const NewOrder& order);

/// The same for a network: the most important come to the front, where the slices of the narrow widths are. Narrow
/// widths' LayerNorms start again from full width's. Packs the weights.
template <class T>
void reorder(Network<T>& network, const NewOrder& order);

}  // namespace sharcs::internal
