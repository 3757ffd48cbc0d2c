#include "sharcs/task.hpp"

#include <algorithm>
#include <set>

#include "core/ascii.hpp"
#include "core/quote.hpp"
#include "data/column_layout.hpp"
#include "data/plain_texts.hpp"
#include "data/question_texts.hpp"
#include "data/sample_reader.hpp"
#include "data/tagged_texts.hpp"
#include "data/task_definition.hpp"
#include "data/tokenized_dataset.hpp"
#include "model/predicted_label.hpp"
#include "model/task_names.hpp"
#include "sharcs/error.hpp"
#include "sharcs/model_config.hpp"

namespace sharcs {
using namespace internal;
namespace {

constexpr const char* masked_lm_name = "masked-lm";

/// What is found in a folder, for a message.
std::string content_of(const std::filesystem::path& folder) {
  constexpr std::size_t most = 20;
  std::error_code error;
  std::set<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error))
    names.insert(entry.path().filename().string());
  if (names.empty()) return "nothing";
  std::vector<std::string> shown(names.begin(), names.end());
  const bool cut = shown.size() > most;
  if (cut) shown.resize(most);
  return listed(shown) + (cut ? ", …" : "");
}

TaskKind kind_of(const TaskSpec& spec) {
  const TaskDefinition* glue = spec.benchmark == Benchmark::glue ? find_glue_task(spec.name) : nullptr;
  return glue != nullptr ? glue->kind : spec.kind;
}

std::optional<Column> column_of(const ColumnRole& role) {
  if (role.position) return Column::at(*role.position + 1);
  if (role.names.empty()) return std::nullopt;
  return role.names.front();
}

/// The spec that the definition can be made from again, but for the labels.
TaskSpec spec_of(const TaskDefinition& task) {
  if (task.of_glue) return {.benchmark = Benchmark::glue, .name = task.name};
  return {.name = task.name,
          .kind = task.kind,
          .text = *column_of(task.text),
          .pair = column_of(task.pair),
          .label = *column_of(task.label),
          .id = column_of(task.id),
          .difficulty = column_of(task.difficulty),
          .format = task.format,
          .quoting = task.quoting,
          .header = task.header,
          .delimiter = task.delimiter,
          .label_separator = task.label_separator,
          .label_threshold = task.label_threshold,
          .metrics = task.metrics,
          .no_answer_above = task.no_answer_above};
}

}  // namespace

bool internal::names_masked_lm(std::string_view name) {
  std::string letters;
  for (const char c : name)
    if (c != '-' && c != '_' && c != ' ') letters += c;
  return equal_ignoring_case(letters, "maskedlm");
}

TaskDefinition internal::as_asked(TaskDefinition task, const ReadOptions& options) {
  if (options.format) task.format = *options.format;
  if (options.format == TableFormat::fasttext) {  // has columns of its own, whatever those of the training were
    task.text = {.names = {"text"}};
    task.label = {.names = {"label"}};
  }
  if (options.quoting) task.quoting = *options.quoting;
  if (options.header) task.header = *options.header;
  if (options.delimiter) task.delimiter = *options.delimiter;
  task.label_map = options.label_map;
  task.needs_labels = options.needs_labels;
  return task;
}

Task Task::named(std::string_view name) {
  if (const TaskDefinition* task = find_glue_task(name)) return TaskDefinition::task(*task);
  if (names_masked_lm(name))
    return TaskDefinition::task(own_task({.name = masked_lm_name, .kind = TaskKind::masked_lm}, {}));
  throw ConfigError("unknown task " + quote(name) + "; expected one of " + listed(names()));
}

std::vector<std::string> Task::names() {
  std::vector<std::string> names = glue_task_names();
  names.emplace_back(masked_lm_name);
  return names;
}

