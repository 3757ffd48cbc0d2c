#pragma once

#include <string>

#include "cli/config_file.hpp"

namespace sharcs::internal {

// The files of src/cli/presets/, put into the program by cmake/embed.cmake.
extern const char* const small_json;
extern const char* const large_json;
extern const char* const pretrained_json;

/// The settings of `sharcs train` where no configuration is given.
struct Preset {
  ConfigFile config;
  std::string choice;  ///< what was chosen and why, for the user
};

/// For an encoder from random parameters (`checkpoint` is empty), by the number of training samples; else for the
/// checkpoint, with the router after a third of its layers and an exit after each. Throws as ModelConfig::load().
Preset choose_preset(std::size_t samples, const std::string& checkpoint);

}  // namespace sharcs::internal
