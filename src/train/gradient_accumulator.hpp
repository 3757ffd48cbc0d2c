#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "model/network.hpp"
#include "model/training_pass.hpp"
#include "train/gradients.hpp"

namespace sharcs::internal {

/// How narrow widths learn from full width on the same samples; the weights are those of TrainingOptions.
struct Distillation {
  double temperature = 2;
  double weight = 0.5;
  double hidden_weight = 0;
};

/// How the exits take part in a pass.
enum class ExitLosses {
  none,
  joint,                 ///< from the labels, each weighted by its depth; reaches the encoder, too
  alone,                 ///< from the labels; nothing but the exits' heads learns
  alone_from_full_width  ///< the same from full width's answers
};

/// Samples that run through the model together, at one width or at all of them. With several ranks, one rank's part.
struct MicroBatch {
  const Width& width;
  const RaggedBatch& tokens;
  /// Classification: the true class of each sample; multi-label: a set; where tokens are labelled: of each head token
  /// (of a masked one the token that stands there);
  /// where answers are found: of each window the places of the head tokens that begin and end it.
  std::span<const std::int32_t> labels;
  std::span<const float> targets;             ///< regression: the true values, [samples, outputs]
  std::span<const float> class_weights = {};  ///< of each class; empty: 1
  /// All widths run, and the narrow ones learn from `width`, which is the largest. None: `width` alone runs.
  std::optional<Distillation> distillation = {};
  std::span<const double> width_weights = {};  ///< factors of the narrow widths' losses; empty: 1
  ExitLosses exits = ExitLosses::none;
  /// [samples, widths], from 0 to 1: what the router learns. NaN in the first column: that the narrow widths are right
  /// in this pass is learned. Empty: the router is not trained.
  MatrixView<const float> width_labels = {};
  /// Each sample's losses are multiplied by these. Example: for the mean over 32 samples with λ = 0.5, 0.5 / 32.
  double task_weight = 1;
  double router_weight = 1;
  std::uint64_t dropout_key = 0;
  /// How many samples and tokens of the micro-batch other ranks have before this part. Dropout counts them, so that it
  /// drops the same elements however the micro-batch is divided.
  Index first_sample = 0;
  Index first_token = 0;
  Index first_word = 0;  ///< the same of head tokens
};

/// What the forward pass of a micro-batch found.
struct MicroBatchOutcome {
  double task_loss = 0;    ///< sum over the samples, or their words with labels, without the weight
  double router_loss = 0;  ///< the same; 0 when the router is not trained
  /// For each sample. Classification: the probability of its true class, as probability_of_truth(); of words the least
  /// one, of masked tokens their mean, of an answer in a text that of its two ends together. Regression: how far the
  /// answer is from the true values, as value_distance().
  std::vector<float> confidence_or_error = {};
  /// For each sample of a classification with one label a text, or a word: the entropy of its prediction, in nats; of
  /// words the greatest.
  std::vector<float> entropy = {};
  /// Of distillation, for each narrow width: the loss from the labels, and for each sample 1 where it is right, else 0;
  /// of words the share of the right ones, of masked tokens 1 where as many are right as at full width. A regression is
  /// right where it is hardly further from the true value than full width.
  std::vector<double> narrow_losses = {};
  std::vector<std::vector<float>> narrow_right = {};
};

struct AccumulatorOptions {
  bool dropout = true;
  /// A micro-batch with more tokens than this runs in several pieces. That bounds the memory of the activations; the
  /// result differs by rounding only.
  Index piece_tokens = 4096;
  Activations activations = Activations::keep;
};

/// Runs micro-batches forward and backward through one network and adds up their gradients.
template <class T>
class GradientAccumulator {
 public:
  GradientAccumulator(const Network<T>& network, const AccumulatorOptions& options);

  /// Marks the parameters that a micro-batch with these words reaches (see Gradients): at one width, or at all of them.
  /// add() does so for the micro-batch that it runs. Call this for those that other ranks run, because all ranks must
  /// mark the same.
  struct Reach {
    const Width* width = nullptr;  ///< null: all
    bool router = false;
    ExitLosses exits = ExitLosses::none;
  };
  void mark(const Reach& reach, std::span<const std::int32_t> words);

  /// One forward and one backward pass; adds the gradients of the weighted losses.
  MicroBatchOutcome add(const MicroBatch& micro_batch);

  Gradients<T>& gradients() { return gradients_; }

 private:
  /// `first`: the number of the piece's first sample in the micro-batch.
  void add_piece(const MicroBatch& micro_batch, const RaggedBatch& piece, Index first, MicroBatchOutcome& outcome);
  DropoutPlan dropout_plan(const MicroBatch& micro_batch, Index first) const;
  // Below, `first` is the number of the piece's first row of logits: of its first sample, or where tokens are
  // labelled its first head token.

  /// Adds the task's loss of a piece and its samples' measures to `outcome`, and writes the gradient to `d_logits`.
  void add_task_loss(const MicroBatch& micro_batch, const RaggedBatch& piece, Index first, MatrixView<const T> logits,
                     MatrixView<T> d_logits, MicroBatchOutcome& outcome);
  /// The loss from the labels alone, multiplied by `weight`; d_logits is overwritten. Returns the sum without the
  /// weight.
  double label_loss(const MicroBatch& micro_batch, const RaggedBatch& piece, Index first, MatrixView<const T> logits,
                    double weight, MatrixView<T> d_logits);
  void add_narrow_losses(const MicroBatch& micro_batch, const RaggedBatch& piece, Index first,
                         const TrainingPass<T>& pass, OutputGradients<T>& losses, MicroBatchOutcome& outcome);
  void add_exit_losses(const MicroBatch& micro_batch, const RaggedBatch& piece, Index first,
                       const TrainingPass<T>& pass, OutputGradients<T>& losses);
  /// first_sample: the number of the piece's first sample.
  void add_router_loss(const MicroBatch& micro_batch, Index first_sample, const TrainingPass<T>& pass,
                       OutputGradients<T>& losses, MicroBatchOutcome& outcome);

  const Network<T>& network_;
  AccumulatorOptions options_;
  Gradients<T> gradients_;
  EncoderParameters<T> views_;
  Workspace workspace_;
};

}  // namespace sharcs::internal
