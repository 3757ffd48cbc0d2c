#pragma once

#include <span>
#include <string>
#include <string_view>

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

}  // namespace sharcs::internal
