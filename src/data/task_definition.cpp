#include "data/task_definition.hpp"

#include <algorithm>
#include <memory>

#include "core/ascii.hpp"
#include "core/quote.hpp"
#include "io/table.hpp"

namespace sharcs::internal {

std::optional<int> TaskDefinition::find_label(std::string_view cell) const {
  cell = trimmed(cell);
  if (const auto meant = label_map.find(std::string(cell)); meant != label_map.end()) cell = meant->second;
  const auto same = [&](const std::string& spelling) {
    return of_glue ? equal_ignoring_case(spelling, cell) : spelling == cell;
  };
  for (std::size_t i = 0; i < labels.size(); ++i)
    if (same(labels[i].word) || same(labels[i].name)) return static_cast<int>(i);
  return std::nullopt;
}

std::vector<std::string_view> labels_in_cell(std::string_view cell, char separator) {
  std::vector<std::string_view> labels;
  cell = trimmed(cell);
  while (!cell.empty()) {
    const std::size_t end = cell.find(separator);
    labels.push_back(trimmed(cell.substr(0, end)));
    if (end == std::string_view::npos) break;
    cell.remove_prefix(end + 1);
    if (cell.empty()) labels.push_back(cell);  // what follows the last separator
  }
  return labels;
}

std::string TaskDefinition::known_labels() const {
  constexpr std::size_t most = 20;
  std::vector<std::string> known;
  for (const auto& [class_name, word] : labels) {
    if (known.size() == most) {
      known.emplace_back("…");
      break;
    }
    known.push_back(quote(word) + (class_name == word ? "" : " (" + class_name + ")"));
  }
  return listed(known);
}

Task TaskDefinition::task(TaskDefinition definition) {
  return Task(std::make_shared<const TaskDefinition>(std::move(definition)));
}

}  // namespace sharcs::internal
