#include "report/run_folder.hpp"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <system_error>

#include "io/file.hpp"
#include "io/json_cursor.hpp"
#include "sharcs/error.hpp"
#include "sharcs/report.hpp"
#include "train/training_folder.hpp"

namespace sharcs::internal {
namespace {

using nlohmann::ordered_json;
namespace fs = std::filesystem;

std::vector<Setting> read_settings(const fs::path& file) {
  const ordered_json settings = parse_json<ordered_json>(read_text_file(file), file.string(), JsonKind::config);
  JsonCursor(nlohmann::json(settings), file.string(), JsonKind::config).object();  // throws where it is none
  return flatten(settings);
}

RunFolder read_run(const fs::path& folder) {
  std::error_code unknown;
  if (!fs::is_directory(folder, unknown))
    throw IoError(folder.string() + ": no such folder; expected the output folder of a training run");
  const TrainingFolder files(folder);
  const fs::path metrics = files.metrics_file();
  fs::path recording = files.recording_file();
  if (!is_there(recording) && is_there(folder / earlier_recording_file)) recording = folder / earlier_recording_file;
  if (!is_there(metrics) && !is_there(recording))
    throw IoError(folder.string() + ": holds neither metrics.jsonl nor " + recording_file +
                  "; expected the output folder of a training run");
  RunFolder run;
  run.folder = folder.string();
  if (is_there(files.settings_file())) run.settings = read_settings(files.settings_file());
  if (is_there(files.config_file())) run.config = ModelConfig::load(files.config_file());
  if (is_there(metrics)) run.epochs = read_metrics(metrics);
  if (is_there(recording)) run.recorded = RecordedEvaluation::load(recording);
  if (run.epochs.empty() && !run.recorded)
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

using nlohmann::ordered_json;

void append(const ordered_json& value, const std::string& key, std::vector<Setting>& settings) {
  if (value.is_object() && !value.empty()) {
    for (const auto& [name, inner] : value.items()) append(inner, key.empty() ? name : key + "." + name, settings);
    return;
  }
  settings.push_back({key, value.is_string() ? value.get<std::string>()
                                             : value.dump(-1, ' ', false, ordered_json::error_handler_t::replace)});
}

std::vector<ComparedSetting> compare(const std::vector<std::vector<Setting>>& runs) {
  std::vector<ComparedSetting> rows;
  std::map<std::string, std::size_t> row_of_key;
  for (std::size_t run = 0; run < runs.size(); ++run)
    for (const Setting& setting : runs[run]) {
      const auto [row, is_new] = row_of_key.emplace(setting.key, rows.size());
      if (is_new) rows.push_back({setting.key, std::vector<std::string>(runs.size()), false});
      rows[row->second].values[run] = setting.value;
    }
  for (ComparedSetting& row : rows)
    row.differs = std::any_of(row.values.begin(), row.values.end(), [&](const auto& v) { return v != row.values[0]; });
  return rows;
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

std::vector<Setting> flatten(const ordered_json& object) {
  std::vector<Setting> settings;
  append(object, "", settings);
  return settings;
}

std::vector<ComparedSetting> training_settings(std::span<const RunFolder> runs) {
  std::vector<std::vector<Setting>> settings;
  for (const RunFolder& run : runs) settings.push_back(run.settings);
  return compare(settings);
}

std::vector<ComparedSetting> model_settings(std::span<const RunFolder> runs) {
  std::vector<std::vector<Setting>> settings;
  for (const RunFolder& run : runs)
    settings.push_back(run.config ? flatten(ordered_json::parse(run.config->to_json())) : std::vector<Setting>{});
  return compare(settings);
}

}  // namespace sharcs::internal