Task Task::custom(const TaskSpec& spec) {
  if (spec.benchmark == Benchmark::glue) {
    const Task task = named(spec.name);
    return spec.labels.empty() ? task : task.with_label_order(spec.labels);
  }
  const bool finds_labels = spec.kind != TaskKind::regression && spec.kind != TaskKind::question_answering &&
                            spec.kind != TaskKind::masked_lm;
  if (finds_labels && spec.labels.empty())
    throw ConfigError("task " + quote(spec.name) + " is a classification without labels; expected at least two");
  return TaskDefinition::task(own_task(spec, spec.labels));
}

std::optional<Task> Task::of(const ModelConfig& config, const std::string& name) {
  if (!config.task) return std::nullopt;
  TaskSpec spec = *config.task;
  const TaskKind kind = kind_of(spec);
  if (kind != TaskKind::regression || config.multi_output) spec.labels = config.labels;
  spec.label_threshold = config.label_threshold;
  if ((kind == TaskKind::multi_label) != config.multi_label)
    throw ConfigError(name + ": \"sharcs_task\" is a " + to_string(kind) + ", \"problem_type\" is " +
                      (config.multi_label ? "multi_label_classification" : "another one"));
  if (!fits(kind, config))
    throw ConfigError(name + ": \"sharcs_task\" is a " + to_string(kind) + ", \"architectures\" has a model for " +
                      what_is_labelled(config));
  if (config.multi_output && kind != TaskKind::regression)
    throw ConfigError(name + ": \"sharcs_task\" is a " + to_string(kind) + ", \"problem_type\" is regression");
  try {
    return custom(spec);
  } catch (const ConfigError& error) {
    throw ConfigError(name + ": " + error.what());
  }
}

void Task::store_in(ModelConfig& config) const {
  config.task = spec_of(*definition_);
  config.fills_masks = kind() == TaskKind::masked_lm;
  config.labels = definition_->labels.empty() && !config.fills_masks ? std::vector<std::string>{"score"} : labels();
  config.multi_label = kind() == TaskKind::multi_label;
  config.multi_output = kind() == TaskKind::regression && !definition_->labels.empty();
  config.finds_answers = kind() == TaskKind::question_answering;
  config.per_token = kind() == TaskKind::token_classification || config.finds_answers || config.fills_masks;
  config.label_threshold = definition_->label_threshold;
}

const std::string& Task::name() const { return definition_->name; }
TaskKind Task::kind() const { return definition_->kind; }
bool Task::is_pair() const { return definition_->is_pair; }
const std::string& Task::label_word(int label) const {
  return definition_->labels.at(static_cast<std::size_t>(label)).word;
}
std::size_t Task::outputs() const { return definition_->outputs(); }
const std::vector<Metric>& Task::metrics() const { return definition_->metrics; }
std::optional<TargetRange> Task::target_range() const { return definition_->target_range; }
const std::string& Task::submission_file() const { return definition_->submission_file; }

std::vector<std::string> Task::labels() const {
  std::vector<std::string> names;
  for (const ClassLabel& label : definition_->labels) names.push_back(label.name);
  return names;
}

Task Task::with_label_order(const std::vector<std::string>& labels) const {
  TaskDefinition reordered = *definition_;
  reordered.labels.clear();
  std::set<int> used;
  std::vector<std::string> given;
  for (const std::string& name : labels) {
    given.push_back(quote(name));
    const std::optional<int> label = definition_->find_label(name);
    if (label && used.insert(*label).second)
      reordered.labels.push_back(definition_->labels[static_cast<std::size_t>(*label)]);
  }
  if (reordered.labels.size() != labels.size() || labels.size() != definition_->labels.size())
    throw ConfigError("the labels " + listed(given) + " are not those of task " + quote(name()) + "; expected " +
                      definition_->known_labels() + " in any order");
  return TaskDefinition::task(std::move(reordered));
}

