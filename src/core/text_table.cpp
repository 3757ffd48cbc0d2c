#include "core/text_table.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ostream>

#include "core/block_elements.hpp"

namespace sharcs::internal {
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

std::string decimal(double value, int digits) {
  if (!std::isfinite(value)) return "-";
  char text[400];
  std::snprintf(text, sizeof text, "%.*f", digits, value);
  return text;
}

std::string three_digits(double value) {
  if (!std::isfinite(value)) return "-";
  if (value == 0) return "0";
  // Rounded first: 9.996 has two digits before the point.
  char rounded[32];
  std::snprintf(rounded, sizeof rounded, "%.2e", value);
  const int exponent = std::atoi(std::strchr(rounded, 'e') + 1);
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
  return grouped(static_cast<long long>(number)) + " " + noun + (number == 1 ? "" : "s");
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
