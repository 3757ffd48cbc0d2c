#include <algorithm>

#include "core/quote.hpp"
#include "data/column_layout.hpp"

namespace sharcs::internal {
namespace {

/// `"gj04", "1", "", "They drank the pub."`
std::string cells_of(const Table& table, std::size_t row) {
  constexpr std::size_t most = 6;
  std::vector<std::string> cells;
  for (std::size_t c = 0; c < std::min(table.columns(row), most); ++c) cells.push_back(quote(table.cell(row, c)));
  return listed(cells) + (table.columns(row) > most ? ", …" : "");
}

/// The layout by the names in the first row, or nothing when they are no header.
std::optional<ColumnLayout> layout_of_header(const Table& table, const TaskDefinition& task, Split split) {
  const ColumnNames names = ColumnNames::of(table);
  std::optional<std::size_t> text = names.find(task.text);
  const std::optional<std::size_t> pair = task.is_pair ? names.find(task.pair) : std::nullopt;
  const std::optional<std::size_t> label = names.find(task.label);
  const bool has_sentences = text && (pair || !task.is_pair);
  if (!table.has_keys() && !label && !has_sentences) return std::nullopt;
  // Of two columns, the one that is not the label is the sentence.
  if (!text && label && !task.is_pair && names.all().size() == 2) text = 1 - *label;
  if (!text) names.fail_without(task.text.names.front());
  if (task.is_pair && !pair) names.fail_without(task.pair.names.front());
  if (!label && split != Split::test) names.fail_without(task.label.names.front());
  return ColumnLayout{.first_row = table.has_keys() ? 0u : 1u,
                      .columns = table.has_keys() ? 0 : names.all().size(),
                      .column_names = names.all(),
                      .text = *text,
                      .pair = pair,
                      .label = label,
                      .id = names.find(task.id),
                      .difficulty = names.find(task.difficulty)};
}

bool may_be_label(const TaskDefinition& task, std::string_view cell) {
  if (task.kind == TaskKind::classification)
    return task.find_label(cell).has_value() ||
           (!task.unlabelled_mark.empty() && trimmed(cell) == task.unlabelled_mark);
  const std::optional<double> target = parse_number(cell);
  return target && (!task.target_range || (*target >= task.target_range->low && *target <= task.target_range->high));
}

/// Whether a row has the layout's columns, with a label (a test file: an index) where it stands in the layout.
bool fits(const Table& table, std::size_t row, const TaskDefinition& task, const HeaderlessLayout& layout) {
  if (table.columns(row) != layout.columns.size()) return false;
  return layout.label ? may_be_label(task, table.cell(row, *layout.label)) : is_integer(table.cell(row, *layout.id));
}

/// So many rows of a table without header tell its layout.
constexpr std::size_t looked_at = 100;

/// The known layouts that most of the first rows have: one, none, or several that cannot be told apart. One bad row
/// among good ones does not decide; it is reported when it is read.
std::vector<const HeaderlessLayout*> best_layouts(const Table& table, const TaskDefinition& task, Split split) {
  const std::size_t rows = std::min(table.rows(), looked_at);
  std::vector<const HeaderlessLayout*> best;
  std::size_t best_rows = 0;
  for (const bool labelled : {true, false}) {
    if (!labelled && (split != Split::test || 2 * best_rows > rows)) continue;
    for (const HeaderlessLayout& layout : task.layouts) {
      if (layout.label.has_value() != labelled) continue;
      std::size_t fitting = 0;
      for (std::size_t row = 0; row < rows; ++row) fitting += fits(table, row, task, layout);
      if (fitting < best_rows || fitting == 0) continue;
      if (fitting > best_rows) best.clear();
      best_rows = fitting;
      best.push_back(&layout);
    }
  }
  return best;
}

[[noreturn]] void fail_without_layout(const Table& table, const TaskDefinition& task, Split split) {
  std::vector<std::string> header = {task.text.names.front()};
  if (task.is_pair) header.push_back(task.pair.names.front());
  if (split != Split::test) header.push_back(task.label.names.front());
  const HeaderlessLayout& usual = task.layouts.front();
  table.fail(table.line(0), "is neither a header with the columns " + listed(header) + " nor data of " +
                                counted_columns(usual.columns.size()) + " (" + listed(usual.columns) + "); found " +
                                counted_columns(table.columns(0)) + ": " + cells_of(table, 0));
}

ColumnLayout layout_without_header(const Table& table, const TaskDefinition& task, Split split) {
  const std::vector<const HeaderlessLayout*> best = best_layouts(table, task, split);
  if (best.empty()) fail_without_layout(table, task, split);
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

}  // namespace

// Data of one's own have a header or not as the names and labels in the first row say; where the task does not list its
// labels, which no task of a model does, other rows have a say (first_row_is_header in own_header.cpp).
bool first_rows_decide(const Table& table, const TaskDefinition& task, Split split) {
  if (table.has_keys()) return true;
  if (!task.of_glue)
    return task.header != Header::automatic || !task.label.position || !task.labels.empty() ||
           task.kind == TaskKind::regression;
  return table.rows() >= looked_at || (task.header != Header::no && layout_of_header(table, task, split).has_value());
}

ColumnLayout glue_layout(const Table& table, const TaskDefinition& task, Split split) {
  if (task.header != Header::no)
    if (auto layout = layout_of_header(table, task, split)) return *layout;
  if (task.header == Header::yes) fail_without_layout(table, task, split);
  return layout_without_header(table, task, split);
}

}  // namespace sharcs::internal
