#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "data/tokenized_dataset.hpp"
#include "sharcs/communicator.hpp"
#include "sharcs/training_options.hpp"
#include "train/answer_history.hpp"
#include "train/epoch.hpp"
#include "train/gradient_accumulator.hpp"
#include "train/hardness_history.hpp"
#include "train/optimizer.hpp"
#include "train/step_batches.hpp"

namespace sharcs::internal {

/// The training samples, as steps need them. The references must outlive the runner.
struct StepSamples {
  const Dataset& dataset;  ///< names the samples in messages
  const SampleFacts& facts;
  TokensOf tokens_of;
  TokenDropout token_dropout = {};
  std::optional<TokenMasking> masking = {};  ///< of a task that tells masked tokens
  double regression_scale = 1;               ///< see TrainingOptions; not 0
  /// Factors of the classes' losses; empty: 1 each.
  std::vector<float> class_weights = {};
};

/// One optimizer step: what to run, and how.
struct TrainingStep {
  const PlannedStep& batches;
  std::int64_t number;  ///< in the whole training, from 1
  double learning_rate;
  std::span<const WidthLabel> labels = {};  ///< of all training samples; none: the router does not learn them
  EpochPhase phase = EpochPhase::full_width;
  const PlannedStep* next = nullptr;  ///< the step that will follow; its token batches are made meanwhile
};

/// What one micro-batch of a step found: sums over its samples.
struct BatchOutcome {
  int width = 0;
  Index samples = 0;
  Index tokens = 0;
  double task_loss = 0;
  double router_loss = 0;
};

/// Takes optimizer steps. For each micro-batch of the step: forward at its width, the losses, backward. Then, once for
/// the step: the gradient is scaled down if it is too long, and AdamW moves the parameters.
///
/// With several ranks, each runs its part of the micro-batches. Then the losses and gradients are added up, and all
/// ranks move their parameters by the same step.
class StepRunner {
 public:
  StepRunner(Network<float>& network, const TrainingOptions& options, StepSamples samples,
             Communicator& ranks = Communicator::alone());

  /// Takes one step and returns the outcome of each micro-batch; of distillation, of each of its widths. Records each
  /// sample's confidence (or entropy) in `history`, and what narrow widths got right in answers(), on every rank those
  /// of all samples of the step. Throws TrainingError naming step, width and samples when a loss or the gradient is not
  /// finite; the parameters are then still those before the step.
  std::vector<BatchOutcome> run(const TrainingStep& step, HardnessHistory& history);

  /// Brings all parameters and AdamW's moments up to date (see Adamw). Call it before anything but run() reads them.
  void catch_up() { optimizer_.catch_up(network_.values()); }

  /// Moves what matters most for the loss of these steps' samples to the front, in the parameters and in AdamW's
  /// moments. All ranks get what the first one found.
  void reorder(std::span<const PlannedStep> steps, Reordering what);

  Adamw<float>& optimizer() { return optimizer_; }
  AnswerHistory& answers() { return answers_; }

 private:
  /// Marks what the step's micro-batches reach, and brings the embeddings of their words up to date.
  void prepare(const TrainingStep& step, std::span<const RaggedBatch> tokens);
  /// Runs this rank's part of all micro-batches. Returns their losses and measures, added up over the ranks.
  std::vector<double> run_batches(const TrainingStep& step, std::span<const RaggedBatch> tokens);
  /// Runs `part`, this rank's part of the micro-batch number `index` of the step, whose tokens are `whole`.
  MicroBatchOutcome run_part(const TrainingStep& step, std::size_t index, const PlannedBatch& part,
                             const RaggedBatch& whole);
  /// The confidence (or entropy) of each sample of a micro-batch.
  std::vector<float> measures(const MicroBatchOutcome& outcome) const;
  /// How exits take part in the step.
  ExitLosses exit_losses(const TrainingStep& step) const;
  /// Whether, and how, the step trains the router: writes each sample's target, one number a width.
  void add_router_targets(const TrainingStep& step, Index sample, std::vector<float>& targets) const;
  bool trains_router(const TrainingStep& step) const;
  void update_parameters(const TrainingStep& step);
  [[noreturn]] void fail(const TrainingStep& step, const PlannedBatch& batch, const std::string& what) const;

  Network<float>& network_;
  TrainingOptions options_;
  StepSamples samples_;
  StepBatches batches_;
  Communicator& ranks_;
  Adamw<float> optimizer_;
  GradientAccumulator<float> accumulator_;
  AnswerHistory answers_;
};

}  // namespace sharcs::internal
