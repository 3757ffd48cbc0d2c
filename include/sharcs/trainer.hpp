#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string_view>

#include "sharcs/communicator.hpp"
#include "sharcs/dataset.hpp"
#include "sharcs/metrics_log.hpp"
#include "sharcs/model.hpp"
#include "sharcs/task.hpp"
#include "sharcs/training_options.hpp"
#include "sharcs/training_progress.hpp"

namespace [[gnu::visibility("default")]] sharcs {

class Tokenizer;

/// What a caller wants to hear while training runs. Each may be empty; all are called on the training thread.
struct TrainingCallbacks {
  std::function<void(const TrainingProgress&)> on_step = {};  ///< after each optimizer step
  std::function<void(const EpochRecord&)> on_epoch = {};      ///< after each epoch's evaluation
  std::function<void(std::string_view)> on_note = {};         ///< a line for people, without line end
  /// Asked after each step; true saves a checkpoint and returns.
  std::function<bool()> should_stop = {};
};

struct TrainingOutcome {
  int epochs = 0;          ///< finished
  std::int64_t steps = 0;  ///< optimizer steps in all
  bool stopped = false;    ///< by should_stop, before the last epoch was finished
  int best_epoch = 0;      ///< whose model stands in the output; 0: no epoch was finished
  double best_score = 0;   ///< NaN when no epoch was finished
  EpochRecord best = {};   ///< the best epoch's line of metrics.jsonl
};

/// Trains a width-adaptive encoder (arXiv:2310.12126, section 3).
///
///     auto model = sharcs::Model::create(config);
///     sharcs::Trainer trainer(model, {.epochs = 10, .learning_rate = 2e-5, .window = 3});
///     trainer.train(task, tokenizer, train, dev, "runs/sst-2");
///
/// The output folder becomes a model directory with the best model so far (config.json, model.safetensors, the
/// tokenizer's files), and beside it training.json (the settings of the run), metrics.jsonl (a line an epoch, see
/// metrics_log.hpp) and checkpoints/ (for resume).
///
/// An epoch's score is the task's score() on dev with the router. The first epochs train the largest width only and
/// leave the router untrained: they are scored at full width, and the first epoch with a trained router replaces
/// them whatever its score. Of equal scores the cheaper epoch is the better one, then the earlier.
///
/// Several processes, on one machine or many, train as ranks of one Communicator: each makes the same calls with the
/// same model, options and data. They share every optimizer step and every evaluation, and the result is that of one
/// process to rounding, with the same bits for the same number of ranks. Rank 0 alone writes and calls back;
/// should_stop of any rank stops all after the same step. When a call throws on one rank, the others may wait for it
/// for ever: end the job.
class Trainer {
 public:
  /// `model` and `ranks` must outlive the trainer. The model is trained in place: in the end it holds the last step's
  /// parameters, not the best. A routing rule that it was calibrated to is dropped: training makes another router.
  /// Throws ConfigError when the options are wrong or do not fit the model's widths.
  Trainer(Model& model, const TrainingOptions& options, Communicator& ranks = Communicator::alone());

  /// Trains from the model's present parameters. The labels of the model's configuration must be the task's, and both
  /// data sets labelled.
  ///
  /// Throws ConfigError or DataError when model, options and data do not fit together, ConfigError also when `output`
  /// holds the checkpoints of a run that was not finished; IoError when something cannot be written; TrainingError
  /// naming the step, the width and the samples when a loss or a gradient is not finite. Checkpoints that were written
  /// before stay.
  TrainingOutcome train(const Task& task, const Tokenizer& tokenizer, const Dataset& train, const Dataset& dev,
                        const std::filesystem::path& output, const TrainingCallbacks& callbacks = {});

  /// Continues the run in `output` at its newest checkpoint, given what train() was given. With the same number of
  /// threads the result has the same bits as that of a run that was never stopped. A damaged checkpoint is skipped with
  /// a note; a run that was stopped before its first one starts again from the model's present parameters; a finished
  /// run is left as it is.
  ///
  /// Throws as train(), and CheckpointError when model, options or data are not those of the run, naming what differs,
  /// or when all checkpoints are damaged; ConfigError when there is no run in `output`, or one with finished
  /// epochs but no checkpoint.
  TrainingOutcome resume(const Task& task, const Tokenizer& tokenizer, const Dataset& train, const Dataset& dev,
                         const std::filesystem::path& output, const TrainingCallbacks& callbacks = {});

 private:
  Model& model_;
  TrainingOptions options_;
  Communicator& ranks_;
};

}  // namespace gnu::visibility("default")]]sharcs
