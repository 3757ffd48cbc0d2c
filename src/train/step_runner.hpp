#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "data/tokenized_dataset.hpp"
#include "sharcs/communicator.hpp"
#include "sharcs/training_options.hpp"
#include "train/adamw.hpp"
#include "train/epoch_plan.hpp"
#include "train/hardness_history.hpp"
#include "train/micro_batch.hpp"
#include "train/step_batches.hpp"
#include "train/token_dropout.hpp"

namespace sharcs::internal {

/// What a micro-batch has shown: sums over its samples.
struct BatchOutcome {
  int width = 0;
  Index samples = 0;
  Index tokens = 0;
  double task_loss = 0;
  double router_loss = 0;
};

/// Takes optimizer steps: every micro-batch of a step forward and backward, then the gradient's length is cut and
/// AdamW moves the parameters. Of several ranks each runs its part; then the gradients are added up, and all take the
/// same step.
class StepRunner {
 public:
  /// `dataset` names the samples in messages; `facts` and `tokens_of` are what they are trained on. regression_scale:
  /// see TrainingOptions. What comes by reference, but for the options, must outlive the runner.
  StepRunner(Network<float>& network, const TrainingOptions& options, double regression_scale, const Dataset& dataset,
             const SampleFacts& facts, TokensOf tokens_of, Communicator& ranks = Communicator::alone(),
             TokenDropout token_dropout = {});

  /// Takes step `number` of the training, from 1. `labels`: the hardness label of every training sample, or none when
  /// the router is not trained. The measures of the step's samples are recorded in `history`, on every rank those of
  /// all. Throws TrainingError naming step, width and samples when a loss or the gradient is not finite; the parameters
  /// are then those of the step before. `next`: the step that will follow, if any; its batches are made meanwhile.
  std::vector<BatchOutcome> run(const PlannedStep& step, std::span<const WidthLabel> labels, std::int64_t number,
                                double learning_rate, HardnessHistory& history, const PlannedStep* next = nullptr);

  /// Steps postpone work on parameters that they do not need; this does all of it. Before anyone else reads the
  /// network's parameters or the optimizer's moments.
  void catch_up();

  Adamw<float>& optimizer() { return optimizer_; }

 private:
  /// `part`: this rank's of the micro-batch whose tokens are `whole`.
  MicroBatchOutcome run(const PlannedBatch& part, const RaggedBatch& whole, std::span<const WidthLabel> labels,
                        double share, std::uint64_t dropout_key);
  /// Of each sample of a micro-batch.
  std::vector<float> measures(const MicroBatchOutcome& outcome) const;
  [[noreturn]] void fail(std::int64_t number, const PlannedBatch& planned, const std::string& what) const;

  Network<float>& network_;
  TrainingOptions options_;
  double regression_scale_;
  const Dataset& dataset_;
  const SampleFacts& facts_;
  StepBatches batches_;
  Communicator& ranks_;
  Adamw<float> optimizer_;
  GradientAccumulator<float> accumulator_;
};

}  // namespace sharcs::internal
