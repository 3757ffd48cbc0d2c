#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "io/file.hpp"
#include "sharcs/trainer.hpp"

namespace sharcs::internal {

// metrics.jsonl, schema 1: one JSON object a line, one line for each epoch of a training run.
//
// clang-format off
// | key | type | meaning |
// |---|---|---|
// | `schema` | integer | 1. New keys may be added without a new number: a reader skips those it does not know |
// | `epoch` | integer | from 1, ascending from line to line |
// | `settings` | text | file with the settings of the run, relative to metrics.jsonl |
// | `full_width_only` | boolean | the epoch trained nothing but the largest width: there were no hardness labels yet |
// | `steps` | integer | optimizer steps of this epoch |
// | `total_steps` | integer | optimizer steps of the run up to the end of this epoch |
// | `samples`, `tokens` | integer | trained in this epoch; a repeated sample counts each time |
// | `seconds` | number | time of this epoch's training, evaluation not counted |
// | `samples_per_second`, `tokens_per_second` | number | samples and tokens over seconds |
// | `learning_rate` | number | of the epoch's last step |
// | `score` | number | decides which epoch is the best |
// | `best` | boolean | the best epoch so far: its model was saved. An epoch with all widths beats every one with full width only |
// | `train.loss_task`, `train.loss_router` | number | means over the samples, without the weights λ |
// | `train.widths[]` | list | one entry for each width, ascending |
// | – `.width` | number | as a fraction |
// | – `.samples` | integer | training samples at this width; a repeated sample counts once |
// | – `.share` | number | the same as a share of all training samples |
// | – `.labelled` | integer | training samples whose hardness label has this width, alone or among others |
// | – `.loss_task`, `.loss_router` | number | means over the samples trained at this width |
// | `transitions[i][j]` | integer | training samples at width i in the epoch before and at width j in this one; [] in the first epoch |
// | `evaluations[]` | list | one entry for each evaluated data set, as evaluation_record.hpp says |
// clang-format on
//
// A number that does not exist is null in the file and NaN in EpochRecord: the router's loss before there are labels,
// the loss of a width without samples, a metric over no samples.

constexpr int metrics_schema = 1;

/// The line of an epoch, without its line end.
std::string to_json_line(const EpochRecord& record);
/// Reads such a line. `place` names it in messages ("metrics.jsonl:3"). Throws DataError when it is not of the schema.
EpochRecord parse_epoch_record(std::string_view line, const std::string& place);

/// Reads all epochs of a metrics.jsonl. If a crash has cut the last line off in the middle, that line is left out.
/// Throws IoError, or DataError with the line's number.
std::vector<EpochRecord> read_metrics(const std::filesystem::path& file);

/// Adds lines to a metrics.jsonl while training runs.
class MetricsLog {
 public:
  /// Goes on with the file of a run that has finished `finished_epochs` epochs, and drops what follows them: lines of
  /// later epochs, and a last line that was cut off. 0 empties the file. Throws IoError, or DataError when a line is
  /// not of the schema.
  MetricsLog(const std::filesystem::path& file, int finished_epochs);

  /// Adds a line and returns when it is on the disk. Throws IoError; the file is then as it was before.
  void append(const EpochRecord& record);

 private:
  AppendFile file_;
};

}  // namespace sharcs::internal
