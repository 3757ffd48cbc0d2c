#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "data/column_layout.hpp"

namespace sharcs::internal {

/// How a file of the task is read. The format is that of the task, or follows from the file's extension. Throws
/// ConfigError when neither says it.
TableForm table_form(const TaskDefinition& task, const std::filesystem::path& file, const ReadOptions& options);
/// Opens it. Throws as table_form() and Table do.
Table open_table(const TaskDefinition& task, const std::filesystem::path& file, const ReadOptions& options);

/// The format that the extension tells, in upper or lower case, with or without .gz behind it; none for others.
std::optional<TableFormat> format_of_extension(const std::filesystem::path& file);

/// Rows of one kind that are not read.
struct LeftOut {
  std::size_t count = 0;
  std::size_t first_line = 0;
  std::string problem = {};  ///< of the first one

  void add(std::size_t line, std::string what = {});
};

/// What the rows of a table gave, or of its pieces together.
struct RowsRead {
  std::vector<Sample> samples = {};
  std::vector<BadLine> bad_lines = {};
  std::size_t rows = 0, sample_count = 0;  ///< of all pieces, where samples are taken out between them
  LeftOut broken = {}, unlabelled = {};
  std::string unknown_label = {};  ///< what is wrong with the first label that the task does not know, and not needs
  std::string problem = {};        ///< where the reading stopped (OnError::stop); the samples before it are there

  /// Throws DataError where nothing was a sample, or where this is another kind of file than the task's.
  void check(const std::string& file, const TaskDefinition& task) const;
  /// What a user should know, a line each.
  std::vector<std::string> notes(const std::string& file, const TaskDefinition& task) const;
};

/// Turns the rows of a table into samples. Table and task must outlive the reader.
class SampleReader {
 public:
  /// Throws DataError when the table has no such columns.
  SampleReader(const Table& table, const TaskDefinition& task, Split split, OnError on_error)
      : table_(table), task_(task), split_(split), on_error_(on_error), layout_(find_layout(table, task, split)) {}
  /// With a layout that is known: of a piece of a table, whose columns are those of the first piece.
  SampleReader(const Table& table, const TaskDefinition& task, Split split, OnError on_error, ColumnLayout layout)
      : table_(table), task_(task), split_(split), on_error_(on_error), layout_(std::move(layout)) {}

  /// Throws DataError that names the line of a row that is no sample of the task, unless such rows are skipped. Rows
  /// that such a file is known to have, and that are left out for it, are counted in the notes.
  Dataset read() const;
  /// Adds what the rows give, up to the first one that stops the reading.
  void read_rows(RowsRead& rows) const;

  /// The classes that occur in the table, in the order that a model shall have: numerical when all are integers, else
  /// that of their bytes. Of a regression whose targets are lists: "0", "1", …. Throws DataError when there are too
  /// many to be classes.
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
  void read_targets(std::size_t row, Sample& sample) const;
  std::vector<std::string> find_outputs() const;
  /// The label or labels of a row, or its targets, as they are written.
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
