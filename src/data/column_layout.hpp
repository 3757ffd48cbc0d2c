#pragma once

#include <optional>
#include <string>
#include <vector>

#include "data/table.hpp"
#include "data/task_definition.hpp"

namespace sharcs::internal {

/// Where a table has what a task wants.
struct ColumnLayout {
  std::size_t first_row = 0;  ///< 1 after a header
  std::size_t columns = 0;    ///< that every row has; 0 in JSON Lines, where absent keys are no error by themselves
  std::vector<std::string> column_names = {};  ///< for messages
  std::size_t text = 0;
  std::optional<std::size_t> pair = {}, label = {}, id = {}, difficulty = {};

  /// "2 columns (sentence, label)"
  std::string expected() const;
};

/// Finds out whether the table has a header and which column is which.
/// Throws DataError that says what was found and what was expected, also when the file allows two readings.
ColumnLayout find_layout(const Table& table, const Task::Definition& task, Split split);

/// The target that a cell holds: a finite number. Nothing otherwise.
std::optional<double> parse_number(std::string_view cell);

}  // namespace sharcs::internal
