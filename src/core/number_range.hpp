#pragma once

#include <cstddef>
#include <limits>
#include <string>

namespace sharcs::internal {

/// The numbers from `least` to `greatest`, both included. A bound that is not given does not bound.
struct NumberRange {
  static constexpr double unbounded = std::numeric_limits<double>::max();

  double least = -unbounded;
  double greatest = unbounded;

  /// False for NaN and infinities.
  bool contains(double value) const { return value >= least && value <= greatest; }
  /// For messages and help: "a number ≥ 0" for the noun "a number", "an integer from 1 to 9" for "an integer".
  std::string text(const std::string& noun) const;
};

/// The indices of `end` things: 0 to end - 1.
inline NumberRange below(std::size_t end) { return {.least = 0, .greatest = static_cast<double>(end) - 1}; }

/// A number as short as it can be written: 0.25, 1, 2e-05.
std::string short_number(double value);

}  // namespace sharcs::internal
