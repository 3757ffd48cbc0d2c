#pragma once

#include <cstddef>
#include <span>

namespace sharcs::internal {

struct CallTime {
  std::size_t tokens;
  double seconds;  ///< above 0
};

/// Seconds of a call with n tokens: call + token · n.
struct TimeLine {
  double call = 0, token = 0;
};

/// The line that fits the times by their smallest relative errors; neither part is negative. At least one time.
TimeLine line_through(std::span<const CallTime> calls);

}  // namespace sharcs::internal
