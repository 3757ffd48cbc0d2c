#include "data/column_layout.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "core/ascii.hpp"
#include "core/quote.hpp"

namespace sharcs::internal {

ColumnNames ColumnNames::of(const Table& table) {
  if (table.has_keys()) return {table, table.keys()};
  std::vector<std::string> names;
  for (std::size_t c = 0; c < table.columns(0); ++c) names.emplace_back(trimmed(table.cell(0, c)));
  return {table, std::move(names)};
}

std::optional<std::size_t> ColumnNames::find(const ColumnRole& role) const {
  for (const bool exact : {true, false})
    for (const std::string& wanted : role.names) {
      std::optional<std::size_t> found;
      for (std::size_t c = 0; c < names_.size(); ++c) {
        if (exact ? names_[c] != wanted : !equal_ignoring_case(names_[c], wanted)) continue;
        if (found) table_.fail(table_.line(0), "has two columns " + quote(wanted));
        found = c;
      }
      if (found) return found;
    }
  return std::nullopt;
}

void ColumnNames::fail_without(const std::string& wanted) const {
  std::vector<std::string> found;
  for (const std::string& name : names_) found.push_back(quote(name));
  table_.fail(table_.line(0), "no column " + quote(wanted) + "; found " + listed(found));
}

std::string ColumnLayout::expected() const { return counted_columns(columns) + " (" + listed(column_names) + ")"; }

ColumnLayout find_layout(const Table& table, const TaskDefinition& task, Split split) {
  return task.of_glue ? glue_layout(table, task, split) : own_layout(table, task, split);
}

std::string counted_columns(std::size_t columns) {
  return std::to_string(columns) + (columns == 1 ? " column" : " columns");
}

std::optional<double> parse_number(std::string_view cell) {
  cell = trimmed(cell);
  if (cell.starts_with('+')) cell.remove_prefix(1);
  double value = 0;
  const auto [end, error] = std::from_chars(cell.data(), cell.data() + cell.size(), value);
  if (error != std::errc() || end != cell.data() + cell.size() || !std::isfinite(value)) return std::nullopt;
  return value;
}

bool is_integer(std::string_view cell) {
  cell = trimmed(cell);
  return !cell.empty() && std::all_of(cell.begin(), cell.end(), [](char c) { return c >= '0' && c <= '9'; });
}

}  // namespace sharcs::internal
