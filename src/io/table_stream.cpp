#include "io/table_stream.hpp"

#include <algorithm>
#include <memory>
#include <utility>

#include "io/input_file.hpp"
#include "io/utf8.hpp"
#include "sharcs/error.hpp"

namespace sharcs::internal {
namespace {

char delimiter_of(const TableForm& form) {
  if (form.delimiter != '\0') return form.delimiter;
  return form.format == TableFormat::csv ? ',' : '\t';
}

}  // namespace

TableStream::TableStream(const std::filesystem::path& file, TableForm form)
    : TableStream(
          input_name(file),
          [input = std::make_shared<InputFile>(file)](std::string& text) { return input->read(text); },
          std::move(form)) {}

TableStream::TableStream(std::string name, Source source, TableForm form)
    : name_(std::move(name)), source_(std::move(source)), form_(std::move(form)), delimiter_(delimiter_of(form_)) {
  form_.keeps_bad_rows = true;
}

std::optional<Table> TableStream::next() {
  if (!problem_.empty()) throw DataError(problem_);
  forget_last();
  for (;;) {
    find_row_ends();
    if (at_end_) {
      // Where other lines end with LF, the last one may lack its end. CR alone ends a line only where there is no LF.
      if (has_line_feed_ && !waiting_.empty() && !waiting_.ends_with('\n')) waiting_ += '\n';
      std::optional<Table> last = waiting_.empty() ? std::nullopt : piece(waiting_.size());
      if (!has_rows_) throw DataError(file() + ": is empty; expected at least one line of data");
      if (last && last->rows() == 0) last.reset();
      return last;
    }
    if (ready_ > too_few_) {
      std::optional<Table> table = piece(row_ends_[ready_ - 1]);
      if (table->rows() > 0) return table;
      forget_last();
    }
    at_end_ = !source_(waiting_);
  }
}

void TableStream::put_back() {
  last_bytes_ = 0;
  next_keys_.clear();
  too_few_ = ready_;
}

void TableStream::forget_last() {
  if (last_bytes_ == 0) return;
  const auto end = waiting_.begin() + static_cast<std::ptrdiff_t>(last_bytes_);
  line_ += static_cast<std::size_t>(std::count(waiting_.begin(), end, '\n'));
  waiting_.erase(waiting_.begin(), end);
  std::erase_if(row_ends_, [&](std::size_t row_end) { return row_end <= last_bytes_; });
  for (std::size_t& row_end : row_ends_) row_end -= last_bytes_;
  ready_ = 0;
  searched_ -= std::min(searched_, last_bytes_);
  keys_ = std::exchange(next_keys_, {});
  last_bytes_ = 0;
  too_few_ = 0;
}

/// As Table splits its rows: an LF ends a row unless it stands in a quoted cell, and only the start of a cell opens
/// one.
void TableStream::find_row_ends() {
  if (line_ == 1 && searched_ == 0) {
    if (waiting_.size() < byte_order_mark.size() && !at_end_) return;
    if (waiting_.starts_with(byte_order_mark)) searched_ = byte_order_mark.size();
  }
  const bool has_quotes =
      (form_.format == TableFormat::tsv || form_.format == TableFormat::csv) && form_.quoting == Quoting::rfc4180;
  for (; searched_ < waiting_.size(); ++searched_) {
    const char c = waiting_[searched_];
    if (c == '\n') has_line_feed_ = true;
    if (c == '\n' && place_ != Place::quoted) {
      row_ends_.push_back(searched_ + 1);
      if (!is_blank_) ready_ = row_ends_.size();
      is_blank_ = true;
      place_ = Place::cell_start;
      continue;
    }
    is_blank_ = is_blank_ && (c == ' ' || (c >= '\t' && c <= '\r') || c == delimiter_ || c == '"');
    if (!has_quotes) continue;
    if (place_ == Place::quoted)
      place_ = c == '"' ? Place::after_quote : Place::quoted;
    else if (c == delimiter_)
      place_ = Place::cell_start;
    else if (c == '"' && place_ != Place::plain)  // at the start of a cell, or doubled in one
      place_ = Place::quoted;
    else
      place_ = Place::plain;
  }
}

Table TableStream::table_of(std::size_t bytes) const {
  return {TablePiece{.file = file(), .text = waiting_.substr(0, bytes), .first_line = line_, .keys = keys_}, form_};
}

std::optional<Table> TableStream::piece(std::size_t bytes) {
  std::optional<Table> table;
  try {
    table = table_of(bytes);
  } catch (const DataError& error) {
    // The rows before the one that cannot be split off are handed out first.
    const auto is_whole = [&](std::size_t row_end) {
      try {
        table_of(row_end);
        return true;
      } catch (const DataError&) {
        return false;
      }
    };
    const auto first_bad = std::ranges::partition_point(row_ends_, is_whole);
    if (first_bad == row_ends_.begin()) throw;
    problem_ = error.what();
    bytes = *(first_bad - 1);
    table = table_of(bytes);
    if (table->rows() == 0) throw;
  }
  has_rows_ = has_rows_ || table->rows() > 0;
  last_bytes_ = bytes;
  return table;
}

}  // namespace sharcs::internal
