#include "model/task_spec_json.hpp"

#include <algorithm>
#include <cstddef>
#include <string>
#include <vector>

#include "model/task_names.hpp"

namespace sharcs::internal {
namespace {

using Json = nlohmann::ordered_json;

Json json_of(const Column& column) {
  if (column.name() != nullptr) return *column.name();
  return column.index() + 1;
}

std::optional<Column> read_column(const JsonCursor& column) {
  if (!column.present()) return std::nullopt;
  if (column.is_text()) return Column(column.get<std::string>());
  if (!column.value().is_number_unsigned() || column.value().get<std::size_t>() == 0)
    column.fail("the name of a column, or its position from 1");
  return Column::at(column.value().get<std::size_t>());
}

}  // namespace

Json task_spec_json(const TaskSpec& spec) {
  if (spec.benchmark == Benchmark::glue) return {{"benchmark", "glue"}, {"name", spec.name}};
  Json task = {{"name", spec.name}, {"kind", to_string(spec.kind)}, {"text", json_of(spec.text)}};
  if (spec.pair) task["pair"] = json_of(*spec.pair);
  task["label"] = json_of(spec.label);
  if (spec.kind == TaskKind::multi_label || (spec.kind == TaskKind::regression && spec.label_separator != ','))
    task["label_separator"] = std::string(1, spec.label_separator);
  if (spec.id) task["id"] = json_of(*spec.id);
  if (spec.difficulty) task["difficulty"] = json_of(*spec.difficulty);
  task["format"] = to_string(spec.format);
  task["quoting"] = to_string(spec.quoting);
  task["header"] = to_string(spec.header);
  if (spec.delimiter != '\0') task["delimiter"] = std::string(1, spec.delimiter);
  if (spec.no_answer_above) task["no_answer_above"] = *spec.no_answer_above;
  task["metrics"] = Json::array();
  for (const Metric metric : spec.metrics) task["metrics"].push_back(to_string(metric));
  return task;
}

TaskSpec read_task_spec(const JsonCursor& task) {
  task.object();
  TaskSpec spec;
  task["name"].read(spec.name);
  if (std::string benchmark; task["benchmark"].read(benchmark)) {
    if (benchmark != "glue") task["benchmark"].fail("\"glue\"");
    spec.benchmark = Benchmark::glue;
    return spec;
  }
  spec.kind = task["kind"].get<TaskKind>();
  if (const auto text = read_column(task["text"])) spec.text = *text;
  spec.pair = read_column(task["pair"]);
  if (const auto label = read_column(task["label"])) spec.label = *label;
  spec.id = read_column(task["id"]);
  spec.difficulty = read_column(task["difficulty"]);
  task["format"].read(spec.format);
  task["quoting"].read(spec.quoting);
  task["header"].read(spec.header);
  if (double above = 0; task["no_answer_above"].read(above)) spec.no_answer_above = above;
  if (std::string separator; task["label_separator"].read(separator)) {
    if (separator.size() != 1) task["label_separator"].fail("one character of ASCII");
    spec.label_separator = separator.front();
  }
  if (std::string delimiter; task["delimiter"].read(delimiter)) {
    if (delimiter.size() != 1) task["delimiter"].fail("one character of ASCII");
    spec.delimiter = delimiter.front();
  }
  if (const JsonCursor metrics = task["metrics"]; metrics.present()) spec.metrics = metrics.each(read_metric);
  return spec;
}

Metric read_metric(const JsonCursor& name) {
  const std::vector<std::string> known = Metric::names();
  if (!name.is_text() || std::ranges::find(known, name.get<std::string>()) == known.end()) name.fail(one_of(known));
  return name.get<std::string>();
}

}  // namespace sharcs::internal
