#include "sharcs/task.hpp"

#include <algorithm>
#include <charconv>
#include <map>
#include <set>

#include "core/quote.hpp"
#include "data/column_layout.hpp"
#include "data/table.hpp"
#include "data/task_definition.hpp"
#include "sharcs/error.hpp"

namespace sharcs {
using namespace internal;
namespace {

constexpr std::size_t listed_labels = 20;

Table open_table(const Task::Definition& task, const std::filesystem::path& file, const ReadOptions& options) {
  TableFormat format = task.format;
  if (format == TableFormat::by_extension) {
    static const std::map<std::string, TableFormat> of_extension = {
        {".tsv", TableFormat::tsv},          {".txt", TableFormat::tsv},           {".csv", TableFormat::csv},
        {".jsonl", TableFormat::json_lines}, {".ndjson", TableFormat::json_lines}, {".json", TableFormat::json_lines}};
    std::string extension = file.extension().string();
    for (char& c : extension)
      if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    const auto found = of_extension.find(extension);
    if (found != of_extension.end())
      format = found->second;
    else if (task.of_glue)
      format = TableFormat::tsv;
    else
      throw ConfigError(
          file.string() + ": the extension " + quote(extension) +
          " does not tell the format; expected .tsv, .txt, .csv, .jsonl, .ndjson or .json, or a format that is given");
  }
  Quoting quoting = task.quoting;
  if (quoting == Quoting::automatic) quoting = format == TableFormat::csv ? Quoting::rfc4180 : Quoting::none;
  return {file, format, quoting, options.invalid_text};
}

std::string known_labels(const Task::Definition& task) {
  std::string list;
  for (std::size_t i = 0; i < std::min(task.labels.size(), listed_labels); ++i) {
    const ClassLabel& label = task.labels[i];
    list += (i == 0 ? "" : ", ") + quote(label.word) + (label.name == label.word ? "" : " (" + label.name + ")");
  }
  return list + (task.labels.size() > listed_labels ? ", …" : "");
}

/// Turns the rows of a table into samples.
class SampleReader {
 public:
  SampleReader(const Table& table, const Task::Definition& task, Split split)
      : table_(table), task_(task), split_(split), layout_(find_layout(table, task, split)) {}

  Dataset read() {
    if (layout_.first_row >= table_.rows())
      throw DataError(table_.file() + ": has a header but no data; expected at least one line after it");
    Dataset dataset;
    dataset.file = table_.file();
    dataset.samples.reserve(table_.rows() - layout_.first_row);
    for (std::size_t row = layout_.first_row; row < table_.rows(); ++row) {
      if (layout_.columns != 0 && table_.columns(row) != layout_.columns) {
        const std::string problem = "expected " + layout_.expected() + ", found " + std::to_string(table_.columns(row));
        if (!task_.leave_out_broken_rows) table_.fail(table_.line(row), problem);
        broken_.add(table_.line(row), problem);
        continue;
      }
      if (layout_.label && !task_.unlabelled_mark.empty() &&
          trimmed(table_.cell(row, *layout_.label)) == task_.unlabelled_mark) {
        unlabelled_.add(table_.line(row), {});
        continue;
      }
      dataset.samples.push_back(sample(row));
    }
    // More than a stray line is not what QQP is known for: the file is something else.
    if (broken_.count > 10 + table_.rows() / 100 || dataset.empty())
      if (broken_.count > 0) table_.fail(broken_.first_line, broken_.problem);
    if (dataset.empty()) throw DataError(table_.file() + ": every line has the label " + quote(task_.unlabelled_mark));
    dataset.notes = table_.notes();
    if (broken_.count > 0)
      dataset.notes.push_back(broken_.note(table_.file(), "with a wrong number of columns (" + broken_.problem + ")"));
    if (unlabelled_.count > 0)
      dataset.notes.push_back(
          unlabelled_.note(table_.file(), "with " + quote(task_.unlabelled_mark) + " in place of a label"));
    return dataset;
  }

