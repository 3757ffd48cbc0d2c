#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "sharcs/communicator.hpp"
#include "sharcs/dataset.hpp"
#include "sharcs/evaluation.hpp"
#include "sharcs/model.hpp"
#include "sharcs/task.hpp"
#include "sharcs/training_options.hpp"

namespace [[gnu::visibility("default")]] sharcs {

class Tokenizer;

/// What to train on, and where to write. The references must stay valid until training returns.
struct TrainingInputs {
  const Task& task;
  const Tokenizer& tokenizer;
  const Dataset& train;  ///< every sample with a label
  const Dataset& dev;    ///< the same; it decides which epoch is the best
  std::filesystem::path output;
};

/// Where training stands after a step.
struct TrainingProgress {
  int epoch = 1;  ///< from 1
  int epochs = 1;
  std::int64_t step = 0;   ///< optimizer steps of this epoch that are done
  std::int64_t steps = 0;  ///< optimizer steps that this epoch has
  double loss_task = 0;    ///< mean over this epoch's samples so far
  double loss_router = 0;  ///< the same; NaN while the router is not trained
  double learning_rate = 0;
  double samples_per_second = 0;          ///< of this epoch so far
  double seconds_left = 0;                ///< until the end of the last epoch; NaN while nothing is known
  std::vector<double> widths = {};        ///< the model's, ascending, as fractions
  std::vector<double> width_shares = {};  ///< share of the training samples that this epoch trains at each width
};

/// What an epoch trained at one width.
struct WidthTraining {
  double width = 1;           ///< as a fraction
  std::int64_t samples = 0;   ///< training samples at this width; a repeated sample counts once
  std::int64_t labelled = 0;  ///< training samples whose hardness label has this width, alone or among others
  double loss_task = 0;       ///< mean over the samples trained at this width; NaN when there are none
  double loss_router = 0;
};

/// What a finished epoch came to; metrics.jsonl has it as a line.
struct EpochRecord {
  int epoch = 1;                           ///< from 1
  std::string settings = {};               ///< name of the file with the run's settings
  bool full_width_only = false;            ///< the epoch trained nothing but the largest width, and not the router
  std::int64_t steps = 0;                  ///< optimizer steps of this epoch
  std::int64_t total_steps = 0;            ///< optimizer steps of the run up to the end of this epoch
  std::int64_t samples = 0;                ///< trained in this epoch; a repeated sample counts each time
  std::int64_t tokens = 0;                 ///< the same
  double seconds = 0;                      ///< time of training, evaluation not counted
  double learning_rate = 0;                ///< of the last step
  double score = 0;                        ///< see Trainer
  bool best = false;                       ///< the best epoch so far: its model was saved
  double loss_task = 0;                    ///< mean over the samples, without the weights λ
  double loss_router = 0;                  ///< the same; NaN when full_width_only
  std::vector<WidthTraining> widths = {};  ///< ascending by width
  /// [i][j]: training samples at width i in the epoch before and at width j in this one. No rows in the first epoch.
  std::vector<std::vector<std::int64_t>> transitions = {};
  std::vector<Evaluation> evaluations = {};  ///< one: dev

  double samples_per_second() const { return static_cast<double>(samples) / seconds; }
  double tokens_per_second() const { return static_cast<double>(tokens) / seconds; }
};

/// What training calls. Each may be empty; all are called on the thread that called train() or resume().
struct TrainingCallbacks {
  std::function<void(const TrainingProgress&)> on_step = {};  ///< after each optimizer step
  std::function<void(const EpochRecord&)> on_epoch = {};      ///< after each epoch's evaluation
  std::function<void(std::string_view)> on_note = {};         ///< a line for the user, without line end
  /// Asked after each step. On true, training saves a checkpoint and returns.
  std::function<bool()> should_stop = {};
};

/// How training ended.
struct TrainingOutcome {
  int epochs = 0;          ///< finished
  std::int64_t steps = 0;  ///< optimizer steps in all
  bool stopped = false;    ///< by should_stop, before the last epoch was finished
  int best_epoch = 0;      ///< the epoch whose model is in the output folder; 0: no epoch was finished
  double best_score = 0;   ///< NaN when no epoch was finished
  EpochRecord best = {};
};

/// Trains a width-adaptive encoder (arXiv:2310.12126, section 3).
///
///     auto model = sharcs::Model::create(config);
///     sharcs::Trainer trainer(model, {.epochs = 10, .learning_rate = 2e-5, .window = 3});
///     trainer.train({.task = task, .tokenizer = tokenizer, .train = train, .dev = dev, .output = "runs/sst-2"});
///
/// The output folder then holds the best epoch's model (config.json, model.safetensors, the tokenizer's files), the
/// settings (training.json), a line for each epoch (metrics.jsonl) and what resume() needs (checkpoints/).
///
/// The best epoch is the one with the highest score: the mean of the task's metrics on dev, answered as the router
/// says. Of equal scores the cheaper epoch counts as better, then the earlier one. The first epochs train the largest
/// width only, so they are scored at full width; the first epoch with a trained router replaces them in any case.
///
/// Several processes can train one model as the ranks of a Communicator: each makes the same calls with the same model,
/// options and data. They share the work of every step and every evaluation. The result is that of one process up to
/// rounding, and has the same bits each time for the same number of ranks. Only rank 0 writes files and calls back, but
/// should_stop is asked on every rank, and one true stops all after the same step. When a call throws on one rank, the
/// others may wait for it for ever: call Communicator::end_job().
class Trainer {
 public:
  /// `model` and `ranks` must outlive the trainer. Training changes the model in place: in the end it has the
  /// parameters of the last step, not of the best epoch. If the model was calibrated to a routing rule, the rule is
  /// dropped here, because training makes another router.
  /// Throws ConfigError when an option is out of its range or does not fit the model's widths.
  Trainer(Model& model, const TrainingOptions& options, Communicator& ranks = Communicator::alone());

  /// Trains from the model's present parameters.
  ///
  /// Throws ConfigError or DataError when model, options and data do not fit together: the model's labels must be the
  /// task's, and every sample needs one. Throws ConfigError when the output folder has checkpoints of a run that was
  /// not finished, IoError when a file cannot be written, and TrainingError naming step, width and samples when a loss
  /// or gradient is not finite. Checkpoints that were written before the error stay.
  TrainingOutcome train(const TrainingInputs& inputs, const TrainingCallbacks& callbacks = {});

  /// Goes on with the run in the output folder from its newest checkpoint. Give it what train() was given. With the
  /// same number of threads and ranks, the result has the same bits as that of a run that was never stopped. A damaged
  /// checkpoint is skipped with a note. A run that was stopped before its first checkpoint starts again, from the
  /// model's present parameters. A finished run is left as it is.
  ///
  /// Throws as train(); CheckpointError when model, options or data are not those of the run, with what differs, or
  /// when all checkpoints are damaged; ConfigError when the folder has no run, or one with finished epochs but no
  /// checkpoint.
  TrainingOutcome resume(const TrainingInputs& inputs, const TrainingCallbacks& callbacks = {});

 private:
  Model& model_;
  TrainingOptions options_;
  Communicator& ranks_;
};

}  // namespace sharcs
