#pragma once

#include <nlohmann/json.hpp>

#include "io/json_cursor.hpp"
#include "sharcs/routing.hpp"

namespace sharcs::internal {

template <>
struct EnumNames<CostUnit> {
  static constexpr const char* what = "the unit of costs";
  static constexpr EnumName<CostUnit> all[] = {{CostUnit::multiply_adds, "multiply_adds"},
                                               {CostUnit::seconds, "seconds"}};
};

/// Throws ConfigError naming the key, what was found and what was expected. Whether the rule fits a model's widths is
/// checked by RoutingRule::check().
RoutingRule read_routing_rule(const JsonCursor& object);

nlohmann::ordered_json to_json(const RoutingRule& rule);

/// The same for a whole policy; null stands for PolicyRule::never among its thresholds. Whether it fits a model is
/// checked by PolicyRule::check().
PolicyRule read_policy_rule(const JsonCursor& object);
nlohmann::ordered_json to_json(const PolicyRule& rule);

}  // namespace sharcs::internal