  /// The labels that occur, in the order that a model shall have.
  std::vector<std::string> find_labels() const {
    std::set<std::string_view> found;
    for (std::size_t row = layout_.first_row; row < table_.rows(); ++row)
      if (layout_.columns == 0 || table_.columns(row) == layout_.columns)
        found.insert(cell(row, *layout_.label, "label"));
    found.erase(std::string_view());
    const std::size_t rows = table_.rows() - layout_.first_row;
    if (rows > 50 && found.size() > rows / 2)
      throw DataError(table_.file() + ": " + std::to_string(found.size()) + " different labels in " +
                      std::to_string(rows) + " lines; expected classes (for numbers, choose regression)");
    std::vector<std::string> labels(found.begin(), found.end());
    const auto integer = [](const std::string& label) -> std::optional<long long> {
      long long value = 0;
      const auto [end, error] = std::from_chars(label.data(), label.data() + label.size(), value);
      if (error != std::errc() || end != label.data() + label.size()) return std::nullopt;
      return value;
    };
    if (std::all_of(labels.begin(), labels.end(), integer))
      std::stable_sort(labels.begin(), labels.end(),
                       [&](const std::string& a, const std::string& b) { return *integer(a) < *integer(b); });
    return labels;
  }

 private:
  struct LeftOut {
    std::size_t count = 0;
    std::size_t first_line = 0;
    std::string problem = {};

    void add(std::size_t line, std::string what) {
      if (count++ > 0) return;
      first_line = line;
      problem = std::move(what);
    }
    std::string note(const std::string& file, const std::string& why) const {
      return file + ": left out " + std::to_string(count) + (count == 1 ? " line " : " lines ") + why +
             ", the first on line " + std::to_string(first_line);
    }
  };

  std::string column_name(std::size_t column) const {
    return table_.is_json() ? table_.keys()[column] : layout_.column_names[column];
  }

  std::string_view cell(std::size_t row, std::size_t column, const char* role) const {
    if (table_.is_nested(row, column))
      table_.fail(table_.line(row), "the " + std::string(role) + " " + quote(column_name(column)) +
                                        " is a list or an object; expected text");
    return trimmed(table_.cell(row, column));
  }

  std::string text(std::size_t row, std::size_t column) const {
    if (cell(row, column, "text").empty() && !task_.keep_empty_text)
      table_.fail(table_.line(row),
                  (table_.is_json() ? "no text under " : "no text in column ") + quote(column_name(column)));
    return std::string(table_.cell(row, column));
  }

  Sample sample(std::size_t row) const {
    Sample sample;
    sample.line = table_.line(row);
    sample.text = text(row, layout_.text);
    if (layout_.pair) sample.pair = text(row, *layout_.pair);
    if (layout_.label) read_label(row, sample);
    if (layout_.id) sample.id = cell(row, *layout_.id, "id");
    if (layout_.difficulty) {
      const std::string_view level = cell(row, *layout_.difficulty, "difficulty");
      int value = 0;
      const auto [end, error] = std::from_chars(level.data(), level.data() + level.size(), value);
      if (error != std::errc() || end != level.data() + level.size())
        table_.fail(sample.line, "the difficulty is " + quote(level) + "; expected an integer");
      sample.difficulty = value;
    }
    return sample;
  }

  void read_label(std::size_t row, Sample& sample) const {
    const std::string_view label = cell(row, *layout_.label, "label");
    // Test sets are also distributed with the column but without the labels, then empty or −1.
    if (split_ == Split::test && (label.empty() || (label == "-1" && !task_.find_label(label)))) {
      if (task_.kind == TaskKind::classification || label.empty() || task_.target_range) return;
    }
    if (label.empty()) table_.fail(sample.line, "no label in column " + quote(column_name(*layout_.label)));
    if (task_.kind == TaskKind::classification) {
      sample.label = task_.find_label(label);
      if (!sample.label)
        table_.fail(sample.line, "unknown label " + quote(label) + "; expected one of " + known_labels(task_));
      return;
    }
    sample.target = parse_number(label);
    if (!sample.target) table_.fail(sample.line, "the target is " + quote(label) + "; expected a finite number");
    const auto& range = task_.target_range;
    if (range && (*sample.target < range->low || *sample.target > range->high))
      table_.fail(sample.line, "the target is " + std::string(label) + "; expected " +
                                   std::to_string(static_cast<int>(range->low)) + " to " +
                                   std::to_string(static_cast<int>(range->high)));
  }

