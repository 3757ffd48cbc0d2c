#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "io/table.hpp"

namespace sharcs::internal {

/// A table in pieces of whole rows, as they arrive: `tail -f reviews.jsonl` has no end to wait for.
///
/// All pieces together have the rows of the whole table (io/table.hpp), with the same lines and problems. Two things
/// can only be known at the end, and what they concern is held back until then: a text without any LF, whose line ends
/// are CR, and blank rows, which are no rows at the end of a table.
class TableStream {
 public:
  /// Appends what has arrived to a text, and waits for it; false at the end.
  using Source = std::function<bool(std::string& text)>;

  /// `file`: as InputFile. Throws IoError. Rows that cannot be read are always kept with their problem.
  TableStream(const std::filesystem::path& file, TableForm form);
  /// `name`: of the source, for messages.
  TableStream(std::string name, Source source, TableForm form);

  /// The rows that have arrived since; waits for one. None at the end. Throws IoError; DataError for a table without
  /// rows, and for what cannot be split into rows, after the rows before it have been handed out.
  std::optional<Table> next();
  /// Puts the rows of the last piece back: next() gives them again, with those that follow.
  void put_back();
  /// JSON Lines: the piece after the last one begins with these keys as its first columns. Without it, it has only the
  /// keys of its own rows.
  void keep_keys(std::vector<std::string> keys) { next_keys_ = std::move(keys); }

  /// "standard input", for messages.
  const std::string& file() const { return name_; }
  /// Whether the last piece was the end.
  bool at_end() const { return at_end_; }

 private:
  enum class Place { cell_start, plain, quoted, after_quote };

  void find_row_ends();
  void forget_last();
  std::optional<Table> piece(std::size_t bytes);
  Table table_of(std::size_t bytes) const;

  std::string name_;
  Source source_;
  TableForm form_;
  char delimiter_;
  std::string waiting_;                // the last piece, and what has arrived after it
  std::size_t line_ = 1;               // with which waiting_ begins
  std::vector<std::string> keys_;      // with which the columns of waiting_ begin
  std::vector<std::size_t> row_ends_;  // of the whole rows in waiting_
  std::size_t ready_ = 0;              // so many of these rows, of which the last one is not blank
  std::size_t searched_ = 0;           // so much of waiting_ has been searched for the ends of rows
  Place place_ = Place::cell_start;    // there
  bool is_blank_ = true;               // whether the row there is blank so far
  bool has_line_feed_ = false, has_rows_ = false, at_end_ = false;
  std::size_t too_few_ = 0;             // so many rows were put back
  std::size_t last_bytes_ = 0;          // of the last piece
  std::vector<std::string> next_keys_;  // of the rows after it
  std::string problem_;                 // where it stops
};

}  // namespace sharcs::internal
