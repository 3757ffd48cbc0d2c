#include <algorithm>
#include <optional>
#include <stdexcept>

#include "fuzz/harness.hpp"
#include "fuzz/packed.hpp"
#include "io/table_stream.hpp"

namespace sharcs::internal::harnesses {
namespace {

/// The first byte says how the rest is read.
std::vector<std::string> seeds() {
  const std::string tsv = "sentence\tlabel\na gem\t1\nbad \xE2\x80\x93 film\t0\n\n";
  const std::string csv = "text,label\r\n\"a, \"\"b\"\"\nc\",1\r\n,\r\n";
  const std::string json = "{\"a\": 1, \"b\": {\"c\": [1, \"x\"]}}\n{\"d\": null, \"a\": \"\\u00e9\"}\n";
  const std::string fasttext = "__label__yes a gem\n__label__no __label__maybe b\n";
  std::vector<std::string> list;
  for (const std::string& text : {tsv, csv, json, fasttext})
    for (char how = 0; how < 4; ++how)
      list.push_back(static_cast<char>(4 * (list.size() / 4) + static_cast<std::size_t>(how)) + text);
  list.push_back(std::string("\x01\xFF\0a\tb\n\xC3\n", 8));
  return list;
}

/// Throws where the pieces of a table, brought a few bytes at a time, have other rows than the whole table.
void expect_same_rows(const Table& whole, const std::string& text, const TableForm& form) {
  std::size_t at = 0, row = 0;
  const auto source = [&](std::string& to) {
    const std::size_t bytes = std::min<std::size_t>(1 + at % 7 * 100, text.size() - at);
    to.append(text, at, bytes);
    at += bytes;
    return bytes > 0;
  };
  TableStream stream("table", source, form);
  for (std::optional<Table> piece = stream.next(); piece; piece = stream.next())
    for (std::size_t r = 0; r < piece->rows(); ++r, ++row)
      if (row >= whole.rows() || piece->line(r) != whole.line(row) ||
          (!whole.has_keys() && piece->cell(r, 0) != whole.cell(row, 0)) ||
          (piece->problem(r) == nullptr) != (whole.problem(row) == nullptr))
        throw std::logic_error("row " + std::to_string(row) + " of the stream is another one");
  if (row != whole.rows()) throw std::logic_error("the stream has fewer rows than the table");
}

void read(std::string_view input, const Scratch& scratch) {
  if (input.empty()) return;
  const auto how = static_cast<unsigned char>(input.front());
  constexpr TableFormat formats[] = {TableFormat::tsv, TableFormat::csv, TableFormat::json_lines,
                                     TableFormat::fasttext};
  TableForm form = {.format = formats[how / 4 % 4],
                    .quoting = how / 4 % 4 == 1 ? Quoting::rfc4180 : Quoting::none,
                    .invalid_text = (how & 1) != 0 ? InvalidText::replace : InvalidText::refuse,
                    .keeps_bad_rows = (how & 2) != 0,
                    .paths = {"b.c", "a"}};
  const Table table(scratch.write("table", input.substr(1)), form);
  if (!input.substr(1).starts_with("\x1f\x8b")) expect_same_rows(table, std::string(input.substr(1)), form);
  volatile std::size_t bytes = 0;  // each byte is read
  for (std::size_t row = 0; row < table.rows(); ++row) {
    const std::string* const problem = table.problem(row);
    if (problem != nullptr && problem->find("table") == std::string::npos)
      throw std::logic_error("a bad row that does not name the file");
    for (std::size_t column = 0; column < std::min<std::size_t>(table.columns(row) + 1, 100); ++column) {
      for (const char c : table.cell(row, column)) bytes = bytes + static_cast<unsigned char>(c);
      bytes = bytes + table.is_nested(row, column);
    }
    if (table.line(row) == 0) throw std::logic_error("a row without a line");
  }
}

std::vector<std::string> packed_seeds() {
  std::string long_line(100'000, 'a');
  long_line += "\tb\n";
  return {packed("sentence\tlabel\na gem\t1\n"), packed("a\tb\n") + packed("c\td\n") + std::string(3, '\0'),
          packed(long_line)};
}

void read_packed(std::string_view input, const Scratch& scratch) { read('\x02' + std::string(input), scratch); }

}  // namespace

std::vector<Harness> table() {
  return {{.name = "table",
           .file = "table",
           .words = {"\"\"", "\r\n", "__label__", "{\"a\":", "\\u0000", "\xEF\xBB\xBF", "\xFF\xFE", "1e999"},
           .seeds = seeds,
           .read = read},
          {.name = "gzip", .file = "table", .words = {"\x1f\x8b\x08"}, .seeds = packed_seeds, .read = read_packed}};
}

}  // namespace sharcs::internal::harnesses
