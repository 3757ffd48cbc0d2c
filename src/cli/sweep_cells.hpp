#pragma once

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "cli/setting_grid.hpp"

// What the tables of a sweep are made of. A line of one has a `point` of the grid.

namespace sharcs::internal {

/// As JSON, or empty where the point does not set it; texts without quotes.
std::string setting_text(const GridPoint& point, const std::string& key);

/// "window" of "training.window".
std::string column_name(const std::string& key);

/// Cells as a line of TSV. Tabs and line ends within them become blanks.
std::string tsv_line(const std::vector<std::string>& cells);

/// Empty where the number is not known.
std::string number_cell(double value);

/// The keys of all lines, in the order in which they come up.
template <typename Line>
std::vector<std::string> setting_keys(const std::vector<Line>& lines) {
  std::vector<std::string> keys;
  for (const Line& line : lines)
    for (const auto& [key, value] : line.point.settings)
      if (std::ranges::find(keys, key) == keys.end()) keys.push_back(key);
  return keys;
}

/// Those that are not the same in every line.
template <typename Line>
std::vector<std::string> varied_keys(const std::vector<Line>& lines) {
  std::vector<std::string> keys = setting_keys(lines);
  std::erase_if(keys, [&](const std::string& key) {
    std::set<std::string> values;
    for (const Line& line : lines) values.insert(setting_text(line.point, key));
    return lines.size() > 1 && values.size() == 1;
  });
  return keys;
}

}  // namespace sharcs::internal
