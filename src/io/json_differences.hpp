#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace sharcs::internal {

/// What differs between two JSON objects, for people: `"options.batch_size" is 16; it was 32`. `where` stands before
/// the keys. Empty when they are the same.
std::vector<std::string> json_differences(const nlohmann::json& now, const nlohmann::json& before,
                                          const std::string& where = "");

/// Several differences as one: "…; and …".
std::string joined_differences(const std::vector<std::string>& differences);

}  // namespace sharcs::internal
