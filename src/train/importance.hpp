#pragma once

#include <string>
#include <vector>

#include "model/network.hpp"

namespace sharcs::internal {

/// How much the loss depends on each attention head and each feed-forward neuron of each layer.
struct Importance {
  std::vector<std::vector<double>> heads;    ///< [layers][heads]
  std::vector<std::vector<double>> neurons;  ///< [layers][intermediate_size]
};

/// First-order importance (Michel et al. 2019, arXiv:1905.10650; Hou et al. 2020, DynaBERT, section 3.1), at full
/// width:
///   head h:   Σ over batches |∂loss/∂mask_h|
///   neuron n: Σ over batches |Σ_k w1[n, k] · ∂w1[n, k] + b1[n] · ∂b1[n]| + |Σ_j w2[j, n] · ∂w2[j, n]|
template <class T>
class ImportanceMeter {
 public:
  /// Throws ConfigError for a model whose layers share their weights (ALBERT), because one order cannot suit all its
  /// layers. `name`: the configuration's file, for the message.
  explicit ImportanceMeter(const Network<T>& network, const std::string& name = "config.json");

  /// Adds one batch; its loss is the mean over its samples. Give the samples' `labels`, or for a regression `targets`.
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

/// Moves the important heads and neurons of each layer to the front, where the slices of the smaller widths are. At
/// full width the network computes the same as before. Packs its weights again.
template <class T>
void reorder(Network<T>& network, const Importance& importance);

}  // namespace sharcs::internal
