#pragma once

#include <iosfwd>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sharcs::internal {

/// Columns that a text takes on a terminal: two for wide East Asian characters, none for combining ones.
int columns_of(std::string_view text);
/// The text, or as much of it as fits with a … behind it.
std::string cut_to_columns(std::string_view text, int columns);

/// The text with blanks in the place of control characters, which would steer the terminal.
std::string printable(std::string_view text);

/// A bar of `columns` columns, filled to eighths of one, blank where it is not filled.
std::string bar(double fraction, int columns);

/// A column for each value, as high as it lies between `low` and `high`; blank for NaN.
std::string sparkline(std::span<const double> values, double low, double high);
/// Between the least and the greatest of them.
std::string sparkline(std::span<const double> values);

/// Cells in aligned columns: the first column to the left, the others to the right.
class TextTable {
 public:
  explicit TextTable(std::vector<std::string> header) { rows_.push_back(std::move(header)); }
  /// As many cells as the header has.
  void add(std::vector<std::string> cells) { rows_.push_back(std::move(cells)); }
  /// Two blanks between columns, a line each row.
  void print(std::ostream& out) const;

 private:
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace sharcs::internal
