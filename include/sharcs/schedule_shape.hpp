#pragma once

#include <string>
#include <string_view>

namespace [[gnu::visibility("default")]] sharcs {

/// How the learning rate goes on after the warm-up.
enum class ScheduleShape {
  linear,    ///< down to 0 at the end of training
  constant,  ///< stays where it is
};

/// "linear" or "constant".
std::string to_string(ScheduleShape shape);
/// The shape of that name. Throws ConfigError that lists the names.
ScheduleShape schedule_shape_named(std::string_view name);

}  // namespace gnu::visibility("default")]]sharcs
