#include "report/settings.hpp"

#include <algorithm>

namespace sharcs::internal {
namespace {

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
  for (std::size_t run = 0; run < runs.size(); ++run)
    for (const Setting& setting : runs[run]) {
      auto row = std::find_if(rows.begin(), rows.end(), [&](const auto& known) { return known.key == setting.key; });
      if (row == rows.end()) row = rows.insert(row, {setting.key, std::vector<std::string>(runs.size()), false});
      row->values[run] = setting.value;
    }
  for (ComparedSetting& row : rows)
    row.differs = std::any_of(row.values.begin(), row.values.end(), [&](const auto& v) { return v != row.values[0]; });
  return rows;
}

}  // namespace

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
