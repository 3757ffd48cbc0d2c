#include <nlohmann/json.hpp>

#include "core/json_reader.hpp"
#include "core/quote.hpp"
#include "data/task_definition.hpp"
#include "sharcs/error.hpp"
#include "sharcs/model_config.hpp"

namespace sharcs {
using namespace internal;
namespace {

using Json = nlohmann::ordered_json;

// {"benchmark": "glue", "name": "sst-2"}, or for data of one's own {"name": …, "kind": …, "text": …, …} with the fields
// of TaskSpec, columns by name or by position from 1. The labels are the model's: "id2label" has them.
constexpr const char* task_key = "sharcs_task";

template <class Value>
struct Named {
  Value value;
  const char* name;
};
constexpr Named<TableFormat> formats[] = {{TableFormat::by_extension, "by_extension"},
                                          {TableFormat::tsv, "tsv"},
                                          {TableFormat::csv, "csv"},
                                          {TableFormat::json_lines, "jsonl"}};
constexpr Named<Quoting> quotings[] = {
    {Quoting::automatic, "automatic"}, {Quoting::none, "none"}, {Quoting::rfc4180, "rfc4180"}};
constexpr Named<Header> headers[] = {{Header::automatic, "automatic"}, {Header::yes, "yes"}, {Header::no, "no"}};
constexpr Named<TaskKind> kinds[] = {{TaskKind::classification, "classification"},
                                     {TaskKind::regression, "regression"}};

template <class Value, std::size_t n>
std::string name_in(const Named<Value> (&values)[n], Value wanted) {
  for (const Named<Value>& each : values)
    if (each.value == wanted) return each.name;
  return {};
}

template <class Value, std::size_t n>
Value value_in(const Named<Value> (&values)[n], std::string_view name, const std::string& what) {
  std::string known;
  for (const Named<Value>& each : values) {
    if (name == each.name) return each.value;
    known += (known.empty() ? "" : ", ") + std::string(each.name);
  }
  throw ConfigError(what + " is " + quote(name) + "; expected one of " + known);
}

Json json_of(const ColumnRole& role) {
  if (role.position) return *role.position + 1;
  return role.names.empty() ? Json() : Json(role.names.front());
}

std::optional<Column> read_column(JsonReader& reader, const std::string& role) {
  const nlohmann::json& value = reader.raw(role);
  if (value.is_null()) return std::nullopt;
  if (value.is_string()) return Column(value.get<std::string>());
  if (!value.is_number_unsigned() || value.get<std::size_t>() == 0)
    reader.fail(role, "the name of a column, or its position from 1");
  return Column::at(value.get<std::size_t>());
}

}  // namespace

std::string to_string(TableFormat format) { return name_in(formats, format); }
std::string to_string(Quoting quoting) { return name_in(quotings, quoting); }
std::string to_string(Header header) { return name_in(headers, header); }
TableFormat table_format_named(std::string_view name) { return value_in(formats, name, "the format"); }
Quoting quoting_named(std::string_view name) { return value_in(quotings, name, "the quoting"); }
Header header_named(std::string_view name) { return value_in(headers, name, "the header"); }

void Task::store_in(ModelConfig& config) const {
  config.labels = kind() == TaskKind::regression ? std::vector<std::string>{"score"} : labels();
  Json task;
  if (definition_->of_glue) task["benchmark"] = "glue";
  task["name"] = name();
  if (!definition_->of_glue) {
    task["kind"] = to_string(kind());
    task["text"] = json_of(definition_->text);
    if (is_pair()) task["pair"] = json_of(definition_->pair);
    task["label"] = json_of(definition_->label);
    if (definition_->id.wanted()) task["id"] = json_of(definition_->id);
    if (definition_->difficulty.wanted()) task["difficulty"] = json_of(definition_->difficulty);
    task["format"] = to_string(definition_->format);
    task["quoting"] = to_string(definition_->quoting);
    task["header"] = to_string(definition_->header);
    task["metrics"] = Json::array();
    for (const Metric metric : metrics()) task["metrics"].push_back(to_string(metric));
  }
  Json others = Json::parse(config.other_keys);
  others[task_key] = std::move(task);
  config.other_keys = others.dump();
}

std::optional<Task> Task::of(const ModelConfig& config, const std::string& name) {
  const nlohmann::json others = nlohmann::json::parse(config.other_keys);
  if (!others.contains(task_key)) return std::nullopt;
  JsonReader reader(others.at(task_key), name, std::string(task_key) + ".");
  try {
    std::string benchmark;
    TaskSpec spec;
    reader.read("name", spec.name);
    if (reader.read("benchmark", benchmark)) {
      if (benchmark != "glue") reader.fail("benchmark", "\"glue\"");
      const Task task = named(spec.name);
      return task.kind() == TaskKind::regression ? task : task.with_label_order(config.labels);
    }
    std::string kind, format = "by_extension", quoting = "automatic", header = "automatic";
    if (!reader.read("kind", kind)) reader.fail("kind", "\"classification\" or \"regression\"");
    spec.kind = value_in(kinds, kind, "\"sharcs_task.kind\"");
    if (const auto text = read_column(reader, "text")) spec.text = *text;
    spec.pair = read_column(reader, "pair");
    if (const auto label = read_column(reader, "label")) spec.label = *label;
    spec.id = read_column(reader, "id");
    spec.difficulty = read_column(reader, "difficulty");
    if (reader.read("format", format)) spec.format = table_format_named(format);
    if (reader.read("quoting", quoting)) spec.quoting = quoting_named(quoting);
    if (reader.read("header", header)) spec.header = header_named(header);
    for (const nlohmann::json& metric : reader.raw("metrics"))
      spec.metrics.push_back(metric_named(metric.is_string() ? metric.get<std::string>() : metric.dump()));
    if (spec.kind == TaskKind::classification) spec.labels = config.labels;
    return custom(spec);
  } catch (const ConfigError& error) {
    const std::string message = error.what();
    throw ConfigError(message.starts_with(name + ": ") ? message : name + ": " + message);
  }
}

}  // namespace sharcs
