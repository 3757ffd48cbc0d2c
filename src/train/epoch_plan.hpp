#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/matrix_view.hpp"
#include "sharcs/training_options.hpp"
#include "train/width_label.hpp"

namespace sharcs::internal {

/// A micro-batch of the plan: samples that run together at one width. Or one rank's part of it: of a micro-batch of 32
/// samples the second of two ranks may have the last 15; then whole_size is 32 and first_sample 17.
struct PlannedBatch {
  int width;  ///< by index
  /// Numbers of training samples. A rank's part may have none.
  std::vector<Index> samples = {};
  /// Samples of the whole micro-batch; the mean loss divides by this.
  Index whole_size;
  /// How many samples and tokens of the whole micro-batch come before this part.
  Index first_sample = 0;
  Index first_token = 0;

  friend bool operator==(const PlannedBatch&, const PlannedBatch&) = default;
};

/// The micro-batches of one optimizer step.
using PlannedStep = std::vector<PlannedBatch>;

/// The first micro-batches of the steps, at most `most` of them.
std::vector<PlannedBatch> first_batches(std::span<const PlannedStep> steps, std::size_t most);

struct EpochPlanOptions {
  StepMode step_mode = StepMode::joint;
  /// Samples of a micro-batch.
  Index batch_size = 32;
  /// A width's bucket holds the samples that this epoch trains at it. With 300 samples in one bucket and 100 in the
  /// other, the 100 are trained three times an epoch, so that every step has both widths. If false, they are trained
  /// once, and the last steps of an epoch have the other width only.
  bool repeat_smaller_buckets = true;
  /// With this probability a sample is trained at the largest width, whatever its label.
  double full_width_share = 0;
  /// Samples of about equal length share a batch: shuffled samples are sorted by length within runs of this many
  /// batches, then cut into batches. 1: no sorting.
  Index shuffle_window = 50;
  /// Rounds that share one optimizer step. A round is one micro-batch of each width (joint) or one micro-batch
  /// (alternate).
  Index accumulation = 1;
  std::uint64_t seed = 0;

  /// Throws ConfigError when a count is below 1.
  void check() const;
};

/// Which samples an epoch trains, at which width and in which order.
///
/// A plan depends only on the arguments of plan_epoch(), not on threads, processes or earlier plans. So a run that
/// resumes in the middle of an epoch makes the same plan again and skips the steps that are done.
struct EpochPlan {
  std::vector<PlannedStep> steps = {};
  /// For each sample the width, by index, that this epoch trains it at.
  std::vector<int> width_of_sample = {};
  /// For each width the number of its samples; a repeated sample counts once.
  std::vector<Index> bucket_sizes = {};
  /// Lines for the user: one for each width that no sample is trained at.
  std::vector<std::string> notes = {};
};

/// Plans epoch `epoch` (counted from 0).
///
/// widths: the model's widths as fractions, ascending. lengths: tokens of each sample. labels: the hardness label of
/// each sample, not empty. One of a label's widths is drawn at random in each epoch, all with the same probability (but
/// see full_width_share). No labels at all: every sample is trained at the largest width, as in the first epochs.
///
/// copies: how often each sample is in its bucket; none at all: once.
///
/// Every sample of a bucket occurs once, or ⌊largest / size⌋ to ⌈largest / size⌉ times when its bucket is repeated. One
/// batch of each width may be smaller than the others; which one is drawn at random, so that it is not always that of
/// the longest samples. Throws TrainingError when there are no samples, ShapeError when the number of labels is not
/// that of the samples.
EpochPlan plan_epoch(std::span<const double> widths, std::span<const std::int32_t> lengths,
                     std::span<const WidthLabel> labels, std::int64_t epoch, const EpochPlanOptions& options,
                     std::span<const int> copies = {});

/// Steps of an epoch that trains `samples` samples at one width. The authors' learning rate schedule counts so many
/// steps for every epoch, whatever the buckets turn out to be.
Index steps_at_one_width(Index samples, const EpochPlanOptions& options);

/// What rank `rank` of `ranks` runs of a step: an entry for each micro-batch of the step, in the same order, without
/// samples where this rank has no part. A part is a run of neighbouring samples of its micro-batch, and parts of one
/// micro-batch have about equally many tokens. Over all ranks each sample occurs once. lengths: tokens of each training
/// sample.
PlannedStep part_of(const PlannedStep& step, int rank, int ranks, Sharding sharding,
                    std::span<const std::int32_t> lengths);

/// How samples moved between widths: element [i][j] counts those trained at width i in one epoch and at width j in the
/// next. The spans are width_of_sample of the two plans. Throws ShapeError when their sizes differ.
std::vector<std::vector<Index>> width_transitions(std::span<const int> before, std::span<const int> after, int widths);

}  // namespace sharcs::internal
