#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "data/sample_reader.hpp"
#include "io/table_stream.hpp"

namespace sharcs::internal {

/// The samples of a table, as they arrive: Task::read_file() for a table that is still being written.
///
/// Which column is which follows from the first row or the keys of the rows so far. Only a file of GLUE without header
/// is known by more rows: its first samples come when a hundred rows are there.
class SampleStream {
 public:
  /// `file`: as InputFile. Throws IoError, and ConfigError where nothing says the table's format.
  SampleStream(const Task& task, const std::filesystem::path& file, Split split, const ReadOptions& options);

  /// The samples and bad lines that have arrived; waits for one. Both empty at the end. Throws as Task::read_file(),
  /// but after the samples before the problem have been handed out.
  Dataset next();
  /// What a user should know of the lines so far, a line each.
  std::vector<std::string> notes() const;

 private:
  /// Reads the rows of a piece; false where more rows are needed to tell its columns.
  bool read_piece(const Table& piece);
  void add_bad_lines(const Table& piece, const std::string& problem);

  TaskDefinition task_;
  Split split_;
  OnError on_error_;
  TableStream stream_;
  std::optional<ColumnLayout> layout_;  // of a table with columns: that of its first piece
  RowsRead rows_;
  ReplacedText replaced_;
  std::size_t data_rows_ = 0;  // those that are no header
  bool ended_ = false;
};

}  // namespace sharcs::internal
