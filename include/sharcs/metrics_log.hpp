#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "sharcs/evaluation_record.hpp"

namespace sharcs::internal {
class AppendFile;
}

namespace [[gnu::visibility("default")]] sharcs {

// metrics.jsonl, schema 1: one line per epoch of a training run, each a JSON object.
//
// clang-format off
// | key | type | meaning |
// |---|---|---|
// | `schema` | integer | 1. Keys may be added under the same number: a reader skips those it does not know |
// | `epoch` | integer | from 1, ascending from line to line |
// | `settings` | text | file with the settings of the run, relative to metrics.jsonl |
// | `full_width_only` | boolean | there were no labels yet: everything was trained at the largest width |
// | `steps` | integer | optimizer steps of this epoch |
// | `total_steps` | integer | optimizer steps of the run up to the end of this epoch |
// | `samples`, `tokens` | integer | trained in this epoch, repetitions counted |
// | `seconds` | number | time of this epoch's training, evaluation not counted |
// | `samples_per_second`, `tokens_per_second` | number | samples and tokens over seconds |
// | `learning_rate` | number | of the epoch's last step |
// | `score` | number | what chooses the best checkpoint |
// | `best` | boolean | the epoch's model was kept, as the best so far; any epoch with widths beats those of full width only |
// | `train.loss_task`, `train.loss_router` | number | means over the samples, not weighted by λ |
// | `train.widths[]` | list | one entry a width, ascending |
// | – `.width` | number | as a fraction |
// | – `.samples` | integer | training samples at this width, repetitions not counted |
// | – `.share` | number | the same as a share of all |
// | – `.labelled` | integer | training samples whose label has this width, alone or among others |
// | – `.loss_task`, `.loss_router` | number | means over the samples trained at this width |
// | `transitions[i][j]` | integer | samples at width i in the epoch before and at j in this one; [] in the first one |
// | `evaluations[]` | list | one entry a data set, as evaluation_record.hpp says |
// clang-format on
//
// A number that does not exist (the router's loss before there are labels, the loss of a width without samples, a
// metric over none) is null in the file and NaN in the structs.

/// What an epoch trained at one width.
struct WidthTraining {
  double width = 1;
  std::int64_t samples = 0;
  std::int64_t labelled = 0;
  double loss_task = 0;
  double loss_router = 0;
};

/// One line of metrics.jsonl. The fields are explained in the table above.
struct EpochRecord {
  static constexpr int schema = 1;

  int epoch = 1;
  std::string settings = {};
  bool full_width_only = false;
  std::int64_t steps = 0;
  std::int64_t total_steps = 0;
  std::int64_t samples = 0;
  std::int64_t tokens = 0;
  double seconds = 0;
  double learning_rate = 0;
  double score = 0;
  bool best = false;
  double loss_task = 0;
  double loss_router = 0;
  std::vector<WidthTraining> widths = {};
  std::vector<std::vector<std::int64_t>> transitions = {};
  std::vector<EvaluationRecord> evaluations = {};

  double samples_per_second() const { return static_cast<double>(samples) / seconds; }
  double tokens_per_second() const { return static_cast<double>(tokens) / seconds; }

  /// The line, without its line end.
  std::string to_json() const;
  /// Reads a line; `place` stands for it in messages ("metrics.jsonl:3"). Throws DataError when it is not of the
  /// schema.
  static EpochRecord from_json(std::string_view line, const std::string& place);
};

/// All epochs of a metrics.jsonl. A last line without line end that is not whole, as a crash leaves it, is left out.
/// Throws IoError; DataError naming the line.
std::vector<EpochRecord> read_metrics(const std::filesystem::path& file);

/// Appends to a metrics.jsonl while training runs.
class MetricsLog {
 public:
  /// Continues the file of a run that has finished `finished_epochs` epochs: lines of later epochs, and a torn last
  /// one, are dropped. 0 starts the file anew. Throws IoError; DataError when a line is not of the schema.
  MetricsLog(const std::filesystem::path& file, int finished_epochs);
  ~MetricsLog();
  MetricsLog(MetricsLog&&) noexcept;
  MetricsLog& operator=(MetricsLog&&) noexcept;

  /// Appends one line and returns when it is on the disk. Throws IoError; the file then is as it was before.
  void append(const EpochRecord& record);

 private:
  std::unique_ptr<internal::AppendFile> file_;
};

}  // namespace gnu::visibility("default")]]sharcs
