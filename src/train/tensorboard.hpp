#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string_view>

#include "io/file.hpp"
#include "sharcs/trainer.hpp"

namespace sharcs::internal {

struct TensorboardOptions {
  /// A resumed run gives the step at which it goes on. TensorBoard then hides what was written from that step on
  /// before. Negative: a new run.
  std::int64_t resumed_at_step = -1;
  /// Seconds since 1970. Empty: the system's clock.
  std::function<double()> clock = {};
};

/// Writes scalars that TensorBoard shows: a file events.out.tfevents.… of length-prefixed, CRC-32C-checked records
/// (https://www.tensorflow.org/tutorials/load_data/tfrecord#tfrecords_format_details), each an Event message
/// (tensorflow/core/util/event.proto) in Protocol Buffers' encoding.
class TensorboardWriter {
 public:
  /// Makes the folder when it is absent, and a file of its own in it. Throws IoError.
  explicit TensorboardWriter(const std::filesystem::path& folder, TensorboardOptions options = {});

  /// Adds a point to the curve `tag`. Throws IoError.
  void add_scalar(std::string_view tag, double value, std::int64_t step);
  /// Adds the numbers of an epoch at its total_steps: curves train/…, and <name>/… for each evaluation. Numbers that
  /// are not finite are left out.
  void add_epoch(const EpochRecord& record);

  const std::filesystem::path& path() const { return file_->path(); }

 private:
  void add_event(std::string_view fields);

  std::function<double()> clock_;
  std::unique_ptr<AppendFile> file_;
};

}  // namespace sharcs::internal
