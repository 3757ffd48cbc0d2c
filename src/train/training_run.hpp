#pragma once

#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "formats/model_access.hpp"
#include "train/class_balance.hpp"
#include "train/epoch.hpp"
#include "train/optimizer.hpp"
#include "train/pace.hpp"
#include "train/prepared_data.hpp"
#include "train/step_runner.hpp"
#include "train/training_folder.hpp"

namespace sharcs::internal {

/// What a run is made of. Everything belongs to the caller and must outlive the run.
struct TrainingJob {
  Model& model;
  const TrainingOptions& options;
  const TrainingInputs& inputs;
  const TrainingCallbacks& callbacks;
  Communicator& ranks;

  /// Throws ConfigError or DataError when they do not fit together.
  void check() const;
};

/// A training from its first epoch to its last, or from a checkpoint on. See Trainer.
///
///     std::unique_ptr<TrainingRun> run = TrainingRun::start(job);   // or resume(job)
///     TrainingOutcome outcome = run->train();
///
/// What happens in which order:
///
///     start(), resume()   lock the folder, tokenize, compare the ranks, restore the checkpoint, open the logs
///     train()             for each epoch:
///       begin_epoch()       choose the phase, label the samples, plan the steps
///       train_epoch()       take the steps; write a checkpoint when one is due; stop when the caller asks for it
///       finish_epoch()      evaluate on dev, write a checkpoint, save the model if it is the best, log
///
/// With several ranks, each has a run in the same state. Only the first one writes files and calls back.
class TrainingRun {
 public:
  /// A new run from the model's present parameters.
  static std::unique_ptr<TrainingRun> start(const TrainingJob& job);
  /// The run in the output folder, from its newest checkpoint. A new run when it was stopped before its first one.
  static std::unique_ptr<TrainingRun> resume(const TrainingJob& job);

  TrainingRun(const TrainingRun&) = delete;
  TrainingRun& operator=(const TrainingRun&) = delete;
  /// The network's products are fp32 again.
  ~TrainingRun();

  /// Trains until the last epoch is finished or the caller wants to stop. Call it once.
  TrainingOutcome train();

 private:
  /// Locks the output folder and tokenizes.
  explicit TrainingRun(const TrainingJob& job);

  // Before the first step.
  /// A run that neither begins anew nor goes on yet.
  static std::unique_ptr<TrainingRun> prepared(const TrainingJob& job);
  void require_same_on_all_ranks() const;
  void take_parameters_of_first_rank();
  void begin_anew();
  void go_on_from(const TrainingCheckpoint& checkpoint);
  void check_state(const std::string& file) const;
  void open_logs(int finished_epochs);

  // An epoch.
  Epoch begin_epoch();
  /// Returns false when the caller wants to stop.
  bool train_epoch(const Epoch& epoch);
  void take_step(const Epoch& epoch);
  void finish_epoch(const Epoch& epoch);
  EpochRecord evaluated(const Epoch& epoch) const;
  /// What stands in the configuration of the model that this epoch made.
  std::optional<PolicyRule> policy_after(EpochPhase phase) const;
  /// Whether there was no better epoch for as long as the options allow.
  bool gives_up() const;

  // Checkpoints.
  bool checkpoint_is_due() const;
  void write_checkpoint();

  // The caller.
  void note(std::string_view text) const;
  /// What is done for classes that have few samples, a line each.
  std::vector<std::string> rare_classes() const;
  void report_progress(const Epoch& epoch) const;
  /// Whether the caller of any rank wants to stop.
  bool should_stop() const;
  TrainingOutcome outcome(bool stopped) const;

  Network<float>& network() const { return network_of(job_.model); }

  TrainingJob job_;
  TrainingOptions options_;  // the job's, resolved
  TrainingFolder folder_;
  std::unique_ptr<TrainingOutput> output_;  // only on the first rank
  PreparedData data_;
  std::vector<double> widths_;
  Schedule schedule_;
  HardnessHistory history_;
  ClassBalance balance_;
  std::vector<int> copies_;  // of each training sample in an epoch; empty: one
  StepRunner steps_;
  TrainingState state_;
  Pace pace_;
  double last_checkpoint_;  // by steady_seconds()
};

}  // namespace sharcs::internal
