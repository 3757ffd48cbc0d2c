#pragma once

#include <functional>

namespace sharcs::internal {

/// Seconds since some fixed moment; never goes back.
using Clock = std::function<double()>;
/// The system's steady clock.
double steady_seconds();

}  // namespace sharcs::internal
