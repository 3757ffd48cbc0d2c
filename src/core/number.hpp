#pragma once

#include <cstddef>
#include <limits>
#include <span>
#include <string>

namespace sharcs::internal {

/// Stands for a number that does not exist, such as the mean of nothing.
inline constexpr double nan = std::numeric_limits<double>::quiet_NaN();

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

// Numbers as people read them.

/// As short as it can be written: 0.25, 1, 2e-05.
std::string short_number(double value);

/// "0.84"; "-" for NaN.
std::string decimal(double value, int digits);
/// Each with `between` between them: "0.84,-1.20".
std::string decimals(std::span<const float> values, int digits, const char* between = ",");
/// The same by short_number().
std::string short_numbers(std::span<const double> values);
/// Three significant digits, without zeros at their end: "0.0384", "2.5", "61.3", "1234"; "-" for NaN.
std::string three_digits(double value);
/// "69.2 %"; "-" for NaN.
std::string percent(double share);
/// "12,345,678".
std::string grouped(long long number);
/// "1 sentence", "12,345 sentences".
std::string counted(std::size_t number, const std::string& noun);
/// "0.0384 ms", "612 ms", "1.42 s".
std::string seconds_text(double seconds);
/// "438.0 MB".
std::string bytes_text(double bytes);

}  // namespace sharcs::internal
