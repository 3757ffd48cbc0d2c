#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "formats/tensor_source.hpp"
#include "sharcs/metrics_log.hpp"
#include "train/adamw.hpp"
#include "train/epoch_tally.hpp"
#include "train/hardness_history.hpp"
#include "train/run_identity.hpp"

namespace sharcs::internal {

/// Where a run stands between two steps, parameters, moments and hardness left out. Randomness needs no state: every
/// use has a key of its own, derived from the seed and the position.
struct TrainingState {
  int epoch = 1;                 ///< the running one, from 1; one more than there are when the run is finished
  std::int64_t step = 0;         ///< optimizer steps of it that are done
  std::int64_t total_steps = 0;  ///< of all epochs
  EpochTally tally = {};
  std::vector<std::int32_t> widths_before = {};  ///< at which each sample was trained in the epoch before
  std::optional<EpochRecord> best = {};          ///< the epoch whose model is the best so far
  std::optional<EpochRecord> last = {};          ///< the last finished epoch
};

/// What a training checkpoint is written from.
struct TrainingSnapshot {
  const RunIdentity& identity;
  const TrainingState& state;
  const HardnessState& hardness;
  const ParameterStore<float>& values;
  Adamw<float>& optimizer;  ///< caught up
};

/// A training checkpoint: a safetensors file, followed by its XXH64 (8 bytes, little endian).
class TrainingCheckpoint {
 public:
  /// Writes one, atomically. Throws IoError; what stood at `file` is then still there.
  static void write(const std::filesystem::path& file, const TrainingSnapshot& snapshot);

  /// Opens one and checks all of it. Throws IoError, or CheckpointError when it is not whole.
  explicit TrainingCheckpoint(const std::filesystem::path& file);

  const std::filesystem::path& file() const { return source_.path(); }
  const RunIdentity& identity() const { return identity_; }
  const TrainingState& state() const { return state_; }
  /// Whether the last epoch is done.
  bool is_finished() const;
  HardnessState hardness() const;
  /// Fills parameters, moments and step counts. Throws CheckpointError when it does not have all of them.
  void read(ParameterStore<float>& values, Adamw<float>& optimizer) const;

 private:
  TensorSource source_;
  RunIdentity identity_;
  TrainingState state_;
};

/// The checkpoints of one run: step-000000120.checkpoint, ….
class CheckpointFolder {
 public:
  explicit CheckpointFolder(std::filesystem::path folder) : folder_(std::move(folder)) {}

  /// Newest first.
  std::vector<std::filesystem::path> files() const;
  /// Writes one, and removes all but the `keep` newest. Throws IoError.
  void write(const TrainingSnapshot& snapshot, int keep) const;
  /// The newest one that is whole; none when there is no checkpoint at all. `note` hears of each that is not. Throws
  /// CheckpointError when there are some but none is whole.
  std::optional<TrainingCheckpoint> newest(const std::function<void(std::string_view)>& note) const;
  /// Removes all, and what a killed process has left half written.
  void clear() const;
  void remove_half_written() const;

 private:
  std::filesystem::path folder_;
};

}  // namespace sharcs::internal
