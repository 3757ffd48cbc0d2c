#include "core/number.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <iterator>

namespace sharcs::internal {

std::string NumberRange::text(const std::string& noun) const {
  const bool bounded_below = least != -unbounded, bounded_above = greatest != unbounded;
  if (bounded_below && bounded_above) return noun + " from " + short_number(least) + " to " + short_number(greatest);
  if (bounded_below) return noun + " ≥ " + short_number(least);
  if (bounded_above) return noun + " ≤ " + short_number(greatest);
  return noun;
}

std::string short_number(double value) {
  char text[32];
  const auto end = std::to_chars(text, text + sizeof text, value).ptr;
  return {text, end};
}

std::string decimal(double value, int digits) {
  if (!std::isfinite(value)) return "-";
  return fmt::format("{:.{}f}", value, digits);
}

std::string decimals(std::span<const float> values, int digits, const char* between) {
  std::string text;
  for (const float value : values) text += (text.empty() ? "" : between) + decimal(static_cast<double>(value), digits);
  return text;
}

std::string short_numbers(std::span<const double> values) {
  std::string text;
  for (const double value : values) text += (text.empty() ? "" : ",") + short_number(value);
  return text;
}

std::string three_digits(double value) {
  if (!std::isfinite(value)) return "-";
  if (value == 0) return "0";
  // Rounded first: 9.996 has two digits before the point.
  const std::string rounded = fmt::format("{:.2e}", value);
  const int exponent = std::stoi(rounded.substr(rounded.find('e') + 1));
  std::string text = decimal(value, std::max(0, 2 - exponent));
  if (exponent < 2) text.erase(text.find_last_not_of('0') + 1);
  if (text.back() == '.') text.pop_back();
  return text;
}

std::string percent(double share) { return std::isfinite(share) ? decimal(100 * share, 1) + " %" : "-"; }

std::string grouped(long long number) {
  std::string text = std::to_string(number);
  for (auto at = static_cast<std::ptrdiff_t>(text.size()) - 3; at > (number < 0 ? 1 : 0); at -= 3)
    text.insert(static_cast<std::size_t>(at), 1, ',');
  return text;
}

std::string counted(std::size_t number, const std::string& noun) {
  return fmt::format("{} {}{}", grouped(static_cast<long long>(number)), noun, number == 1 ? "" : "s");
}

std::string seconds_text(double seconds) {
  if (!std::isfinite(seconds)) return "-";
  return seconds < 1 ? three_digits(1000 * seconds) + " ms" : decimal(seconds, 2) + " s";
}

std::string bytes_text(double bytes) {
  constexpr const char* units[] = {"B", "KB", "MB", "GB", "TB"};
  std::size_t unit = 0;
  for (; bytes >= 1000 && unit + 1 < std::size(units); ++unit) bytes /= 1000;
  return decimal(bytes, unit == 0 ? 0 : 1) + " " + units[unit];
}

}  // namespace sharcs::internal
