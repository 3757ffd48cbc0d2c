#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <vector>

#include "eval/recorded_evaluation.hpp"
#include "io/file.hpp"
#include "sharcs/model.hpp"
#include "sharcs/tokenizer.hpp"
#include "train/metrics_log.hpp"
#include "train/tensorboard.hpp"
#include "train/training_checkpoint.hpp"

namespace sharcs::internal {

/// The names of the files in a training's output folder. Making one neither creates nor locks anything.
///
///     config.json, model.safetensors and the tokenizer's files   the best epoch's model
///     training.json        the settings of the run
///     metrics.jsonl        a line for each finished epoch
///     recording.json       what `sharcs train` found on dev after the last epoch
///     checkpoints/         what the run needs to go on where it was stopped
///     tensorboard/         event files, if asked for
class TrainingFolder {
 public:
  static constexpr const char* settings_name = "training.json";
  static constexpr const char* metrics_name = "metrics.jsonl";

  explicit TrainingFolder(std::filesystem::path path) : path_(std::move(path)) {}

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path config_file() const { return path_ / "config.json"; }
  std::filesystem::path settings_file() const { return path_ / settings_name; }
  std::filesystem::path metrics_file() const { return path_ / metrics_name; }
  std::filesystem::path recording_file() const { return path_ / sharcs::internal::recording_file; }
  std::filesystem::path tensorboard() const { return path_ / "tensorboard"; }
  CheckpointFolder checkpoints() const { return CheckpointFolder(path_ / "checkpoints"); }
  bool has_checkpoints() const { return !checkpoints().files().empty(); }
  /// Whether there are checkpoints, and none of a finished training.
  bool is_unfinished() const;
  bool has_model() const;
  /// Where another training grows that shall replace this folder when it is finished: beside it, with ".new" behind its
  /// name.
  TrainingFolder successor() const;

  /// The epochs in metrics.jsonl; none when there is no such file. Throws as read_metrics().
  std::vector<EpochRecord> logged_epochs() const;

 private:
  std::filesystem::path path_;
};

/// Whether a model is read from files of this name: its configuration, weights (shards too) or tokenizer.
bool is_model_file(const std::filesystem::path& name);

struct LogOptions {
  int finished_epochs = 0;          ///< keep these in metrics.jsonl
  std::int64_t finished_steps = 0;  ///< optimizer steps of them and of the running epoch
  bool tensorboard = false;
};

/// Puts the finished training in successor() in the place of `folder`, in one step where the file system can exchange
/// folders. A program that is killed leaves the whole old model there or the whole new one. Files that no training
/// makes (notes, a report) are kept. Throws IoError, also when a training is at work in `folder`.
void replace_by_successor(const TrainingFolder& folder);

/// The same folder, while a training writes into it. It is locked, so that no other training does. With several ranks
/// only the first one has a TrainingOutput. All functions throw IoError when something cannot be written.
class TrainingOutput {
 public:
  /// Makes the folder when it is absent. Throws IoError when another process has locked it.
  explicit TrainingOutput(TrainingFolder folder);

  /// Removes the checkpoints of an earlier, finished run. Throws ConfigError when the earlier run was not finished.
  void clear_checkpoints();
  void write_settings(const nlohmann::ordered_json& settings) const;
  /// Before the first log().
  void open_logs(const LogOptions& options);
  /// Adds a finished epoch to metrics.jsonl and, if asked for, to the curves for TensorBoard.
  void log(const EpochRecord& record);
  /// Replaces the model in the folder. The first call also writes the tokenizer's files.
  void save_best(const Model& model, const Tokenizer& tokenizer);
  void write_checkpoint(const TrainingSnapshot& snapshot, int keep) const;

 private:
  TrainingFolder folder_;
  FolderLock lock_;
  std::optional<MetricsLog> metrics_;
  std::optional<TensorboardWriter> tensorboard_;
  bool tokenizer_is_saved_ = false;
};

}  // namespace sharcs::internal
