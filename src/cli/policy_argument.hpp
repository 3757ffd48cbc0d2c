#pragma once

#include <CLI/CLI.hpp>
#include <string>

#include "sharcs/routing_policy.hpp"

namespace sharcs {

/// --policy: how the width of each sample is chosen.
void add_policy_option(CLI::App& command, std::string& policy);

/// "argmax", "fixed:0.25" (every sample at this width), "cap:0.5" (the router's width, but at most this) or
/// "cascade:0.9" (the router's width, and wider while the answer's probability is below this). Anything else is a usage
/// error.
RoutingPolicy policy_named(const std::string& text);

}  // namespace sharcs
