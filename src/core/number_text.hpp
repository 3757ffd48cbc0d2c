#pragma once

#include <cstddef>
#include <string>

// Numbers as people read them.

namespace sharcs::internal {

/// "0.84"; "-" for NaN.
std::string decimal(double value, int digits);
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
