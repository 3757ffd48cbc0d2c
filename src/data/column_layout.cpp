#include "data/column_layout.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <set>

#include "core/quote.hpp"
#include "sharcs/error.hpp"

namespace sharcs::internal {
namespace {

std::string listed(const std::vector<std::string>& names) {
  std::string list;
  for (const std::string& name : names) list += (list.empty() ? "" : ", ") + name;
  return list;
}

std::string cells_of(const Table& table, std::size_t row) {
  constexpr std::size_t most = 6;
  std::string list;
  for (std::size_t c = 0; c < std::min(table.columns(row), most); ++c)
    list += (c == 0 ? "" : ", ") + quote(table.cell(row, c));
  return list + (table.columns(row) > most ? ", …" : "");
}

std::string counted(std::size_t columns) { return std::to_string(columns) + (columns == 1 ? " column" : " columns"); }

/// Finds the columns of the roles among names, in a header or the keys of JSON objects.
class NamedColumns {
 public:
  NamedColumns(const Table& table, std::vector<std::string> names) : table_(table), names_(std::move(names)) {}

  std::optional<std::size_t> find(const ColumnRole& role) const {
    for (const bool exact : {true, false})
      for (const std::string& wanted : role.names) {
        std::optional<std::size_t> found;
        for (std::size_t c = 0; c < names_.size(); ++c) {
          if (exact ? names_[c] != wanted : !equal_ignoring_case(names_[c], wanted)) continue;
          if (found) table_.fail(first_line(), "has two columns " + quote(wanted));
          found = c;
        }
        if (found) return found;
      }
    return std::nullopt;
  }

  [[noreturn]] void fail_without(const std::string& wanted) const {
    std::string found;
    for (const std::string& name : names_) found += (found.empty() ? "" : ", ") + quote(name);
    table_.fail(first_line(), "no column " + quote(wanted) + "; found " + found);
  }

  const std::vector<std::string>& names() const { return names_; }

 private:
  std::size_t first_line() const { return table_.line(0); }

