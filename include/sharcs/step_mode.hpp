#pragma once

#include <string>
#include <string_view>

namespace [[gnu::visibility("default")]] sharcs {

/// How an optimizer step meets the widths.
enum class StepMode {
  /// One micro-batch of each width, gradients averaged: the authors' one width per GPU, on one machine.
  joint,
  /// One micro-batch of one width, the widths taking turns from the narrowest to the largest: the authors'
  /// single-device behaviour.
  alternate,
};

/// "joint" or "alternate".
std::string to_string(StepMode mode);
/// The mode of that name. Throws ConfigError that lists the names.
StepMode step_mode_named(std::string_view name);

}  // namespace gnu::visibility("default")]]sharcs
