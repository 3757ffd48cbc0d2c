#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace sharcs::internal {

/// Text from a file as it may stand in a one-line message: in double quotes, control characters as \x0a, cut after
/// about 100 bytes, between two characters.
std::string quote(std::string_view text);

/// Text as one line for a terminal: control characters, line separators, what turns the direction of writing, and bytes
/// that are not UTF-8 become \x0a. All other text stays as it is.
std::string one_line(std::string_view text);

/// Text as a cell of TSV: spaces for TABs and line ends.
std::string tsv_cell(std::string text);

/// The names with commas between them: "sentence, label".
std::string listed(const std::vector<std::string>& names, const char* between = ", ");

}  // namespace sharcs::internal
