#pragma once

#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <vector>

#include "report/run_folder.hpp"

namespace sharcs::internal {

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