  const Table& table_;
  const Task::Definition& task_;
  Split split_;
  ColumnLayout layout_;
  LeftOut broken_, unlabelled_;
};

ColumnRole role_of(const std::optional<Column>& column) {
  if (!column) return {};
  if (column->name()) return {.names = {*column->name()}};
  return {.position = column->index()};
}

std::vector<ClassLabel> class_labels(const std::vector<std::string>& names) {
  std::vector<ClassLabel> labels;
  for (const std::string& name : names) labels.push_back({name, name});
  return labels;
}

// Those of the spec, or what suits the kind and number of labels.
std::vector<Metric> metrics_for(const TaskSpec& spec, std::size_t labels) {
  if (!spec.metrics.empty()) return spec.metrics;
  if (spec.kind == TaskKind::regression) return {Metric::pearson, Metric::spearman};
  if (labels == 2) return {Metric::accuracy, Metric::f1, Metric::matthews};
  return {Metric::accuracy, Metric::macro_f1};
}

// The task of a spec whose labels may still be unknown.
Task::Definition own_definition(const TaskSpec& spec) {
  if (spec.kind == TaskKind::regression && !spec.labels.empty())
    throw ConfigError("task " + quote(spec.name) + " is a regression but has " + std::to_string(spec.labels.size()) +
                      " labels");
  const std::set<std::string> distinct(spec.labels.begin(), spec.labels.end());
  if (distinct.size() != spec.labels.size()) throw ConfigError("task " + quote(spec.name) + " has a label twice");
  if (spec.labels.size() == 1)
    throw ConfigError("task " + quote(spec.name) + " has one label, " + quote(spec.labels.front()) +
                      "; expected at least two");
  Task::Definition task = {.name = spec.name, .kind = spec.kind};
  task.labels = class_labels(spec.labels);
  task.metrics = metrics_for(spec, spec.labels.size());
  for (const Metric metric : task.metrics)
    if ((metric == Metric::pearson || metric == Metric::spearman) != (spec.kind == TaskKind::regression))
      throw ConfigError("task " + quote(spec.name) + " is a " + to_string(spec.kind) + "; " + to_string(metric) +
                        " is not a metric of it");
  task.is_pair = spec.pair.has_value();
  task.text = role_of(spec.text);
  task.pair = role_of(spec.pair);
  task.label = role_of(spec.label);
  task.id = role_of(spec.id);
  task.difficulty = role_of(spec.difficulty);
  task.format = spec.format;
  task.quoting = spec.quoting;
  task.header = spec.header;
  for (const ColumnRole* role : {&task.text, &task.pair, &task.label, &task.id, &task.difficulty}) {
    if (role->position && spec.format == TableFormat::json_lines)
      throw ConfigError("task " + quote(spec.name) + ": JSON Lines have no positions; give columns by name");
    if (!role->names.empty() && spec.header == Header::no)
      throw ConfigError("task " + quote(spec.name) + ": column " + quote(role->names.front()) +
                        " is given by name, but there is no header");
  }
  return task;
}

}  // namespace

bool equal_ignoring_case(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [&](char x, char y) { return lower(x) == lower(y); });
}

std::optional<int> Task::Definition::find_label(std::string_view cell) const {
  cell = trimmed(cell);
  const auto same = [&](const std::string& spelling) {
    return of_glue ? equal_ignoring_case(spelling, cell) : spelling == cell;
  };
  for (std::size_t i = 0; i < labels.size(); ++i)
    if (same(labels[i].word) || same(labels[i].name)) return static_cast<int>(i);
  return std::nullopt;
}

std::string to_string(TaskKind kind) { return kind == TaskKind::classification ? "classification" : "regression"; }

Column Column::at(std::size_t position) {
  if (position == 0) throw ConfigError("column 0: columns are counted from 1");
  return Column(position - 1);
}

Column Column::parse(const std::string& text) {
  std::size_t position = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), position);
  if (error == std::errc() && end == text.data() + text.size()) return at(position);
  return text;
}

Task Task::named(std::string_view name) {
  if (const Definition* task = find_glue_task(name)) return Task(std::make_shared<const Definition>(*task));
  std::string known;
  for (const std::string& each : names()) known += (known.empty() ? "" : ", ") + each;
  throw ConfigError("unknown task " + quote(name) + "; expected one of " + known);
}

std::vector<std::string> Task::names() { return glue_task_names(); }

Task Task::custom(const TaskSpec& spec) {
  if (spec.kind == TaskKind::classification && spec.labels.empty())
    throw ConfigError("task " + quote(spec.name) + " is a classification without labels; expected at least two");
  return Task(std::make_shared<const Definition>(own_definition(spec)));
}

const std::string& Task::name() const { return definition_->name; }
TaskKind Task::kind() const { return definition_->kind; }
bool Task::is_pair() const { return definition_->is_pair; }
const std::string& Task::label_word(int label) const {
  return definition_->labels.at(static_cast<std::size_t>(label)).word;
}
std::size_t Task::outputs() const { return kind() == TaskKind::regression ? 1 : definition_->labels.size(); }
const std::vector<Metric>& Task::metrics() const { return definition_->metrics; }
std::optional<TargetRange> Task::target_range() const { return definition_->target_range; }
const std::string& Task::submission_file() const { return definition_->submission_file; }