  const Table& table_;
  std::vector<std::string> names_;
};

NamedColumns first_row_names(const Table& table) {
  std::vector<std::string> names;
  for (std::size_t c = 0; c < table.columns(0); ++c) names.emplace_back(trimmed(table.cell(0, c)));
  return {table, std::move(names)};
}

bool is_label_cell(const Task::Definition& task, std::string_view cell) {
  if (task.kind == TaskKind::classification)
    return task.find_label(cell).has_value() ||
           (!task.unlabelled_mark.empty() && trimmed(cell) == task.unlabelled_mark);
  const std::optional<double> target = parse_number(cell);
  return target && (!task.target_range || (*target >= task.target_range->low && *target <= task.target_range->high));
}

bool is_integer(std::string_view cell) {
  cell = trimmed(cell);
  return !cell.empty() && std::all_of(cell.begin(), cell.end(), [](char c) { return c >= '0' && c <= '9'; });
}

// A GLUE task's layout from the names in the first row, or nothing if that is no header.
std::optional<ColumnLayout> glue_header(const Table& table, const Task::Definition& task, Split split) {
  const NamedColumns columns = table.is_json() ? NamedColumns(table, table.keys()) : first_row_names(table);
  std::optional<std::size_t> text = columns.find(task.text);
  const std::optional<std::size_t> pair = task.is_pair ? columns.find(task.pair) : std::nullopt;
  const std::optional<std::size_t> label = columns.find(task.label);
  if (!table.is_json() && !label && !(text && (pair || !task.is_pair))) return std::nullopt;
  if (!text && label && !task.is_pair && columns.names().size() == 2) text = 1 - *label;  // what else could it be
  if (!text) columns.fail_without(task.text.names.front());
  if (task.is_pair && !pair) columns.fail_without(task.pair.names.front());
  if (!label && split != Split::test) columns.fail_without(task.label.names.front());
  return ColumnLayout{.first_row = table.is_json() ? 0u : 1u,
                      .columns = table.is_json() ? 0 : columns.names().size(),
                      .column_names = columns.names(),
                      .text = *text,
                      .pair = pair,
                      .label = label,
                      .id = columns.find(task.id),
                      .difficulty = columns.find(task.difficulty)};
}

// Tries the known layouts on the first rows. A bad row among good ones shall not decide: its error is reported when it
// is read.
ColumnLayout glue_layout_without_header(const Table& table, const Task::Definition& task, Split split) {
  constexpr std::size_t looked_at = 100;
  const std::size_t rows = std::min(table.rows(), looked_at);
  const auto fitting_rows = [&](const HeaderlessLayout& layout) {
    std::size_t count = 0;
    for (std::size_t r = 0; r < rows; ++r)
      count +=
          table.columns(r) == layout.columns.size() &&
          (layout.label ? is_label_cell(task, table.cell(r, *layout.label)) : is_integer(table.cell(r, *layout.id)));
    return count;
  };
  std::vector<const HeaderlessLayout*> best;
  std::size_t best_rows = 0;
  for (const bool labelled : {true, false}) {
    if (!labelled && (split != Split::test || 2 * best_rows > rows)) continue;
    for (const HeaderlessLayout& layout : task.layouts) {
      if (layout.label.has_value() != labelled) continue;
      const std::size_t fitting = fitting_rows(layout);
      if (fitting < best_rows || fitting == 0) continue;
      if (fitting > best_rows) best.clear();
      best_rows = fitting;
      best.push_back(&layout);
    }
  }
  if (best.empty()) {
    std::vector<std::string> header = {task.text.names.front()};
    if (task.is_pair) header.push_back(task.pair.names.front());
    if (split != Split::test) header.push_back(task.label.names.front());
    const HeaderlessLayout& usual = task.layouts.front();
    table.fail(table.line(0), "is neither a header with the columns " + listed(header) + " nor data of " +
                                  counted(usual.columns.size()) + " (" + listed(usual.columns) + "); found " +
                                  counted(table.columns(0)) + ": " + cells_of(table, 0));
  }
  if (best.size() > 1)
    table.fail(table.line(0), "has no header, and its columns can be read as (" + listed(best[0]->columns) +
                                  ") or as (" + listed(best[1]->columns) + "); put a header before it");
  const HeaderlessLayout& layout = *best.front();
  return {.columns = layout.columns.size(),
          .column_names = layout.columns,
          .text = layout.text,
          .pair = layout.pair,
          .label = layout.label,
          .id = layout.id};
}

// Whether the first row of data of one's own, the text given by position, is a header. Its label decides.
bool first_row_is_header(const Table& table, const Task::Definition& task) {
  static constexpr std::array<std::string_view, 10> label_names = {
      "label", "labels", "class", "category", "target", "score", "y", "sentiment", "gold_label", "is_duplicate"};
  static constexpr std::array<std::string_view, 9> text_names = {
      "text", "sentence", "sentence1", "question", "question1", "premise", "review", "content", "document"};
  const auto is_one_of = [&](std::string_view cell, const auto& names) {
    return std::any_of(names.begin(), names.end(),
                       [&](std::string_view name) { return equal_ignoring_case(trimmed(cell), name); });
  };
  if (is_one_of(table.cell(0, *task.text.position), text_names)) return true;
  if (!task.label.position || table.columns(0) <= *task.label.position) return false;
  const std::string_view label = trimmed(table.cell(0, *task.label.position));
  if (task.kind == TaskKind::regression) return !parse_number(label);
  if (!task.labels.empty()) return !task.find_label(label);
  if (is_one_of(label, label_names)) return true;
  std::set<std::string_view> others;
  for (std::size_t r = 1; r < table.rows(); ++r) others.insert(trimmed(table.cell(r, *task.label.position)));
  if (others.contains(label) || others.empty() || is_integer(label)) return false;
  if (std::all_of(others.begin(), others.end(), is_integer)) return true;
  table.fail(table.line(0),
             "its label " + quote(label) + " occurs on no other line, so that it may be a header or data; say which");
}

ColumnLayout own_layout(const Table& table, const Task::Definition& task, Split split) {
  // A test file may lack the label column, so that its name alone does not ask for a header.
  const bool names_needed =
      !task.text.names.empty() || !task.pair.names.empty() || !task.id.names.empty() ||
      !task.difficulty.names.empty() ||
      (!task.label.names.empty() && (split != Split::test || first_row_names(table).find(task.label)));
  const bool header =
      !table.is_json() && (task.header == Header::yes ||
                           (task.header == Header::automatic && (names_needed || first_row_is_header(table, task))));
  const NamedColumns columns = table.is_json() ? NamedColumns(table, table.keys())
                               : header        ? first_row_names(table)
                                               : NamedColumns(table, {});
  const auto find = [&](const ColumnRole& role, bool required) -> std::optional<std::size_t> {
    if (!role.wanted()) return std::nullopt;
    if (role.position) {
      if (table.is_json()) throw ConfigError(table.file() + ": JSON Lines have no positions; give columns by name");
      if (*role.position < table.columns(0)) return role.position;
      if (required)
        table.fail(table.line(0),
                   "no column " + std::to_string(*role.position + 1) + "; found " + counted(table.columns(0)));
      return std::nullopt;
    }
    const std::optional<std::size_t> found = columns.find(role);
    if (!found && required) columns.fail_without(role.names.front());
    return found;
  };
  ColumnLayout layout;
  layout.first_row = header ? 1 : 0;
  layout.columns = table.is_json() ? 0 : table.columns(0);
  layout.text = *find(task.text, true);
  layout.pair = find(task.pair, true);
  layout.label = find(task.label, split != Split::test);
  layout.id = find(task.id, true);
  layout.difficulty = find(task.difficulty, true);
  if (header) {
    layout.column_names = columns.names();
  } else {
    const auto name = [&](std::size_t c) -> std::string {
      if (c == layout.text) return "text";
      if (c == layout.pair) return "pair";
      if (c == layout.label) return "label";
      return "column " + std::to_string(c + 1);
    };
    for (std::size_t c = 0; c < layout.columns; ++c) layout.column_names.push_back(name(c));
  }
  return layout;
}

}  // namespace

std::string ColumnLayout::expected() const { return counted(columns) + " (" + listed(column_names) + ")"; }

ColumnLayout find_layout(const Table& table, const Task::Definition& task, Split split) {
  if (!task.of_glue) return own_layout(table, task, split);
  if (auto layout = glue_header(table, task, split)) return *layout;
  return glue_layout_without_header(table, task, split);
}

std::optional<double> parse_number(std::string_view cell) {
  cell = trimmed(cell);
  if (cell.starts_with('+')) cell.remove_prefix(1);
  double value = 0;
  const auto [end, error] = std::from_chars(cell.data(), cell.data() + cell.size(), value);
  if (error != std::errc() || end != cell.data() + cell.size() || !std::isfinite(value)) return std::nullopt;
  return value;
}

}  // namespace sharcs::internal
