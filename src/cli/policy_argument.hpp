#pragma once

#include <CLI/CLI.hpp>
#include <filesystem>
#include <optional>
#include <string>

#include "infer/precision_names.hpp"
#include "sharcs/classifier.hpp"
#include "sharcs/policy.hpp"

namespace sharcs::internal {

/// --policy: which answers samples are asked for.
void add_policy_option(CLI::App& command, std::string& policy);

/// The policy that --policy names, for the model in this folder; src/routing/policies has the kinds. Anything else is a
/// usage error. Throws as ModelConfig::load.
Policy policy_argument(const std::string& text, const std::filesystem::path& model);
Policy policy_argument(const std::string& text, const ModelConfig& config);

/// --precision: of the weights that the command runs with.
void add_precision_option(CLI::App& command, std::string& precision);

/// What --precision names; none where it was not given.
std::optional<Precision> precision_argument(const std::string& text);

}  // namespace sharcs::internal
