#include <algorithm>
#include <nlohmann/json.hpp>
#include <system_error>

#include "core/json_reader.hpp"
#include "io/file.hpp"
#include "report/settings.hpp"
#include "sharcs/error.hpp"
#include "sharcs/report.hpp"

namespace sharcs {
using namespace internal;
namespace {

using nlohmann::ordered_json;
namespace fs = std::filesystem;

bool is_there(const fs::path& file) {
  std::error_code unknown;
  return fs::exists(file, unknown);
}

std::vector<Setting> read_settings(const fs::path& file) {
  const std::string text = read_text_file(file);
  JsonReader(text, file.string());  // refuses what is no object
  return flatten(ordered_json::parse(text));
}

RunFolder read_run(const fs::path& folder) {
  std::error_code unknown;
  if (!fs::is_directory(folder, unknown))
    throw IoError(folder.string() + ": no such folder; expected the output folder of a training run");
  const fs::path metrics = folder / "metrics.jsonl", evaluation = folder / "evaluation.json";
  if (!is_there(metrics) && !is_there(evaluation))
    throw IoError(folder.string() +
                  ": holds neither metrics.jsonl nor evaluation.json; expected the output folder of a training run");
  RunFolder run;
  run.folder = folder.string();
  if (is_there(folder / "training.json")) run.settings = read_settings(folder / "training.json");
  if (is_there(folder / "config.json")) run.config = ModelConfig::load(folder / "config.json");
  if (is_there(metrics)) run.epochs = read_metrics(metrics);
  if (is_there(evaluation)) run.evaluation = EvaluationFile::load(evaluation);
  if (run.epochs.empty() && !run.evaluation)
    throw DataError(metrics.string() + ": no epoch is finished; there is nothing to report yet");
  return run;
}

/// The last `count` parts of a path.
std::string tail_of(const fs::path& path, std::size_t count) {
  std::vector<fs::path> parts(path.begin(), path.end());
  fs::path tail;
  for (std::size_t i = parts.size() - std::min(count, parts.size()); i < parts.size(); ++i) tail /= parts[i];
  return tail.string();
}

/// The shortest ends of the paths that are all different.
std::vector<std::string> names_of(const std::vector<fs::path>& paths) {
  std::vector<std::string> names;
  for (std::size_t count = 1;; ++count) {
    names.clear();
    for (const fs::path& path : paths) names.push_back(tail_of(path, count));
    std::vector<std::string> sorted = names;
    std::sort(sorted.begin(), sorted.end());
    const auto twice = std::adjacent_find(sorted.begin(), sorted.end());
    if (twice == sorted.end()) return names;
    if (std::count(paths.begin(), paths.end(), fs::path(*twice)) > 1)
      throw ConfigError("run " + *twice + " is given twice");
  }
}

}  // namespace

std::vector<RunFolder> read_runs(std::span<const fs::path> folders) {
  std::vector<fs::path> paths;
  for (const fs::path& folder : folders) {
    std::error_code unknown;
    fs::path whole = fs::weakly_canonical(folder, unknown);
    paths.push_back(unknown || whole.empty() ? folder : std::move(whole));
  }
  const std::vector<std::string> names = names_of(paths);
  std::vector<RunFolder> runs;
  for (std::size_t i = 0; i < folders.size(); ++i) {
    runs.push_back(read_run(folders[i]));
    runs.back().name = names[i];
  }
  return runs;
}

}  // namespace sharcs
