#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "eval/recorded_evaluation.hpp"
#include "sharcs/model_config.hpp"
#include "sharcs/report.hpp"
#include "train/metrics_log.hpp"

namespace sharcs::internal {

/// A setting of a run, as text: "learning_rate", "2e-05".
struct Setting {
  std::string key;
  std::string value;
};

/// What stands in the output folder of a training run, as far as training has come.
struct RunFolder {
  std::string name;  ///< the end of the folder's path that tells it from the other runs
  std::string folder;
  std::vector<Setting> settings = {};               ///< training.json; keys of nested objects are joined with dots
  std::optional<ModelConfig> config = {};           ///< config.json
  std::vector<EpochRecord> epochs = {};             ///< metrics.jsonl
  std::optional<RecordedEvaluation> recorded = {};  ///< recording.json, or else evaluation.json
};

/// Reads the folders of training runs; also of models that were only evaluated (without metrics.jsonl), and of runs
/// that go on (without recording.json). Throws IoError when a folder is not there or has neither file, ConfigError when
/// one is given twice, and what the readers of the files throw.
std::vector<RunFolder> read_runs(std::span<const std::filesystem::path> folders);

/// The functions of report.hpp, for folders that were read.
std::string html_of(std::span<const RunFolder> runs, const ReportOptions& options = {});
std::string text_of(std::span<const RunFolder> runs, const TextReportOptions& options = {});

/// The values in a JSON object, in its order; keys of nested objects are joined with dots.
std::vector<Setting> flatten(const nlohmann::ordered_json& object);

/// A setting, and its value in each of several runs; empty where a run does not have it.
struct ComparedSetting {
  std::string key;
  std::vector<std::string> values;
  bool differs;
};

/// The settings of the runs' training, in the order of the first run that has them.
std::vector<ComparedSetting> training_settings(std::span<const RunFolder> runs);
/// The same of their models.
std::vector<ComparedSetting> model_settings(std::span<const RunFolder> runs);

}  // namespace sharcs::internal
