#pragma once

#include <CLI/CLI.hpp>
#include <filesystem>
#include <string>

#include "sharcs/routing.hpp"

namespace sharcs::internal {

/// --policy: how the width of each sample is chosen.
void add_policy_option(CLI::App& command, std::string& policy);

/// "model" (the rule that calibration stored with the model in this folder, else the router's), "argmax" (the
/// router's), "fixed:0.25" (every sample at this width), "cap:0.5" (the model's, but at most this) or "cascade:0.9"
/// (the model's, and wider while the answer's probability is below this). Anything else is a usage error. Throws as
/// ModelConfig::load.
RoutingPolicy policy_named(const std::string& text, const std::filesystem::path& model);

}  // namespace sharcs::internal
