#pragma once

#include <limits>

namespace sharcs::internal {

/// Stands for a number that does not exist.
inline constexpr double nan = std::numeric_limits<double>::quiet_NaN();

}  // namespace sharcs::internal
