#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "data/column_layout.hpp"

namespace sharcs::internal {

/// Opens a file of the task. The format is that of the task, or follows from the file's extension. Throws ConfigError
/// when neither says it, and as Table does.
Table open_table(const TaskDefinition& task, const std::filesystem::path& file, const ReadOptions& options);

/// The format that the extension tells, in upper or lower case, with or without .gz behind it; none for others.
std::optional<TableFormat> format_of_extension(const std::filesystem::path& file);

/// Turns the rows of a table into samples. Table and task must outlive the reader.
class SampleReader {
 public:
  /// Throws DataError when the table has no such columns.
  SampleReader(const Table& table, const TaskDefinition& task, Split split, OnError on_error)
      : table_(table), task_(task), split_(split), on_error_(on_error), layout_(find_layout(table, task, split)) {}

  /// Throws DataError that names the line of a row that is no sample of the task, unless such rows are skipped. Rows
  /// that such a file is known to have, and that are left out for it, are counted in the notes.
  Dataset read() const;

  /// The classes that occur in the table, in the order that a model shall have: numerical when all are integers, else
  /// that of their bytes. Throws DataError when there are too many to be classes.
  std::vector<std::string> find_labels() const;

 private:
  bool has_wrong_columns(std::size_t row) const {
    return layout_.columns != 0 && table_.columns(row) != layout_.columns;
  }
  std::string wrong_columns(std::size_t row) const;
  bool is_marked_unlabelled(std::size_t row) const;
  std::string column_name(std::size_t column) const;
  /// Without white space around it.
  std::string_view cell(std::size_t row, std::size_t column, const char* role) const;
  std::string text(std::size_t row, std::size_t column) const;
  int difficulty(std::size_t row) const;
  void read_label(std::size_t row, Sample& sample, std::string& unknown) const;
  void read_needed_label(std::size_t row, Sample& sample) const;
  void read_label_set(std::size_t row, Sample& sample) const;
  /// The label or labels of a row, as they are written.
  std::vector<std::string> labels_of(std::size_t row) const;
  double target(std::size_t row, std::string_view cell) const;
  /// `unknown`: receives what is wrong with the label where the task does not need it, if it is still empty.
  Sample sample(std::size_t row, std::string& unknown) const;

  const Table& table_;
  const TaskDefinition& task_;
  Split split_;
  OnError on_error_;
  ColumnLayout layout_;
};

}  // namespace sharcs::internal
