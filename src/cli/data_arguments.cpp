#include "cli/data_arguments.hpp"

#include "cli/command.hpp"
#include "core/quote.hpp"
#include "data/found_columns.hpp"
#include "data/question_texts.hpp"
#include "data/tagged_texts.hpp"
#include "data/task_definition.hpp"
#include "io/file.hpp"
#include "io/table.hpp"
#include "model/predicted_label.hpp"
#include "model/task_names.hpp"
#include "sharcs/error.hpp"

namespace sharcs::internal {
namespace {

std::optional<Column> column_or_none(const std::string& text) {
  return text.empty() ? std::nullopt : std::optional(Column::parse(text));
}

/// Names that say nothing but the number of the class: any order of labels is meant.
bool are_placeholders(const std::vector<std::string>& labels) {
  for (std::size_t i = 0; i < labels.size(); ++i)
    if (labels[i] != std::to_string(i) && labels[i] != "LABEL_" + std::to_string(i)) return false;
  return true;
}

/// A note of the lines that were left out.
void note_bad_lines(Dataset& dataset) {
  const std::size_t count = dataset.bad_lines.size();
  if (count == 0) return;
  dataset.notes.push_back(dataset.file + ": left out " + std::to_string(count) + (count == 1 ? " line" : " lines") +
                          " that cannot be read, the first: " + dataset.bad_lines.front().problem);
}

/// "negative=0,positive=1", or a file with a line "negative<TAB>0" for each.
std::map<std::string, std::string> read_label_map(const std::string& text) {
  std::map<std::string, std::string> map;
  const auto add = [&](std::string_view entry, char between, const std::string& place) {
    const std::size_t at = entry.find(between);
    const std::string_view from = trimmed(entry.substr(0, at));
    const std::string_view to = at == std::string_view::npos ? std::string_view() : trimmed(entry.substr(at + 1));
    const std::string form = between == '=' ? "A=B,C=D, or the name of a file" : "two labels with a TAB between them";
    if (from.empty() || to.empty()) throw ConfigError(place + ": found " + quote(entry) + "; expected " + form);
    if (!map.emplace(from, to).second) throw ConfigError(place + ": " + quote(from) + " stands there twice");
  };
  std::error_code error;
  if (std::filesystem::is_regular_file(text, error)) {
    const std::string content = read_text_file(text);
    std::size_t line = 0;
    for (std::string_view row : labels_in_cell(content, '\n')) {
      ++line;
      if (!row.empty()) add(row, '\t', text + ":" + std::to_string(line));
    }
    if (map.empty()) throw ConfigError(text + ": is empty; expected two labels a line, with a TAB between them");
  } else {
    for (const std::string_view entry : labels_in_cell(text, ',')) add(entry, '=', "--label-map");
  }
  return map;
}

std::filesystem::path dev_file(const Task& task, const std::string& folder) {
  try {
    return task.file(folder, Split::dev);
  } catch (const IoError& error) {
    throw IoError(std::string(error.what()) + "; --dev-share 0.1 takes a tenth of the training samples for it");
  }
}

}  // namespace

void TaskArguments::add_to(CLI::App& command, const std::vector<std::string>& on_error_choices) {
  const auto listed = [](const std::vector<std::string>& names) {
    std::string list;
    for (const std::string& name : names) list += (list.empty() ? "" : ", ") + name;
    return list;
  };
  const auto add = [&](const char* option, auto& value, const std::string& help) {
    return command.add_option(option, value, help)->group("Data");
  };
  const std::string place =
      " (name, or position from 1; name:3 is the one called 3; review.text stands within JSON's review)";
  std::vector<std::string> of_glue = Task::names();
  of_glue.pop_back();
  add("--task", task,
      "Task of GLUE: " + listed(of_glue) +
          "; or masked-lm: masked tokens are told, of plain text with a text a line and a blank line behind a "
          "document");
  add("--text-column", text_column, "Own data: column of the sentence" + place)->default_str("text");
  add("--pair-column", pair_column, "Own data: column of the second sentence; none: single sentences");
  add("--label-column", label_column, "Own data: column of the class or target" + place)->default_str("label");
  add("--id-column", id_column, "Own data: column of the sample's own index");
  add("--difficulty-column", difficulty_column, "Own data: column that says how hard a sample is, as an integer");
  command
      .add_flag("--regression", regression,
                "Own data: the label is a number, not a class; or several with names in --labels, as in \"3.5,2\"")
      ->group("Data");
  command
      .add_flag("--multi-label", multi_label,
                "Own data: a text has any number of labels, as in \"news,sport\"; in JSON a list")
      ->group("Data");
  command
      .add_flag(
          "--tags", tags,
          "Own data: each word of a text has a label, as in files with a word and its tag on each line (CoNLL), or "
          "with \"tokens\" and \"ner_tags\" in JSON; follows from the name of a .conll, .bio or .iob file")
      ->group("Data");
  command
      .add_flag("--questions", questions,
                "Own data: questions that a part of their context answers, as SQuAD's JSON, or JSON Lines with "
                "\"question\", \"context\" and \"answers\"; follows from what stands in the file")
      ->group("Data");
  add("--no-answer-above", no_answer_above,
      "With questions: \"no answer\" where its score is this much above that of the best answer; none: every question "
      "has "
      "one, as in SQuAD 1.1")
      ->default_str("0 where training has questions without an answer, or that of the model");
  add("--label-separator", label_separator,
      "With several labels or numbers a text: what stands between them, one character")
      ->default_str(",");
  add("--label-threshold", label_threshold,
      "With several labels a text: a label is given where its probability is above this")
      ->check(CLI::Range(0.0, 1.0))
      ->default_str("0.5, or that of the model");
  add("--label-map", label_map,
      "What the data call a label, and what the task calls it: negative=0,positive=1, or a file with a line "
      "negative<TAB>0 for each");
  add("--metrics", metrics, "Own data: " + listed(Metric::names()) + "; none: by kind")->delimiter(',');
  add("--format", format,
      "What the file is, whatever its name: fasttext has lines like \"__label__good a gem\", conll a word and its tag")
      ->check(CLI::IsMember(names_of<TableFormat>()))
      ->default_str("by_extension");
  add("--delimiter", delimiter, "What stands between the cells of a row: one character, or tab")
      ->default_str("a comma for csv, else a tab");
  add("--quoting", quoting, "What a quotation mark means; automatic: rfc4180 for csv, none for tsv")
      ->check(CLI::IsMember(names_of<Quoting>()))
      ->default_str("automatic");
  add("--header", header, "Whether the first row has the names of the columns")
      ->check(CLI::IsMember(names_of<Header>()))
      ->default_str("automatic");
  on_error = on_error_choices.back() == "empty" ? "empty" : "stop";
  add("--on-error", on_error,
      on_error == "stop"
          ? "A line that cannot be read: stop there, or skip it and name it"
          : "A line that cannot be read: stop there, skip it, or write an empty answer in its place; after "
            "the last two the exit code is 3")
      ->check(CLI::IsMember(on_error_choices))
      ->capture_default_str();
  add("--invalid-text", invalid_text, "Bytes that are not UTF-8: refuse the file, or replace them by U+FFFD")
      ->check(CLI::IsMember(names_of<InvalidText>()))
      ->capture_default_str();
}

bool TaskArguments::describes_own_data() const {
  return regression || multi_label || tags || questions || no_answer_above || !label_separator.empty() ||
         !(text_column + pair_column + label_column + id_column + difficulty_column).empty();
}

bool TaskArguments::describes_table() const {
  return describes_own_data() || !(format + quoting + header + delimiter).empty();
}

bool TaskArguments::reads_plain_text() const { return names_masked_lm(task); }

TaskSpec TaskArguments::spec() const { return over({}); }

bool TaskArguments::has_questions(const std::filesystem::path& file) const {
  if (questions) return true;
  return !describes_table() && holds_questions(file);
}

bool TaskArguments::has_tags(const std::filesystem::path& file) const {
  return tags || format == "conll" || (format.empty() && is_conll_name(file));
}

TaskSpec TaskArguments::over(TaskSpec spec) const {
  if (regression + multi_label + tags + questions > 1)
    usage_error("--regression, --multi-label, --tags and --questions exclude each other");
  if (regression) spec.kind = TaskKind::regression;
  if (multi_label) spec.kind = TaskKind::multi_label;
  if (tags || format == "conll") spec.kind = TaskKind::token_classification;
  if (questions) spec.kind = TaskKind::question_answering;
  if (no_answer_above) spec.no_answer_above = no_answer_above;
  if (label_separator == "tab" || label_separator == "\\t")
    spec.label_separator = '\t';
  else if (label_separator.size() == 1)
    spec.label_separator = label_separator.front();
  else if (!label_separator.empty())
    usage_error("--label-separator " + label_separator + ": expected one character, or tab");
  if (label_threshold) spec.label_threshold = *label_threshold;
  if (!text_column.empty()) spec.text = Column::parse(text_column);
  if (!pair_column.empty()) spec.pair = column_or_none(pair_column);
  if (!label_column.empty()) spec.label = Column::parse(label_column);
  if (!id_column.empty()) spec.id = column_or_none(id_column);
  if (!difficulty_column.empty()) spec.difficulty = column_or_none(difficulty_column);
  const ReadOptions options = read_options();
  if (options.format) spec.format = *options.format;
  if (options.quoting) spec.quoting = *options.quoting;
  if (options.header) spec.header = *options.header;
  if (options.delimiter) spec.delimiter = *options.delimiter;
  if (!metrics.empty()) spec.metrics.clear();
  for (const std::string& name : metrics) spec.metrics.emplace_back(name);
  return spec;
}

ReadOptions TaskArguments::read_options() const {
  ReadOptions options = {.invalid_text = named<InvalidText>(invalid_text),
                         .on_error = on_error == "stop" ? OnError::stop : OnError::skip};
  options.needs_labels = needs_labels;
  if (!label_map.empty()) options.label_map = read_label_map(label_map);
  if (!format.empty()) options.format = named<TableFormat>(format);
  if (!quoting.empty()) options.quoting = named<Quoting>(quoting);
  if (!header.empty()) options.header = named<Header>(header);
  if (delimiter == "tab" || delimiter == "\\t")
    options.delimiter = '\t';
  else if (delimiter.size() == 1)
    options.delimiter = delimiter.front();
  else if (!delimiter.empty())
    usage_error("--delimiter " + delimiter + ": expected one character, or tab");
  return options;
}

Task TaskArguments::task_of(const ModelConfig& config, const std::string& place) const {
  const std::string file = place + "/config.json";
  if (!task.empty()) {
    const Task named = Task::named(task);
    if ((named.kind() == TaskKind::masked_lm) != config.fills_masks)
      throw ConfigError(file + ": the model labels " + what_is_labelled(config) + "; task " + quote(named.name()) +
                        " is a " + to_string(named.kind()));
    if (config.fills_masks) return named;
    if (config.per_token)
      throw ConfigError(file + ": the model labels " + what_is_labelled(config) + "; task " + quote(named.name()) +
                        " has one label a text");
    if (config.multi_label)
      throw ConfigError(file + ": the model gives several labels a text; task " + quote(named.name()) +
                        " has one label a text");
    if (named.outputs() != config.labels.size())
      throw ConfigError(file + ": the model has " + std::to_string(config.labels.size()) + " outputs; task " +
                        quote(named.name()) + " needs " + std::to_string(named.outputs()));
    if (config.multi_output)
      throw ConfigError(file + ": the model gives several numbers for a text; task " + quote(named.name()) + " has " +
                        (named.kind() == TaskKind::regression ? "one" : "classes"));
    if (named.kind() == TaskKind::regression || are_placeholders(config.labels)) return named;
    return named.with_label_order(config.labels);
  }
  if (describes_own_data()) {
    if (config.fills_masks)
      throw ConfigError(file + ": the model labels masked tokens; the options of columns and kinds are for others");
    const bool has_own = config.task && config.task->benchmark == Benchmark::none;
    TaskSpec own = over(has_own ? *config.task : TaskSpec());
    if (multi_label && !config.multi_label)
      throw ConfigError(file + ": the model gives one label a text; --multi-label is for others");
    if ((tags != config.labels_tokens() || config.finds_answers) && (tags || regression))
      throw ConfigError(file + ": the model labels " + what_is_labelled(config) + "; " +
                        (tags ? "--tags" : "--regression") + " is for others");
    if ((questions || no_answer_above) && !config.finds_answers)
      throw ConfigError(file + ": the model labels " + what_is_labelled(config) + "; " +
                        (questions ? "--questions" : "--no-answer-above") + " is for others");
    if (config.finds_answers) own.kind = TaskKind::question_answering;
    if (config.labels_tokens()) own.kind = TaskKind::token_classification;
    if (config.is_regression()) own.kind = TaskKind::regression;
    if (config.multi_label) own.kind = TaskKind::multi_label;
    if (own.kind != TaskKind::regression || config.multi_output) own.labels = config.labels;
    own.label_threshold = label_threshold.value_or(config.label_threshold);
    return Task::custom(own);
  }
  if (std::optional<Task> stored = Task::of(config, file)) return *stored;
  if (config.finds_answers) return Task::custom({.kind = TaskKind::question_answering});
  if (config.fills_masks) return Task::custom({.name = "masked-lm", .kind = TaskKind::masked_lm});
  if (config.per_token) return Task::custom({.kind = TaskKind::token_classification, .labels = config.labels});
  usage_error(file + " does not say what the model was trained for; give --task, or the columns of own data");
}

void DatasetArguments::add_to(CLI::App& command, const std::string& default_split) {
  split = default_split;
  command.add_option("--data", data, "Folder with the task's files (train.tsv, dev.tsv, test.tsv)")->group("Data");
  command.add_option("--split", split, "Which of them: train, dev or test")
      ->check(CLI::IsMember(names_of<Split>()))
      ->capture_default_str()
      ->group("Data");
  command.add_option("--file", file, "One file, in place of --data and --split")->group("Data");
  TaskArguments::add_to(command);
}

bool DatasetArguments::given() const {
  if (!data.empty() && !file.empty()) usage_error("--data and --file exclude each other");
  return !data.empty() || !file.empty();
}

Split DatasetArguments::chosen_split() const { return named<Split>(split); }

Dataset DatasetArguments::read(const Task& task_) const {
  Dataset dataset = file.empty() ? task_.read(data, chosen_split(), read_options())
                                 : task_.read_file(file, chosen_split(), read_options());
  note_bad_lines(dataset);
  return dataset;
}

void TrainingDataArguments::add_to(CLI::App& command) {
  command.add_option("--data", data, "Folder with the task's train.tsv and dev.tsv")->group("Data");
  command.add_option("--train,train", train, "Training file, in place of --data: TSV, CSV or JSON Lines")
      ->group("Data");
  command.add_option("--dev", dev, "Dev file; none: split off the training file")->group("Data");
  command.add_option("--dev-share", dev_share, "Share of the training samples that becomes dev")
      ->default_str("0.1")
      ->group("Data");
  TaskArguments::add_to(command);
  command
      .add_option("--labels", labels,
                  "Own data: the classes in order; none: found in the training file. With --regression: the names of "
                  "several numbers")
      ->delimiter(',')
      ->group("Data");
}

TrainingData TrainingDataArguments::read(std::uint64_t seed) const {
  if (data.empty() == train.empty()) usage_error("give --data FOLDER or --train FILE");
  if (!data.empty() && task.empty()) usage_error("--data is a folder of a task's files; give --task, too");
  if (!dev.empty() && dev_share) usage_error("--dev and --dev-share exclude each other");
  const SplitOptions split = {.dev_share = dev_share.value_or(SplitOptions().dev_share), .seed = seed};
  TrainingData read = task.empty() ? read_own(split) : read_glue(split);
  note_bad_lines(read.train);
  note_bad_lines(read.dev);
  return read;
}

TrainingData TrainingDataArguments::read_own(const SplitOptions& split) const {
  TaskSpec own = spec();
  own.labels = labels;
  std::string found;
  if (has_questions(train))
    own.kind = TaskKind::question_answering;
  else if (has_tags(train))
    own.kind = TaskKind::token_classification;
  else if ((text_column + pair_column + label_column).empty())
    own = with_found_columns(own, train, read_options(), found);
  TrainingData read = read_training_data(own, {.train = train, .dev = dev, .split = split, .read = read_options()});
  if (!found.empty()) read.train.notes.insert(read.train.notes.begin(), found);
  return read;
}

TrainingData TrainingDataArguments::read_glue(const SplitOptions& split) const {
  if (describes_own_data()) usage_error("columns are for own data; the files of --task are known");
  Task named = Task::named(task);
  if (named.kind() == TaskKind::masked_lm && !metrics.empty()) {
    TaskSpec judged = {.name = named.name(), .kind = named.kind()};
    for (const std::string& name : metrics) judged.metrics.emplace_back(name);
    named = Task::custom(judged);
  }
  if (!labels.empty()) named = named.with_label_order(labels);
  const ReadOptions options = read_options();
  const std::filesystem::path train_file =
      train.empty() ? named.file(data, Split::train) : std::filesystem::path(train);
  Dataset all = named.read_file(train_file, Split::train, options);
  require_trainable(named, all);
  const bool split_off = dev_share || (data.empty() && dev.empty());
  if (split_off) {
    TrainAndDev parts = split_stratified(all, split);
    return {named, std::move(parts.train), std::move(parts.dev)};
  }
  const std::filesystem::path dev_path = dev.empty() ? dev_file(named, data) : std::filesystem::path(dev);
  return {named, std::move(all), named.read_file(dev_path, Split::dev, options)};
}

}  // namespace sharcs::internal
