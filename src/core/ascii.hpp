#pragma once

#include <algorithm>
#include <string>
#include <string_view>

namespace sharcs::internal {

/// These know ASCII's letters only, whatever the locale; text/unicode.hpp has the others.
constexpr char lower_case(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

inline std::string lower_case(std::string text) {
  for (char& c : text) c = lower_case(c);
  return text;
}

inline bool equal_ignoring_case(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, [](char x, char y) { return lower_case(x) == lower_case(y); });
}

}  // namespace sharcs::internal