std::filesystem::path Task::file(const std::filesystem::path& folder, Split split) const {
  const std::vector<std::string>& candidates = definition_->files[static_cast<std::size_t>(split)];
  if (candidates.empty() && definition_->of_glue)
    throw ConfigError("task " + quote(name()) + " is for testing only; it has no " + to_string(split) + " set");
  if (candidates.empty()) throw ConfigError("task " + quote(name()) + " has no folder layout; give the files");
  std::error_code error;
  for (const std::string& candidate : candidates)
    if (std::filesystem::exists(folder / candidate, error)) return folder / candidate;
  const std::string wanted = listed(candidates, " or ");
  if (!std::filesystem::is_directory(folder, error))
    throw IoError(folder.string() + ": is not a folder; expected one with " + wanted);
  throw IoError(folder.string() + ": no " + wanted + "; found " + content_of(folder));
}

Dataset Task::read(const std::filesystem::path& folder, Split split, const ReadOptions& options) const {
  return read_file(file(folder, split), split, options);
}

Dataset Task::read_file(const std::filesystem::path& file, Split split, const ReadOptions& options) const {
  const TaskDefinition definition = as_asked(*definition_, options);
  if (kind() == TaskKind::token_classification) return TaggedTexts(definition, file, split, options).read();
  if (kind() == TaskKind::question_answering) return QuestionTexts(definition, file, split, options).read();
  if (kind() == TaskKind::masked_lm) return PlainTexts(definition, file, options).read();
  const Table table = open_table(definition, file, options);
  return SampleReader(table, definition, split, options.on_error).read();
}

TrainingData read_training_data(const TaskSpec& spec, const DataFiles& files) {
  if (spec.benchmark != Benchmark::none)
    throw ConfigError("the files of task " + quote(spec.name) + " are read by Task::read()");
  TaskDefinition definition = as_asked(own_task(spec, spec.labels), files.read);
  Dataset train;
  if (spec.kind == TaskKind::token_classification) {
    if (spec.labels.empty())
      definition = as_asked(own_task(spec, TaggedTexts(definition, files.train, Split::train, files.read).find_tags()),
                            files.read);
    train = TaggedTexts(definition, files.train, Split::train, files.read).read();
  } else if (spec.kind == TaskKind::masked_lm) {
    train = PlainTexts(definition, files.train, files.read).read();
  } else if (spec.kind == TaskKind::question_answering) {
    train = QuestionTexts(definition, files.train, Split::train, files.read).read();
    const bool some_have_none = std::ranges::any_of(
        train.samples, [](const Sample& sample) { return sample.answers && sample.answers->empty(); });
    if (some_have_none && !spec.no_answer_above) definition.no_answer_above = 0;
  } else {
    const OnError on_error = files.read.on_error;
    const Table table = open_table(definition, files.train, files.read);
    if (spec.labels.empty())
      definition =
          as_asked(own_task(spec, SampleReader(table, definition, Split::train, on_error).find_labels()), files.read);
    train = SampleReader(table, definition, Split::train, on_error).read();
  }
  const Task task = TaskDefinition::task(std::move(definition));
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
    if (!is_labelled(sample))
      throw DataError(train.file + ":" + std::to_string(sample.line) +
                      ": has no label; training needs one on every line");
  const Sample& first = train.samples.front();
  if (task.kind() == TaskKind::question_answering || task.kind() == TaskKind::masked_lm) return;
  const bool all_same = std::all_of(train.samples.begin(), train.samples.end(), [&](const Sample& sample) {
    return sample.label == first.label && sample.targets == first.targets &&
           std::ranges::all_of(sample.tags, [&](int tag) { return tag == first.tags.front(); });
  });
  if (!all_same) return;
  if (task.kind() == TaskKind::token_classification)
    throw DataError(train.file + ": all words have the tag " + quote(task.label_word(first.tags.front())) +
                    "; training needs at least two tags");
  const std::string all = train.file + ": all " + std::to_string(train.size()) + " samples have the ";
  if (task.kind() == TaskKind::regression) throw DataError(all + "same target; training needs different ones");
  if (task.kind() == TaskKind::multi_label)
    throw DataError(all + "same labels; training needs samples with different ones");
  throw DataError(all + "label " + quote(task.label_word(*first.label)) + "; training needs at least two classes");
}

}  // namespace sharcs
