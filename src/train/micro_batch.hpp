#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "model/network.hpp"
#include "model/training_pass.hpp"
#include "train/gradients.hpp"

namespace sharcs::internal {

/// Samples that meet one width in one optimizer step.
struct MicroBatch {
  const Width& width;
  const RaggedBatch& tokens;
  std::span<const std::int32_t> labels;  ///< classification: one a sample
  std::span<const float> targets;        ///< regression: one a sample
  /// [samples, widths], multi-hot: the router's labels. Empty: the router takes no part.
  MatrixView<const float> width_labels = {};
  /// Factors of each sample's two losses: λ, the width's weight, one over the number of samples of the mean.
  double task_weight = 1;
  double router_weight = 1;
  std::uint64_t dropout_key = 0;
  /// How many samples and tokens of the whole micro-batch stand before these, where other ranks run the rest: dropout
  /// counts from its beginning.
  Index first_sample = 0;
  Index first_token = 0;
};

/// What a micro-batch's forward says.
struct MicroBatchOutcome {
  double task_loss = 0;    ///< sum over the samples, unweighted
  double router_loss = 0;  ///< the same; 0 where the router takes no part
  /// One a sample. Classification: the probability of the true class; regression: |error|.
  std::vector<float> confidence_or_error = {};
  /// Classification: the entropy of each sample's prediction, in nats.
  std::vector<float> entropy = {};
};

struct AccumulatorOptions {
  bool dropout = true;
  /// A micro-batch of more tokens is run in pieces, which bounds the activations' memory and changes the result by no
  /// more than the order of sums.
  Index piece_tokens = 4096;
  Activations activations = Activations::keep;
};

/// Runs micro-batches forward and backward and adds up their gradients, for one network.
template <class T>
class GradientAccumulator {
 public:
  GradientAccumulator(const Network<T>& network, const AccumulatorOptions& options);

  /// Counts in what a micro-batch of these words and this width has gradients for. add() does so itself: for one of
  /// which other ranks run a part.
  void expect(const Width& width, bool with_router, std::span<const std::int32_t> words);

  MicroBatchOutcome add(const MicroBatch& micro_batch);

  Gradients<T>& gradients() { return gradients_; }

 private:
  void add_piece(const MicroBatch& micro_batch, const RaggedBatch& piece, Index first, MicroBatchOutcome& outcome);

  const Network<T>& network_;
  AccumulatorOptions options_;
  Gradients<T> gradients_;
  EncoderParameters<T> views_;
  Workspace workspace_;
};

}  // namespace sharcs::internal
