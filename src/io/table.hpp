#pragma once

#include <cstddef>
#include <deque>
#include <filesystem>
#include <map>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "sharcs/dataset.hpp"

namespace sharcs::internal {

/// How a table is read. Format and quoting are decided: neither may be `by_extension` or `automatic`.
struct TableForm {
  TableFormat format;
  Quoting quoting = Quoting::none;
  InvalidText invalid_text = InvalidText::refuse;
  char delimiter = '\0';        ///< between cells; NUL: a comma for CSV, else a TAB
  bool keeps_bad_rows = false;  ///< a row that cannot be read has a problem(), in place of a DataError
  /// JSON Lines: columns that may stand in objects within the line's, as "review.text" in {"review": {"text": "…"}}.
  std::vector<std::string> paths = {};
  /// fastText: lines may have several labels, and the cell of "label" has them as they stand: "__label__a __label__b".
  bool several_labels = false;
};

/// Consecutive rows of a table that is read in pieces.
struct TablePiece {
  std::string file;                    ///< for messages
  std::string text;                    ///< whole lines, unpacked
  std::size_t first_line = 1;          ///< the line of the file that the text begins with
  std::vector<std::string> keys = {};  ///< JSON Lines: those of the pieces before it, which are its first columns
};

/// Bytes that were no text, and were replaced: how many times, and on which line first.
struct ReplacedText {
  std::size_t count = 0, first_line = 0;

  /// A line for the user; `file` for the message.
  std::string note(const std::string& file) const;
};

/// A table (TSV, CSV, JSON Lines or fastText's lines), split into rows of cells. Whether the first row is a header is
/// for the caller to find out.
///
/// Line ends are LF, CRLF, or CR in a file without any LF; the last one may be missing. A byte-order mark is skipped.
/// Blank lines are no rows. Cells are views into the table, which can be moved but not copied.
class Table {
 public:
  /// `file`: as read_input(); it may be compressed. Throws IoError when it cannot be read; DataError for text that is
  /// not UTF-8 (unless replaced), quotes that do not match, JSON that cannot be parsed, and a file without rows.
  Table(const std::filesystem::path& file, const TableForm& form);
  /// A part of a table, which may be without rows. Throws DataError as above.
  Table(TablePiece piece, const TableForm& form);
  Table(Table&&) = default;
  Table& operator=(Table&&) = default;

  /// The file as it was given.
  const std::string& file() const { return file_; }
  /// JSON Lines: the keys, in the order in which they first occur. They are the columns, and so are
  /// the form's paths. fastText: "label" and "text". Empty for the other formats.
  const std::vector<std::string>& keys() const { return keys_; }
  bool has_keys() const { return has_keys_; }

  std::size_t rows() const { return rows_.size(); }
  /// The line of the file on which the row starts, from 1.
  std::size_t line(std::size_t row) const { return rows_[row].line; }
  std::size_t columns(std::size_t row) const { return rows_[row].count; }
  /// JSON: an absent key and null give empty text; numbers and booleans are as JSON writes them.
  std::string_view cell(std::size_t row, std::size_t column) const;
  /// JSON: whether the value is an array or object, which is no text.
  bool is_nested(std::size_t row, std::size_t column) const { return nested_.contains({row, column}); }
  /// Why the row cannot be read; null for all others. Only where the form keeps such rows.
  const std::string* problem(std::size_t row) const {
    const auto found = problems_.find(row);
    return found == problems_.end() ? nullptr : &found->second;
  }

  /// What was changed in the text.
  const ReplacedText& replaced() const { return replaced_; }
  /// The same for the user: a line, or none.
  std::vector<std::string> notes() const {
    return replaced_.count == 0 ? std::vector<std::string>() : std::vector{replaced_.note(file_)};
  }

  /// Throws DataError `file:line: message`.
  [[noreturn]] void fail(std::size_t line, const std::string& message) const;

 private:
  struct Row {
    std::size_t line;
    std::size_t first;  ///< of its cells
    std::size_t count;
  };

  using Columns = std::unordered_map<std::string, std::size_t>;

  void check_text(const TableForm& form);
  void split_lines(char delimiter);
  void split_quoted(char delimiter);
  void parse_json_lines(const TableForm& form);
  void parse_json_line(std::size_t line, std::string_view content, const TableForm& form, Columns& columns);
  void split_fasttext(const TableForm& form);
  void add_bad_row(std::size_t line, const std::string& problem);
  void mark_invalid_rows();
  void drop_blank_rows();

  std::string file_;
  std::size_t first_line_ = 1;
  std::unique_ptr<std::string> text_;  // on the heap, so that the cells stay where they are when the table is moved
  std::deque<std::string> values_;     // JSON values, unescaped
  std::vector<std::string_view> cells_;
  // JSON Lines: the column of each cell, ascending in a row. Every line may bring new keys, so that rows with a cell
  // for each would take the square of their number.
  std::vector<std::size_t> columns_;
  std::vector<Row> rows_;
  std::vector<std::string> keys_;
  std::set<std::pair<std::size_t, std::size_t>> nested_;
  ReplacedText replaced_;
  std::map<std::size_t, std::string> problems_;       // by row
  std::map<std::size_t, std::string> invalid_lines_;  // of text that is not UTF-8, where bad rows are kept
  bool has_keys_ = false;
  bool is_sparse_ = false;  ///< JSON Lines: a row has only the cells that its line gives
};

/// The cell without the ASCII white space around it.
std::string_view trimmed(std::string_view cell);

}  // namespace sharcs::internal
