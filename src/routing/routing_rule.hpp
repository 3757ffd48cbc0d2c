#pragma once

#include <string>

#include "sharcs/routing.hpp"

namespace sharcs::internal {

/// "calibrated to 0.5 of the multiply-adds", "calibrated to 8 ms".
std::string calibrated_to(const RoutingRule& rule);

}  // namespace sharcs::internal
