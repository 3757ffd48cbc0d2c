#pragma once

#include <nlohmann/json.hpp>

#include "core/json_reader.hpp"
#include "sharcs/routing_rule.hpp"

namespace sharcs::internal {

/// Reads the object under `key`. Throws ConfigError naming the key, what was found and what was expected; whether the
/// rule fits a model's widths is for RoutingRule::check.
RoutingRule read_routing_rule(JsonReader& reader, const std::string& key);

nlohmann::ordered_json to_json(const RoutingRule& rule);

}  // namespace sharcs::internal
