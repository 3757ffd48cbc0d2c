#include "io/table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>
#include <unordered_map>

#include "core/quote.hpp"
#include "io/file.hpp"
#include "io/json_cursor.hpp"
#include "io/utf8.hpp"
#include "sharcs/error.hpp"

namespace sharcs::internal {
namespace {

constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";

}  // namespace

std::string_view trimmed(std::string_view cell) {
  const auto is_space = [](char c) { return c == ' ' || (c >= '\t' && c <= '\r'); };
  while (!cell.empty() && is_space(cell.front())) cell.remove_prefix(1);
  while (!cell.empty() && is_space(cell.back())) cell.remove_suffix(1);
  return cell;
}

Table::Table(const std::filesystem::path& file, TableFormat format, Quoting quoting, InvalidText invalid_text)
    : file_(file.string()), json_(format == TableFormat::json_lines) {
  text_ = std::make_unique<std::string>(read_text_file(file));
  if (text_->starts_with("\xFF\xFE") || text_->starts_with("\xFE\xFF"))
    throw DataError(file_ + ": is UTF-16; expected UTF-8 (convert it with: iconv -f UTF-16 -t UTF-8)");
  if (text_->starts_with(byte_order_mark)) text_->erase(0, byte_order_mark.size());
  check_text(invalid_text);
  if (text_->find('\n') == std::string::npos) std::replace(text_->begin(), text_->end(), '\r', '\n');

  const char delimiter = format == TableFormat::csv ? ',' : '\t';
  if (json_)
    parse_json_lines();
  else if (quoting == Quoting::rfc4180)
    split_quoted(delimiter);
  else
    split_lines(delimiter);
  drop_blank_rows();
  if (rows_.empty()) throw DataError(file_ + ": is empty; expected at least one line of data");
}

void Table::fail(std::size_t line, const std::string& message) const {
  throw DataError(file_ + ":" + std::to_string(line) + ": " + message);
}

void Table::check_text(InvalidText invalid_text) {
  const std::string_view text = *text_;
  const std::size_t invalid = std::min(find_invalid_utf8(text), text.find('\0'));
  if (invalid == std::string_view::npos) return;
  const std::string_view before = text.substr(0, invalid);
  const std::size_t line = 1 + static_cast<std::size_t>(std::count(before.begin(), before.end(), '\n'));
  if (invalid_text == InvalidText::refuse) {
    const std::size_t byte = invalid - before.rfind('\n');  // npos + 1 is 0
    fail(line, (text[invalid] == '\0' ? std::string("NUL")
                                      : fmt::format("0x{:02x}", static_cast<unsigned char>(text[invalid]))) +
                   " at byte " + std::to_string(byte) + " of the line is not UTF-8 text");
  }
  std::size_t replaced = replace_invalid_utf8(*text_);
  for (std::size_t at = text_->find('\0'); at != std::string::npos; at = text_->find('\0', at)) {
    text_->replace(at, 1, "\xEF\xBF\xBD");
    ++replaced;
  }
  notes_.push_back(file_ + ": replaced " + std::to_string(replaced) +
                   (replaced == 1 ? " ill-formed UTF-8 sequence" : " ill-formed UTF-8 sequences") +
                   " by U+FFFD, the first on line " + std::to_string(line));
}

void Table::split_lines(char delimiter) {
  std::string_view rest = *text_;
  for (std::size_t line = 1; !rest.empty(); ++line) {
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
  for (std::size_t line = 1; at != end;) {
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

void Table::parse_json_lines() {
  std::unordered_map<std::string, std::size_t> columns;
  std::string_view rest = *text_;
  std::vector<std::string_view> cells;
  for (std::size_t line = 1; !rest.empty(); ++line) {
    const std::size_t end = rest.find('\n');
    const std::string_view content = trimmed(rest.substr(0, end));
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
    if (content.empty()) continue;
    if (find_too_deep(content) != std::string_view::npos)
      fail(line, "has too many lists and objects inside each other; expected one JSON object a line");
    nlohmann::ordered_json object;
    try {
      object = nlohmann::ordered_json::parse(content);
    } catch (const nlohmann::json::parse_error& error) {
      fail(line, "is not JSON (at byte " + std::to_string(error.byte) + " of the line); expected one object a line");
    } catch (const nlohmann::json::exception&) {
      fail(line, "holds a number out of range; expected one JSON object a line");
    }
    if (!object.is_object())
      fail(line, std::string("is a JSON ") + object.type_name() + "; expected one object a line");
    cells.assign(keys_.size(), {});
    for (const auto& [key, value] : object.items()) {
      const auto [column, added] = columns.try_emplace(key, keys_.size());
      if (added) {
        keys_.push_back(key);
        cells.emplace_back();
      }
      if (value.is_null()) continue;
      if (value.is_structured()) nested_.emplace(rows_.size(), column->second);
      cells[column->second] = values_.emplace_back(value.is_string() ? value.get<std::string>() : value.dump());
    }
    rows_.push_back({line, cells_.size(), cells.size()});
    cells_.insert(cells_.end(), cells.begin(), cells.end());
  }
}

// Only at the end, where editors and spreadsheets leave them. Elsewhere the caller reports a row without content.
void Table::drop_blank_rows() {
  while (!rows_.empty() && !json_) {
    const Row& row = rows_.back();
    for (std::size_t i = 0; i < row.count; ++i)
      if (!trimmed(cells_[row.first + i]).empty()) return;
    rows_.pop_back();
  }
}

}  // namespace sharcs::internal
