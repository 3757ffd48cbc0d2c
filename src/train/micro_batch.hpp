#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "model/network.hpp"
#include "model/training_pass.hpp"

namespace sharcs {

/// Samples that meet one width in one optimizer step.
struct MicroBatch {
  const Width& width;
  const RaggedBatch& tokens;
  std::span<const std::int32_t> labels;  ///< classification: one a sample
  std::span<const float> targets;        ///< regression: one a sample
  /// [samples, widths], multi-hot: the router's labels. Empty: the router takes no part.
  MatrixView<const float> width_labels = {};
  /// Factors of the two losses, which are means over the samples: λ, the width's weight, 1 / widths in the step.
  double task_weight = 1;
  double router_weight = 1;
  std::uint64_t dropout_key = 0;
};

/// What a micro-batch's forward says.
struct MicroBatchOutcome {
  double task_loss = 0;    ///< mean over the samples, unweighted
  double router_loss = 0;  ///< the same; 0 where the router takes no part
  /// One a sample. Classification: the probability of the true class; regression: |error|.
  std::vector<float> confidence_or_error;
  /// Classification: the entropy of each sample's prediction, in nats.
  std::vector<float> entropy;
};

/// Runs micro-batches forward and backward and adds up their gradients, for one network.
///
/// A micro-batch of more than `piece_tokens` tokens is run in pieces, which bounds the activations' memory and changes
/// the result by no more than the order of sums.
template <class T>
class GradientAccumulator {
 public:
  GradientAccumulator(const Network<T>& network, bool dropout, Index piece_tokens);

  MicroBatchOutcome add(const MicroBatch& micro_batch);

  ParameterStore<T>& gradients() { return gradients_; }
  /// Which parameters took part since clear(): those whose gradient is not zero by construction.
  const std::vector<bool>& participates() const { return participates_; }
  /// √Σ g² over the parameters that took part.
  double norm() const;
  /// Sets the gradients to zero.
  void clear();

 private:
  void add_piece(const MicroBatch& micro_batch, Index first, Index last, MicroBatchOutcome& outcome);
  void mark_participants(const MicroBatch& micro_batch);

  const Network<T>& network_;
  bool dropout_;
  Index piece_tokens_;
  ParameterStore<T> gradients_;
  EncoderParameters<T> views_;
  std::vector<bool> participates_;
  Workspace workspace_;
};

}  // namespace sharcs
