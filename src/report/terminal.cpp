#include "report/terminal.hpp"

#include <unicode/uchar.h>
#include <unicode/utf8.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <ostream>

namespace sharcs::internal {
namespace {

int columns_of_character(UChar32 character) {
  const int category = 1 << u_charType(character);
  if ((category & (U_GC_MN_MASK | U_GC_ME_MASK | U_GC_CF_MASK)) != 0) return 0;
  const int width = u_getIntPropertyValue(character, UCHAR_EAST_ASIAN_WIDTH);
  return width == U_EA_WIDE || width == U_EA_FULLWIDTH ? 2 : 1;
}

/// The byte where the characters after the first `columns` columns start.
std::size_t bytes_in(std::string_view text, int columns) {
  const auto size = static_cast<int>(text.size());
  for (int at = 0; at < size;) {
    const int start = at;
    UChar32 character;
    U8_NEXT_OR_FFFD(text.data(), at, size, character);
    columns -= columns_of_character(character);
    if (columns < 0) return static_cast<std::size_t>(start);
  }
  return text.size();
}

}  // namespace

int columns_of(std::string_view text) {
  int columns = 0;
  const auto size = static_cast<int>(text.size());
  for (int at = 0; at < size;) {
    UChar32 character;
    U8_NEXT_OR_FFFD(text.data(), at, size, character);
    columns += columns_of_character(character);
  }
  return columns;
}

std::string cut_to_columns(std::string_view text, int columns) {
  if (columns <= 0) return "";
  if (columns_of(text) <= columns) return std::string(text);
  return std::string(text.substr(0, bytes_in(text, columns - 1))) + "…";
}

std::string printable(std::string_view text) {
  std::string result;
  const auto size = static_cast<int>(text.size());
  for (int at = 0; at < size;) {
    const int start = at;
    UChar32 character;
    U8_NEXT_OR_FFFD(text.data(), at, size, character);
    if (u_charType(character) == U_CONTROL_CHAR)
      result += ' ';
    else
      result += text.substr(static_cast<std::size_t>(start), static_cast<std::size_t>(at - start));
  }
  return result;
}

std::string bar(double fraction, int columns) {
  static constexpr const char* eighths[] = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
  const int filled = std::isfinite(fraction) ? static_cast<int>(std::clamp(fraction, 0.0, 1.0) * columns * 8) : 0;
  std::string text;
  for (int i = 0; i < filled / 8; ++i) text += "█";
  text += eighths[filled % 8];
  return text + std::string(static_cast<std::size_t>(columns - columns_of(text)), ' ');
}

std::string sparkline(std::span<const double> values, double low, double high) {
  static constexpr const char* heights[] = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
  std::string text;
  for (const double value : values) {
    // Halves, because the difference of two finite numbers may be infinite.
    const double place = high > low ? std::clamp((value / 2 - low / 2) / (high / 2 - low / 2), 0.0, 1.0) : 0.5;
    text += std::isfinite(value) ? heights[std::min(7, static_cast<int>(place * 8))] : " ";
  }
  return text;
}

std::string sparkline(std::span<const double> values) {
  double low = std::numeric_limits<double>::infinity(), high = -low;
  for (const double value : values) {
    if (!std::isfinite(value)) continue;
    low = std::min(low, value);
    high = std::max(high, value);
  }
  return sparkline(values, low, high);
}

void TextTable::print(std::ostream& out) const {
  std::vector<int> widths(rows_.front().size());
  for (const auto& row : rows_)
    for (std::size_t c = 0; c < widths.size(); ++c) widths[c] = std::max(widths[c], columns_of(row[c]));
  for (const auto& row : rows_) {
    for (std::size_t c = 0; c < widths.size(); ++c) {
      const std::string space(static_cast<std::size_t>(widths[c] - columns_of(row[c])), ' ');
      if (c == 0)
        out << row[c] << (widths.size() > 1 ? space : "");
      else
        out << "  " << space << row[c];
    }
    out << '\n';
  }
}

}  // namespace sharcs::internal
