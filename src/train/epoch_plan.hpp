#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/matrix_view.hpp"
#include "sharcs/sharding.hpp"
#include "sharcs/step_mode.hpp"
#include "train/width_label.hpp"

namespace sharcs::internal {

/// A micro-batch of the plan: samples that are trained at one width.
struct PlannedBatch {
  int width;
  /// Indices of training samples; in the part of one rank possibly none.
  std::vector<Index> samples = {};
  /// How many samples the micro-batch has on all ranks together: the mean loss divides by this.
  Index whole_size;
  /// How many samples and tokens of the whole micro-batch stand before these.
  Index first_sample = 0;
  Index first_token = 0;

  friend bool operator==(const PlannedBatch&, const PlannedBatch&) = default;
};

/// The micro-batches between two updates of the weights.
using PlannedStep = std::vector<PlannedBatch>;

struct EpochPlanOptions {
  StepMode step_mode = StepMode::joint;
  /// Samples in a micro-batch.
  Index batch_size = 32;
  /// Repeat the samples of the smaller width buckets until all are as large as the largest. Without it the steps near
  /// the end of an epoch hold fewer widths.
  bool repeat_smaller_buckets = true;
  /// With this probability a sample is trained at the largest width whatever its label.
  double full_width_share = 0;
  /// Batches are cut from runs of this many batches of shuffled samples sorted by length, so that samples of one batch
  /// are about equally long. 1: no sorting.
  Index shuffle_window = 50;
  /// Rounds (joint) or micro-batches (alternate) that share one optimizer step.
  Index accumulation = 1;
  std::uint64_t seed = 0;

  /// Throws ConfigError when a count is below 1.
  void check() const;
};

/// Which samples an epoch trains, at which width and in which order.
///
/// A plan depends on (lengths, labels, options, epoch) alone: not on the number of threads or processes, nor on earlier
/// plans, so resuming in the middle of an epoch makes the plan again and skips the steps that are done.
struct EpochPlan {
  std::vector<PlannedStep> steps = {};
  /// The width, by index, that each sample is trained at in this epoch.
  std::vector<int> width_of_sample = {};
  /// Samples per width, without repetition.
  std::vector<Index> bucket_sizes = {};
  /// What the user should hear of: one line for each width that no sample is trained at.
  std::vector<std::string> notes = {};
};

/// Plans epoch `epoch` (counted from 0).
///
/// widths: the model's widths as fractions, ascending. lengths: tokens of each sample. labels: one non-empty label a
/// sample, whose widths are drawn from with equal probability, anew in each epoch (see full_width_share); or none at
/// all, when every sample is trained at the largest width (the first epochs, before there are labels).
///
/// Every sample occurs once; a repeated bucket's samples occur ⌊largest / size⌋ or ⌈largest / size⌉ times. One batch a
/// width may be smaller than the others, and it is not always that of the longest samples.
/// Throws TrainingError when there are no samples, ShapeError when the number of labels is not that of the samples.
EpochPlan plan_epoch(std::span<const double> widths, std::span<const std::int32_t> lengths,
                     std::span<const WidthLabel> labels, std::int64_t epoch, const EpochPlanOptions& options);

/// Steps of an epoch in which all `samples` are trained at one width. Also the number of steps that the authors'
/// schedule counts for every epoch, whatever the buckets turn out to be.
Index steps_at_one_width(Index samples, const EpochPlanOptions& options);

/// The part of rank `rank` of `ranks`. Over all ranks each sample of each micro-batch occurs once. Every part has all
/// micro-batches of the step in their order, those of other ranks without samples. The samples of a part stand side by
/// side in the whole micro-batch, and parts of one micro-batch have about equally many tokens. lengths: tokens of each
/// training sample.
PlannedStep part_of(const PlannedStep& step, int rank, int ranks, Sharding sharding,
                    std::span<const std::int32_t> lengths);

/// How samples moved between widths: element [before][after] counts the samples trained at width `before` in one epoch
/// and at `after` in the next. The spans are two plans' width_of_sample. Throws ShapeError when their sizes differ.
std::vector<std::vector<Index>> width_transitions(std::span<const int> before, std::span<const int> after, int widths);

}  // namespace sharcs::internal
