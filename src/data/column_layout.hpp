#pragma once

#include <optional>
#include <string>
#include <vector>

#include "data/task_definition.hpp"
#include "io/table.hpp"

namespace sharcs::internal {

/// Which column of a table has what a task wants.
struct ColumnLayout {
  std::size_t first_row = 0;  ///< of the samples: 1 after a header
  std::size_t columns = 0;    ///< that every row has; 0 in JSON Lines, where absent keys are no error by themselves
  std::vector<std::string> column_names = {};  ///< for messages
  std::size_t text = 0;
  std::optional<std::size_t> pair = {}, label = {}, id = {}, difficulty = {};

  /// "2 columns (sentence, label)"
  std::string expected() const;
};

/// Finds out whether the table has a header and which column is which.
/// Throws DataError that says what was found and what was expected, also when the file can be read in two ways.
ColumnLayout find_layout(const Table& table, const TaskDefinition& task, Split split);

/// Whether find_layout() of these rows will find the same when more rows follow them.
bool first_rows_decide(const Table& table, const TaskDefinition& task, Split split);

/// The same for a task of GLUE: by the names in the header, or by the columns that GLUE's files without header have.
ColumnLayout glue_layout(const Table& table, const TaskDefinition& task, Split split);
/// The same for data of one's own: by the names or positions that the user gave.
ColumnLayout own_layout(const Table& table, const TaskDefinition& task, Split split);

/// The names of a table's columns, from its header or the keys of its JSON objects.
class ColumnNames {
 public:
  /// Those of the first row (JSON Lines: the keys).
  static ColumnNames of(const Table& table);
  /// For a table without header.
  static ColumnNames none(const Table& table) { return {table, {}}; }

  /// The column with the first of the role's names that is there, upper and lower case alike if it is not there to the
  /// letter. Throws DataError when two columns have the name.
  std::optional<std::size_t> find(const ColumnRole& role) const;
  /// Throws DataError: no column of that name.
  [[noreturn]] void fail_without(const std::string& wanted) const;
  const std::vector<std::string>& all() const { return names_; }

 private:
  ColumnNames(const Table& table, std::vector<std::string> names) : table_(table), names_(std::move(names)) {}

  const Table& table_;
  std::vector<std::string> names_;
};

/// "1 column", "5 columns".
std::string counted_columns(std::size_t columns);
/// The target that a cell holds: a finite number. Nothing otherwise.
std::optional<double> parse_number(std::string_view cell);
/// Whether a cell is a number of digits.
bool is_integer(std::string_view cell);

}  // namespace sharcs::internal
