#pragma once

#include <CLI/CLI.hpp>
#include <map>
#include <string>
#include <vector>

#include "cli/command.hpp"
#include "cli/config_file.hpp"
#include "sharcs/training_options.hpp"

namespace sharcs::internal {

/// The flags that override the "model", "tokenizer" and "training" sections of a config file: one for each training
/// option and for what SHARCS adds to a model, and --set for everything else.
class TrainingArguments {
 public:
  void add_to(CLI::App& command);

  /// The config file with the flags' values in it. Throws IoError, ConfigError, or a usage error for a flag with an
  /// impossible value.
  ConfigFile merged_config(const CommonArguments& common) const;

 private:
  // The words behind each flag, by key of TrainingOptions and of SharcsConfig; empty: not given.
  std::map<std::string, std::string> training_, sharcs_;
  std::vector<std::string> settings_;  // "section.key=value"
};

/// Throws ConfigError as TrainingOptions::parse.
TrainingOptions training_options(const ConfigFile& config);

}  // namespace sharcs::internal
