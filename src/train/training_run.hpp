#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/threads.hpp"
#include "formats/model_access.hpp"
#include "io/folder_lock.hpp"
#include "sharcs/trainer.hpp"
#include "train/pace.hpp"
#include "train/schedule.hpp"
#include "train/step_runner.hpp"
#include "train/tensorboard.hpp"
#include "train/training_checkpoint.hpp"

namespace sharcs::internal {

/// What a training is made of. Everything outlives the run.
struct TrainingInputs {
  Model& model;
  const TrainingOptions& options;
  const Task& task;
  const Tokenizer& tokenizer;
  const Dataset& train;
  const Dataset& dev;
  std::filesystem::path output;
  const TrainingCallbacks& callbacks;
  Communicator& ranks;

  /// Throws ConfigError or DataError when they do not fit together.
  void check() const;
};

/// What a look at all training texts has shown before the first step, which tokenizes them and keeps none of it: the
/// batches are tokenized anew when they are made, beside the computation.
struct Survey {
  SampleFacts facts;
  RunIdentity::Data identity;

  /// Throws ConfigError for the first sample that the model cannot embed.
  explicit Survey(const TrainingInputs& inputs);
};

/// One training from its first to its last epoch, or a part of it. See Trainer. Every rank has one and keeps it in the
/// same state; the first alone writes and tells the caller.
class TrainingRun {
 public:
  /// Takes possession of the output folder and looks at the texts. Throws ConfigError when the ranks would train
  /// different things.
  explicit TrainingRun(const TrainingInputs& inputs);

  /// One of the two comes before run().
  void start();
  void resume();
  /// Until the last epoch is finished or the caller wants to stop.
  TrainingOutcome run();

 private:
  bool is_first() const { return in_.ranks.is_first(); }
  void require_same_on_all_ranks() const;
  void take_parameters_of_first();
  void write_settings() const;
  /// What metrics.jsonl tells of earlier, when it exists.
  std::vector<EpochRecord> logged_epochs() const;
  void open_logs(int finished_epochs);
  /// False when the caller wants to stop.
  bool train_epoch();
  void finish_epoch();
  EpochRecord record_of_epoch() const;
  /// The model of a finished epoch, where it is the best so far. May be repeated.
  void save_best(const EpochRecord& record);
  void log(const EpochRecord& record);
  void report_progress();
  /// Whether any rank's caller wants to stop.
  bool should_stop() const;
  bool checkpoint_is_due() const;
  void write_checkpoint();
  void note(std::string_view text) const;
  Network<float>& network() const { return network_of(in_.model); }
  bool has_router() const { return in_.model.config().sharcs.has_value(); }

  TrainingInputs in_;
  ThreadScope threads_;
  std::unique_ptr<FolderLock> lock_;
  CheckpointFolder checkpoints_;
  Survey train_;
  TokenizedDataset dev_;
  RunIdentity identity_;
  std::vector<double> widths_;
  EpochPlanOptions plan_options_;
  Schedule schedule_;
  HardnessHistory history_;
  // Of the running epoch.
  std::vector<WidthLabel> labels_;  // none while the router is not trained
  EpochPlan plan_;

  StepRunner runner_;  // may still read plan_ when it ends
  Pace pace_;
  TrainingState state_;

  std::optional<MetricsLog> metrics_;
  std::optional<TensorboardWriter> tensorboard_;
  bool tokenizer_is_saved_ = false;
  double last_checkpoint_ = 0;
};

}  // namespace sharcs::internal
