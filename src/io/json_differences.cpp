#include "io/json_differences.hpp"

#include <set>

namespace sharcs::internal {
namespace {

using nlohmann::json;

std::string shown(const json& object, const std::string& key) {
  return object.contains(key) ? object.at(key).dump(-1, ' ', false, json::error_handler_t::replace) : "absent";
}

void compare(const json& now, const json& before, const std::string& where, std::vector<std::string>& found) {
  std::set<std::string> keys;
  for (const json* side : {&now, &before})
    for (const auto& [key, value] : side->items()) keys.insert(key);
  for (const std::string& key : keys) {
    const bool both = now.contains(key) && before.contains(key);
    if (both && now.at(key) == before.at(key)) continue;
    if (both && now.at(key).is_object() && before.at(key).is_object())
      compare(now.at(key), before.at(key), where + key + ".", found);
    else
      found.push_back("\"" + where + key + "\" is " + shown(now, key) + "; it was " + shown(before, key));
  }
}

}  // namespace

std::vector<std::string> json_differences(const json& now, const json& before, const std::string& where) {
  std::vector<std::string> found;
  compare(now, before, where, found);
  return found;
}

std::string joined_differences(const std::vector<std::string>& differences) {
  std::string list;
  for (const std::string& difference : differences) list += (list.empty() ? "" : "; and ") + difference;
  return list;
}

}  // namespace sharcs::internal
