#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "formats/tensor_source.hpp"
#include "train/answer_history.hpp"
#include "train/hardness_history.hpp"
#include "train/optimizer.hpp"
#include "train/run_identity.hpp"
#include "train/training_state.hpp"

namespace sharcs::internal {

/// What goes into a training checkpoint.
struct TrainingSnapshot {
  const RunIdentity& identity;
  const TrainingState& state;
  const HardnessState& hardness;
  const AnswerHistory::State answers;
  const ParameterStore<float>& values;
  Adamw<float>& optimizer;  ///< after catch_up()
};

/// A training checkpoint: a safetensors file, and after it the file's XXH64 checksum (8 bytes, little endian).
class TrainingCheckpoint {
 public:
  /// Writes a checkpoint. Throws IoError; `file` is then as it was before.
  static void write(const std::filesystem::path& file, const TrainingSnapshot& snapshot);

  /// Opens a checkpoint and compares its checksum. Throws IoError, or CheckpointError when it is damaged.
  explicit TrainingCheckpoint(const std::filesystem::path& file);

  const std::filesystem::path& file() const { return source_.path(); }
  const RunIdentity& identity() const { return identity_; }
  const TrainingState& state() const { return state_; }
  /// Whether the run had finished its last epoch.
  bool is_finished() const;
  HardnessState hardness() const;
  /// None in a checkpoint of a version that did not have it.
  std::optional<AnswerHistory::State> answers() const;
  /// Reads the parameters into `values`, and the moments and step counts into `optimizer`. Throws CheckpointError when
  /// one is missing or has another shape.
  void read(ParameterStore<float>& values, Adamw<float>& optimizer) const;

 private:
  TensorSource source_;
  RunIdentity identity_;
  TrainingState state_;
  int epochs_ = 0;
  std::int64_t hardness_epochs_ = 0;
};

/// The folder with a run's checkpoints: step-000000000120.checkpoint and so on, named by the steps that were done. It
/// need not exist before the first write().
class CheckpointFolder {
 public:
  explicit CheckpointFolder(std::filesystem::path folder) : folder_(std::move(folder)) {}

  const std::filesystem::path& path() const { return folder_; }
  /// The files of all checkpoints, the newest first.
  std::vector<std::filesystem::path> files() const;
  /// Writes a checkpoint, then removes all but the newest `keep`. Throws IoError.
  void write(const TrainingSnapshot& snapshot, int keep) const;
  /// The newest checkpoint that is not damaged; nothing when there are none at all. note() is told of each damaged one
  /// that is skipped. Throws CheckpointError when all are damaged.
  std::optional<TrainingCheckpoint> newest(const std::function<void(std::string_view)>& note) const;
  /// Removes all checkpoints and half-written files.
  void clear() const;
  /// Removes what a process has left that was killed while it wrote.
  void remove_half_written() const;

 private:
  std::filesystem::path folder_;
};

}  // namespace sharcs::internal
