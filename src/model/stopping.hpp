#pragma once

#include <stop_token>

#include "sharcs/error.hpp"

namespace sharcs::internal {

/// Passes call it before each layer.
inline void throw_if_stopped(const std::stop_token& stop) {
  if (stop.stop_requested()) throw Cancelled("cancelled, as the caller asked for");
}

}  // namespace sharcs::internal
