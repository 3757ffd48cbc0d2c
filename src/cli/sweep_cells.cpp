#include "cli/sweep_cells.hpp"

#include <cmath>

#include "core/number_range.hpp"

namespace sharcs::internal {

std::string setting_text(const GridPoint& point, const std::string& key) {
  for (const auto& [own, value] : point.settings)
    if (own == key)
      return value.is_string() ? value.get<std::string>()
                               : value.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
  return {};
}

std::string column_name(const std::string& key) { return key.substr(key.rfind('.') + 1); }

std::string tsv_line(const std::vector<std::string>& cells) {
  std::string line;
  for (const std::string& text : cells) {
    for (const char c : text) line += c == '\t' || c == '\n' || c == '\r' ? ' ' : c;
    line += '\t';
  }
  line.back() = '\n';
  return line;
}

std::string number_cell(double value) { return std::isfinite(value) ? short_number(value) : ""; }

}  // namespace sharcs::internal
