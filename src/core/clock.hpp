#pragma once

#include <functional>
#include <span>
#include <vector>

namespace sharcs::internal {

/// Seconds since some fixed moment; never goes back.
using Clock = std::function<double()>;
/// The system's steady clock.
double steady_seconds();

struct TurnOptions {
  int least_rounds = 1;
  /// Of all runs together.
  double least_seconds = 0;
};

/// Times several runs that take turns (a, b, a, b, …), so that whatever else the machine does slows all of them alike.
/// Each run returns the seconds that it took. Returns the seconds of each run, ascending.
std::vector<std::vector<double>> time_in_turns(std::span<const std::function<double()>> runs,
                                               const TurnOptions& options);

/// The middle one of ascending values; of two, the larger. At least one value.
double median_of(const std::vector<double>& ascending);

}  // namespace sharcs::internal
