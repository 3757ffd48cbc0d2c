#pragma once

#include <cstddef>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "sharcs/evaluation_file.hpp"
#include "sharcs/metrics_log.hpp"
#include "sharcs/model_config.hpp"

namespace [[gnu::visibility("default")]] sharcs {

/// A setting of a run, as text: "learning_rate", "2e-05".
struct Setting {
  std::string key;
  std::string value;
};

/// What stands in the output folder of a training run, as far as training has come.
struct RunFolder {
  std::string name;  ///< the end of the folder's path that tells it from the other runs
  std::string folder;
  std::vector<Setting> settings = {};             ///< training.json; keys of nested objects are joined with dots
  std::optional<ModelConfig> config = {};         ///< config.json
  std::vector<EpochRecord> epochs = {};           ///< metrics.jsonl
  std::optional<EvaluationFile> evaluation = {};  ///< evaluation.json
};

/// Reads the folders of training runs; also of models that were only evaluated (without metrics.jsonl), and of runs
/// that go on (without evaluation.json). Throws IoError when a folder is not there or has neither file, ConfigError
/// when one is given twice, and what the readers of the files throw.
std::vector<RunFolder> read_runs(std::span<const std::filesystem::path> folders);

struct ReportOptions {
  /// Sentences of each run that stand in the report: of larger data sets, half of them the easiest and half the
  /// hardest.
  std::size_t samples = 2000;
};

/// A report on one or several runs for a browser: one HTML file that needs nothing else, neither files nor network.
/// The same runs give the same bytes.
std::string report_html(std::span<const RunFolder> runs, const ReportOptions& options = {});

struct TextReportOptions {
  int columns = 80;
  bool colour = false;  ///< ANSI colours, for terminals
};

/// The essentials of the same for a terminal, drawn with Unicode's block elements, with a line end.
std::string report_text(std::span<const RunFolder> runs, const TextReportOptions& options = {});

}  // namespace gnu::visibility("default")]]sharcs
