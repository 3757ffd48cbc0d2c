#include <algorithm>
#include <array>
#include <set>

#include "core/ascii.hpp"
#include "core/quote.hpp"
#include "data/column_layout.hpp"
#include "sharcs/error.hpp"

namespace sharcs::internal {
namespace {

template <std::size_t n>
bool is_one_of(std::string_view cell, const std::array<std::string_view, n>& names) {
  return std::any_of(names.begin(), names.end(),
                     [&](std::string_view name) { return equal_ignoring_case(trimmed(cell), name); });
}

/// Whether the first row counts the columns, from 0 as pandas does, or from 1.
bool counts_columns(const Table& table) {
  if (table.columns(0) < 2) return false;
  const std::size_t first = trimmed(table.cell(0, 0)) == "0" ? 0 : 1;
  for (std::size_t c = 0; c < table.columns(0); ++c)
    if (trimmed(table.cell(0, c)) != std::to_string(first + c)) return false;
  return true;
}

/// Whether the first row is a header, where the text is given by position: when it counts the columns, its text has a
/// usual name of such a column, or its label is none of the classes.
bool first_row_is_header(const Table& table, const TaskDefinition& task) {
  static constexpr std::array<std::string_view, 10> label_names = {
      "label", "labels", "class", "category", "target", "score", "y", "sentiment", "gold_label", "is_duplicate"};
  static constexpr std::array<std::string_view, 9> text_names = {
      "text", "sentence", "sentence1", "question", "question1", "premise", "review", "content", "document"};
  if (counts_columns(table) || is_one_of(table.cell(0, *task.text.position), text_names)) return true;
  if (!task.label.position || table.columns(0) <= *task.label.position) return false;
  const std::string_view label = trimmed(table.cell(0, *task.label.position));
  if (task.is_multi_output()) {
    const std::vector<std::string_view> numbers = labels_in_cell(label, task.label_separator);
    return !numbers.empty() && !parse_number(numbers.front());
  }
  if (task.kind == TaskKind::regression) return !parse_number(label);
  if (task.kind == TaskKind::multi_label) {
    // The labels of a first row of data occur in other rows, or are those of the task.
    std::set<std::string_view> others;
    for (std::size_t r = 1; r < table.rows(); ++r)
      for (const std::string_view other : labels_in_cell(table.cell(r, *task.label.position), task.label_separator))
        others.insert(other);
    for (const std::string_view name : labels_in_cell(label, task.label_separator)) {
      if (!task.labels.empty() && !task.find_label(name)) return true;
      if (!task.labels.empty() || others.contains(name) || others.empty()) continue;
      if (is_one_of(name, label_names)) return true;
      table.fail(table.line(0), "its label " + quote(name) +
                                    " occurs on no other line, so that it may be a header or data; say which");
    }
    return false;
  }
  if (!task.labels.empty()) return !task.find_label(label);
  if (is_one_of(label, label_names)) return true;
  std::set<std::string_view> others;
  for (std::size_t r = 1; r < table.rows(); ++r) others.insert(trimmed(table.cell(r, *task.label.position)));
  if (others.contains(label) || others.empty() || is_integer(label)) return false;
  if (std::all_of(others.begin(), others.end(), is_integer)) return true;
  table.fail(table.line(0),
             "its label " + quote(label) + " occurs on no other line, so that it may be a header or data; say which");
}

bool has_header(const Table& table, const TaskDefinition& task, Split split) {
  if (table.has_keys() || task.header == Header::no) return false;
  if (task.header == Header::yes) return true;
  for (const ColumnRole* role : {&task.text, &task.pair, &task.id, &task.difficulty})
    if (!role->names.empty()) return true;
  // A test file may lack the label column: then the column's name says nothing about a header.
  if (!task.label.names.empty() && (split != Split::test || ColumnNames::of(table).find(task.label))) return true;
  return first_row_is_header(table, task);
}

std::optional<std::size_t> find_position(const Table& table, std::size_t position, bool required) {
  if (table.has_keys())
    throw ConfigError(table.file() + ": JSON Lines have no positions; give columns by name (name:3 is the key 3)");
  if (position < table.columns(0)) return position;
  if (required)
    table.fail(table.line(0),
               "no column " + std::to_string(position + 1) + "; found " + counted_columns(table.columns(0)));
  return std::nullopt;
}

/// Years, for example, are usual names of columns: "3" may mean the third column or the one that is called 3.
void refuse_ambiguous_position(const Table& table, std::size_t position, const ColumnNames& names) {
  const std::string number = std::to_string(position + 1);
  for (std::size_t c = 0; c < names.all().size(); ++c) {
    if (names.all()[c] != number || c == position) continue;
    const std::string third = position < names.all().size() ? quote("name:" + names.all()[position]) : "none";
    table.fail(table.line(0), quote(number) + " is the name of column " + std::to_string(c + 1) +
                                  " and also a position; write " + quote("name:" + number) + " for the name, " + third +
                                  " for the position");
  }
}

/// What the columns of a table without header are called in messages.
std::vector<std::string> stand_in_names(const ColumnLayout& layout) {
  std::vector<std::string> names;
  for (std::size_t c = 0; c < layout.columns; ++c)
    names.push_back(c == layout.text    ? "text"
                    : c == layout.pair  ? "pair"
                    : c == layout.label ? "label"
                                        : "column " + std::to_string(c + 1));
  return names;
}

}  // namespace

ColumnLayout own_layout(const Table& table, const TaskDefinition& task, Split split) {
  const bool header = has_header(table, task, split);
  const ColumnNames names = header || table.has_keys() ? ColumnNames::of(table) : ColumnNames::none(table);
  const auto find = [&](const ColumnRole& role, bool required) -> std::optional<std::size_t> {
    if (!role.wanted()) return std::nullopt;
    if (role.position) {
      refuse_ambiguous_position(table, *role.position, names);
      return find_position(table, *role.position, required);
    }
    const std::optional<std::size_t> found = names.find(role);
    if (!found && required && names.all().empty() && table.problem(0) != nullptr) throw DataError(*table.problem(0));
    if (!found && required && !header && !table.has_keys())
      throw ConfigError(table.file() + ": column " + quote(role.names.front()) +
                        " is given by name, but there is no header");
    if (!found && required) names.fail_without(role.names.front());
    return found;
  };
  ColumnLayout layout;
  layout.first_row = header ? 1 : 0;
  layout.columns = table.has_keys() ? 0 : table.columns(0);
  layout.text = *find(task.text, true);
  layout.pair = find(task.pair, true);
  layout.label = find(task.label, split != Split::test);
  layout.id = find(task.id, true);
  layout.difficulty = find(task.difficulty, true);
  layout.column_names = header ? names.all() : stand_in_names(layout);
  return layout;
}

}  // namespace sharcs::internal
