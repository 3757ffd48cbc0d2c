#include "io/table.hpp"

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>

#include "core/quote.hpp"
#include "io/input_file.hpp"
#include "io/json_cursor.hpp"
#include "io/utf8.hpp"
#include "sharcs/error.hpp"

namespace sharcs::internal {
namespace {

/// A row that cannot be read is kept with its problem. More of them are not a table with a few bad lines.
constexpr std::size_t most_bad_rows = 100'000;

/// What stands under "review.text" in {"review": {"text": …}}, or null. Only through at least one object.
const nlohmann::json* at_path(const nlohmann::json& object, std::string_view path) {
  const nlohmann::json* at = &object;
  for (std::size_t begin = 0;;) {
    const std::size_t dot = path.find('.', begin);
    if (!at->is_object() || (begin == 0 && dot == std::string_view::npos)) return nullptr;
    const auto member = at->find(std::string(path.substr(begin, dot - begin)));
    if (member == at->end()) return nullptr;
    at = &*member;
    if (dot == std::string_view::npos) return at;
    begin = dot + 1;
  }
}

}  // namespace

std::string_view trimmed(std::string_view cell) {
  const auto is_space = [](char c) { return c == ' ' || (c >= '\t' && c <= '\r'); };
  while (!cell.empty() && is_space(cell.front())) cell.remove_prefix(1);
  while (!cell.empty() && is_space(cell.back())) cell.remove_suffix(1);
  return cell;
}

std::string ReplacedText::note(const std::string& file) const {
  return file + ": replaced " + std::to_string(count) +
         (count == 1 ? " ill-formed UTF-8 sequence" : " ill-formed UTF-8 sequences") +
         " by U+FFFD, the first on line " + std::to_string(first_line);
}

Table::Table(const std::filesystem::path& file, const TableForm& form)
    : Table(TablePiece{.file = input_name(file), .text = read_input(file)}, form) {
  if (rows_.empty()) throw DataError(file_ + ": is empty; expected at least one line of data");
}

Table::Table(TablePiece piece, const TableForm& form)
    : file_(std::move(piece.file)),
      first_line_(piece.first_line),
      text_(std::make_unique<std::string>(std::move(piece.text))),
      keys_(std::move(piece.keys)),
      has_keys_(form.format == TableFormat::json_lines || form.format == TableFormat::fasttext),
      is_sparse_(form.format == TableFormat::json_lines) {
  if (first_line_ == 1) text_->erase(0, byte_order_mark_size(*text_, file_));
  check_text(form);
  if (text_->find('\n') == std::string::npos) std::replace(text_->begin(), text_->end(), '\r', '\n');

  const char usual = form.format == TableFormat::csv ? ',' : '\t';
  const char delimiter = form.delimiter == '\0' ? usual : form.delimiter;
  if (form.format == TableFormat::json_lines)
    parse_json_lines(form);
  else if (form.format == TableFormat::fasttext)
    split_fasttext(form);
  else if (form.quoting == Quoting::rfc4180)
    split_quoted(delimiter);
  else
    split_lines(delimiter);
  mark_invalid_rows();
  drop_blank_rows();
}

std::string_view Table::cell(std::size_t row, std::size_t column) const {
  const Row& place = rows_[row];
  if (!is_sparse_) return column < place.count ? cells_[place.first + column] : std::string_view();
  const std::size_t next = row + 1 < rows_.size() ? rows_[row + 1].first : cells_.size();
  const auto begin = columns_.begin() + static_cast<std::ptrdiff_t>(place.first);
  const auto end = columns_.begin() + static_cast<std::ptrdiff_t>(next);
  const auto found = std::lower_bound(begin, end, column);
  return found != end && *found == column ? cells_[static_cast<std::size_t>(found - columns_.begin())]
                                          : std::string_view();
}

void Table::fail(std::size_t line, const std::string& message) const {
  throw DataError(file_ + ":" + std::to_string(line) + ": " + message);
}

void Table::check_text(const TableForm& form) {
  // Each of the two is searched for again only when it has been passed, so that all calls together look at the text
  // once.
  std::size_t ill_formed = find_invalid_utf8(*text_), nul = text_->find('\0');
  const auto next_invalid = [&](std::size_t from) {
    if (ill_formed < from) ill_formed = find_invalid_utf8(*text_, from);
    if (nul < from) nul = text_->find('\0', from);
    return std::min(ill_formed, nul);
  };
  std::size_t invalid = next_invalid(0);
  if (invalid == std::string::npos) return;
  const auto line_of = [&](std::size_t at) {
    return first_line_ +
           static_cast<std::size_t>(std::count(text_->begin(), text_->begin() + static_cast<std::ptrdiff_t>(at), '\n'));
  };
  const auto problem_at = [&](std::size_t at) {
    const std::size_t line = std::string_view(*text_).substr(0, at).rfind('\n') + 1;  // npos + 1 is 0
    return invalid_text_message(std::string_view(*text_).substr(line), at - line);
  };
  const std::size_t first_line = line_of(invalid);
  const bool refuses = form.invalid_text == InvalidText::refuse;
  if (refuses && !form.keeps_bad_rows) fail(first_line, problem_at(invalid));
  if (refuses)
    for (std::size_t line = first_line, counted_to = invalid; invalid != std::string::npos;) {
      if (invalid_lines_.size() == most_bad_rows) fail(line, problem_at(invalid) + ", nor are as many lines before it");
      invalid_lines_.emplace(line, problem_at(invalid));
      const std::size_t end = text_->find('\n', invalid);
      if (end == std::string::npos) break;
      invalid = next_invalid(end + 1);
      if (invalid == std::string::npos) break;
      line += static_cast<std::size_t>(std::count(text_->begin() + static_cast<std::ptrdiff_t>(counted_to),
                                                  text_->begin() + static_cast<std::ptrdiff_t>(invalid), '\n'));
      counted_to = invalid;
    }
  const std::size_t replaced = replace_invalid_text(*text_);
  if (!refuses) replaced_ = {replaced, first_line};
}

void Table::split_lines(char delimiter) {
  std::string_view rest = *text_;
  for (std::size_t line = first_line_; !rest.empty(); ++line) {
    const std::size_t end = rest.find('\n');
    std::string_view content = rest.substr(0, end);
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
    if (content.ends_with('\r')) content.remove_suffix(1);
    if (content.empty()) continue;
    const std::size_t first = cells_.size();
    for (;;) {
      const std::size_t stop = content.find(delimiter);
      cells_.push_back(content.substr(0, stop));
      if (stop == std::string_view::npos) break;
      content.remove_prefix(stop + 1);
    }
    rows_.push_back({line, first, cells_.size() - first});
  }
}

// RFC 4180. Doubled quotes become single ones in place: a cell never grows, so `write` never overtakes `at`.
void Table::split_quoted(char delimiter) {
  char* const end = text_->data() + text_->size();
  char* at = text_->data();
  const auto at_line_end = [&] {
    return at == end || *at == '\n' || (*at == '\r' && (at + 1 == end || at[1] == '\n'));
  };
  for (std::size_t line = first_line_; at != end;) {
    Row row = {line, cells_.size(), 0};
    bool quoted_cell = false;
    for (;;) {
      char* const start = at;
      char* write = start;
      if (at != end && *at == '"') {
        quoted_cell = true;
        const std::size_t opened = line;
        for (++at;;) {
          if (at == end)
            fail(opened,
                 "the quote that opens column " + std::to_string(cells_.size() - row.first + 1) + " is never closed");
          if (*at == '"' && (at + 1 == end || at[1] != '"')) break;
          if (*at == '"') ++at;
          line += *at == '\n';
          *write++ = *at++;
        }
        ++at;
        if (!at_line_end() && *at != delimiter)
          fail(line, "found " + quote(std::string_view(at, 1)) + " after the closing quote of column " +
                         std::to_string(cells_.size() - row.first + 1) +
                         "; expected the delimiter or the end of the line");
      } else {
        while (!at_line_end() && *at != delimiter) ++at;
        write = at;
      }
      cells_.emplace_back(start, static_cast<std::size_t>(write - start));
      if (at_line_end()) break;
      ++at;
    }
    if (at != end && *at == '\r') ++at;
    if (at != end) ++at, ++line;
    row.count = cells_.size() - row.first;
    if (row.count == 1 && cells_.back().empty() && !quoted_cell)
      cells_.pop_back();
    else
      rows_.push_back(row);
  }
}

void Table::parse_json_lines(const TableForm& form) {
  Columns columns;
  for (std::size_t column = 0; column < keys_.size(); ++column) columns.emplace(keys_[column], column);
  std::string_view rest = *text_;
  for (std::size_t line = first_line_; !rest.empty(); ++line) {
    const std::size_t end = rest.find('\n');
    const std::string_view content = trimmed(rest.substr(0, end));
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
    if (content.empty()) continue;
    try {
      parse_json_line(line, content, form, columns);
    } catch (const DataError& error) {
      if (!form.keeps_bad_rows) throw;
      add_bad_row(line, error.what());
    }
  }
}

void Table::parse_json_line(std::size_t line, std::string_view content, const TableForm& form, Columns& columns) {
  if (find_too_deep(content) != std::string_view::npos)
    fail(line, "has too many lists and objects inside each other; expected one JSON object a line");
  // The keys in their order: the parsed object sorts them, which makes it quick however many there are.
  std::vector<std::string> keys;
  for_each_json_key(content, [&](const std::string& key, std::size_t depth) {
    if (depth == 1) keys.push_back(key);
  });
  nlohmann::json object;
  try {
    object = nlohmann::json::parse(content);
  } catch (const nlohmann::json::parse_error& error) {
    if (content == "[" || content == "{")
      fail(line, std::string("is only the beginning of a JSON ") + (content == "[" ? "array" : "object") +
                     "; expected one object a line");
    fail(line, "is not JSON (at byte " + std::to_string(error.byte) + " of the line); expected one object a line");
  } catch (const nlohmann::json::exception&) {
    fail(line, "holds a number out of range; expected one JSON object a line");
  }
  if (!object.is_object()) fail(line, std::string("is a JSON ") + object.type_name() + "; expected one object a line");
  std::map<std::size_t, std::string_view> cells;
  const auto add = [&](const std::string& key, const nlohmann::json& value) {
    const auto [column, added] = columns.try_emplace(key, keys_.size());
    if (added) keys_.push_back(key);
    if (value.is_null() || cells.contains(column->second)) return;
    if (value.is_structured()) nested_.emplace(rows_.size(), column->second);
    cells[column->second] = values_.emplace_back(value.is_string() ? value.get<std::string>() : value.dump());
  };
  for (const std::string& key : keys) add(key, object[key]);
  for (const std::string& path : form.paths) {
    const nlohmann::json* value = at_path(object, path);
    if (value == nullptr) continue;
    if (object.contains(path))
      fail(line, "has two values under " + quote(path) + ": a key, and a path through objects");
    add(path, *value);
  }
  rows_.push_back({line, cells_.size(), keys_.size()});
  for (const auto& [column, cell] : cells) {
    columns_.push_back(column);
    cells_.push_back(cell);
  }
}

// fastText's lines: `__label__positive a gem , truly`. Lines without a label, as of test files, have an empty one.
void Table::split_fasttext(const TableForm& form) {
  constexpr std::string_view prefix = "__label__";
  keys_ = {"label", "text"};
  std::string_view rest = *text_;
  for (std::size_t line = first_line_; !rest.empty(); ++line) {
    const std::size_t end = rest.find('\n');
    std::string_view content = trimmed(rest.substr(0, end));
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
    if (content.empty()) continue;
    std::vector<std::string_view> labels;
    const char* const start = content.data();
    std::string_view all_labels;
    while (content.starts_with(prefix)) {
      const std::size_t stop = std::min(content.find_first_of(" \t"), content.size());
      labels.push_back(content.substr(prefix.size(), stop - prefix.size()));
      all_labels = {start, static_cast<std::size_t>(content.data() + stop - start)};
      content = trimmed(content.substr(stop));
    }
    if (labels.size() > 1 && !form.several_labels) {
      const std::string problem = "has " + std::to_string(labels.size()) + " labels, the first ones " +
                                  quote(labels[0]) + " and " + quote(labels[1]) + "; expected one";
      if (!form.keeps_bad_rows) fail(line, problem);
      add_bad_row(line, file_ + ":" + std::to_string(line) + ": " + problem);
      continue;
    }
    rows_.push_back({line, cells_.size(), 2});
    cells_.push_back(form.several_labels ? all_labels : labels.empty() ? std::string_view() : labels.front());
    cells_.push_back(content);
  }
}

void Table::add_bad_row(std::size_t line, const std::string& problem) {
  if (problems_.size() == most_bad_rows) throw DataError(problem + "; so many others, too");
  problems_.emplace(rows_.size(), problem);
  rows_.push_back({line, cells_.size(), 0});
}

/// A row with a line of text that is not UTF-8 cannot be read. It may have several lines, where cells are quoted.
void Table::mark_invalid_rows() {
  for (const auto& [line, problem] : invalid_lines_) {
    const auto after = std::ranges::upper_bound(rows_, line, {}, &Row::line);
    if (after == rows_.begin()) continue;
    problems_.insert_or_assign(static_cast<std::size_t>(after - rows_.begin()) - 1,
                               file_ + ":" + std::to_string(line) + ": " + problem);
  }
}

// Only at the end, where editors and spreadsheets leave them. Elsewhere the caller reports a row without content.
void Table::drop_blank_rows() {
  while (!rows_.empty() && !has_keys_) {
    const Row& row = rows_.back();
    for (std::size_t i = 0; i < row.count; ++i)
      if (!trimmed(cells_[row.first + i]).empty()) return;
    rows_.pop_back();
  }
}

}  // namespace sharcs::internal