std::vector<std::string> Task::labels() const {
  std::vector<std::string> names;
  for (const ClassLabel& label : definition_->labels) names.push_back(label.name);
  return names;
}

Task Task::with_label_order(const std::vector<std::string>& labels) const {
  Definition reordered = *definition_;
  reordered.labels.clear();
  std::set<int> used;
  std::string given;
  for (const std::string& name : labels) {
    given += (given.empty() ? "" : ", ") + quote(name);
    const std::optional<int> label = definition_->find_label(name);
    if (label && used.insert(*label).second)
      reordered.labels.push_back(definition_->labels[static_cast<std::size_t>(*label)]);
  }
  if (reordered.labels.size() != labels.size() || labels.size() != definition_->labels.size())
    throw ConfigError("the labels " + given + " are not those of task " + quote(name()) + "; expected " +
                      known_labels(*definition_) + " in any order");
  return Task(std::make_shared<const Definition>(std::move(reordered)));
}

std::filesystem::path Task::file(const std::filesystem::path& folder, Split split) const {
  const std::vector<std::string>& candidates = definition_->files[static_cast<std::size_t>(split)];
  if (candidates.empty()) throw ConfigError("task " + quote(name()) + " has no folder layout; give the files");
  std::error_code error;
  std::string wanted;
  for (const std::string& candidate : candidates) {
    if (std::filesystem::exists(folder / candidate, error)) return folder / candidate;
    wanted += (wanted.empty() ? "" : " or ") + candidate;
  }
  if (!std::filesystem::is_directory(folder, error))
    throw IoError(folder.string() + ": is not a folder; expected one with " + wanted);
  std::set<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error))
    names.insert(entry.path().filename().string());
  std::string found;
  std::size_t shown = 0;
  for (const std::string& entry : names)
    if (++shown <= listed_labels) found += (found.empty() ? "" : ", ") + entry;
  throw IoError(folder.string() + ": no " + wanted + "; found " + (found.empty() ? "nothing" : found) +
                (shown > listed_labels ? ", …" : ""));
}

Dataset Task::read(const std::filesystem::path& folder, Split split, const ReadOptions& options) const {
  return read_file(file(folder, split), split, options);
}

Dataset Task::read_file(const std::filesystem::path& file, Split split, const ReadOptions& options) const {
  const Table table = open_table(*definition_, file, options);
  return SampleReader(table, *definition_, split).read();
}

TrainingData read_training_data(const TaskSpec& spec, const DataFiles& files) {
  Task::Definition definition = own_definition(spec);
  Dataset train;
  {
    const Table table = open_table(definition, files.train, files.read);
    if (definition.kind == TaskKind::classification && definition.labels.empty()) {
      definition.labels = class_labels(SampleReader(table, definition, Split::train).find_labels());
      definition.metrics = metrics_for(spec, definition.labels.size());
    }
    train = SampleReader(table, definition, Split::train).read();
  }
  const Task task(std::make_shared<const Task::Definition>(std::move(definition)));
  require_trainable(task, train);
  if (!files.dev.empty()) return {task, std::move(train), task.read_file(files.dev, Split::dev, files.read)};
  TrainAndDev parts = split_stratified(train, files.split);
  require_trainable(task, parts.train);
  return {task, std::move(parts.train), std::move(parts.dev)};
}

void require_trainable(const Task& task, const Dataset& train) {
  if (train.size() < 2)
    throw DataError(train.file + ": " + std::to_string(train.size()) + (train.size() == 1 ? " sample" : " samples") +
                    "; training needs at least 2");
  for (const Sample& sample : train.samples)
    if (task.kind() == TaskKind::classification ? !sample.label.has_value() : !sample.target.has_value())
      throw DataError(train.file + ":" + std::to_string(sample.line) +
                      ": has no label; training needs one on every line");
  const Sample& first = train.samples.front();
  const bool all_same = std::all_of(train.samples.begin(), train.samples.end(), [&](const Sample& sample) {
    return sample.label == first.label && sample.target == first.target;
  });
  if (!all_same) return;
  if (task.kind() == TaskKind::regression)
    throw DataError(train.file + ": all " + std::to_string(train.size()) +
                    " samples have the same target; training needs different ones");
  throw DataError(train.file + ": all " + std::to_string(train.size()) + " samples have the label " +
                  quote(task.label_word(*first.label)) + "; training needs at least two classes");
}

}  // namespace sharcs
