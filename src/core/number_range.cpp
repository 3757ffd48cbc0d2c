#include "core/number_range.hpp"

#include <charconv>

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

}  // namespace sharcs::internal
