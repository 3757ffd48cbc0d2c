#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "sharcs/dataset.hpp"
#include "sharcs/metrics.hpp"

namespace [[gnu::visibility("default")]] sharcs {

enum class TaskKind { classification, regression };

/// "classification" or "regression".
std::string to_string(TaskKind kind);

/// The interval that a regression's targets lie in.
struct TargetRange {
  double low;
  double high;
};

enum class TableFormat {
  by_extension,  ///< .tsv, .txt: tsv; .csv: csv; .jsonl, .ndjson, .json: json_lines
  tsv,
  csv,
  json_lines,  ///< one object a line
};

enum class Quoting {
  automatic,  ///< RFC 4180 for CSV, none for TSV
  none,       ///< a double quote is a character like any other: GLUE's files, and most TSV of sentences
  rfc4180,    ///< "a, ""b""": delimiters and line ends inside quotes belong to the cell
};

enum class Header {
  automatic,  ///< yes when a column is given by name; else decided by the file, or an error that says why it cannot be
  yes,
  no,
};

/// "by_extension", "tsv", "csv", "jsonl".
std::string to_string(TableFormat format);
/// "automatic", "none", "rfc4180".
std::string to_string(Quoting quoting);
/// "automatic", "yes", "no".
std::string to_string(Header header);
/// The value of that name. Each throws ConfigError that lists the names.
TableFormat table_format_named(std::string_view name);
Quoting quoting_named(std::string_view name);
Header header_named(std::string_view name);

/// A column by its name in the header (or its key in JSON Lines), or by its position.
class Column {
 public:
  Column(std::string name) : where_(std::move(name)) {}
  Column(const char* name) : where_(std::string(name)) {}
  /// The `position`-th column, counted from 1. Throws ConfigError for 0.
  static Column at(std::size_t position);
  /// A position when `text` is a number, else a name: for command lines.
  static Column parse(const std::string& text);

  /// Null when the column is given by position.
  const std::string* name() const { return std::get_if<std::string>(&where_); }
  /// Counted from 0. Only when name() is null.
  std::size_t index() const { return std::get<std::size_t>(where_); }

 private:
  explicit Column(std::size_t index) : where_(index) {}
  std::variant<std::string, std::size_t> where_;
};

/// Says how to read data of your own.
struct TaskSpec {
  std::string name = "own data";  ///< for messages and reports
  TaskKind kind = TaskKind::classification;
  Column text = "text";
  std::optional<Column> pair = {};
  Column label = "label";  ///< the class, as any text, or the target, as a number
  std::optional<Column> id = {};
  std::optional<Column> difficulty = {};
  TableFormat format = TableFormat::by_extension;
  Quoting quoting = Quoting::automatic;
  Header header = Header::automatic;
  std::vector<std::string> labels = {};  ///< classification: in the model's order; empty: found in the training file
  /// Empty: accuracy, with F1 and Matthews for two classes and macro F1 for more; Pearson and Spearman for a
  /// regression.
  std::vector<Metric> metrics = {};
};

/// The files of data of your own.
struct DataFiles {
  std::filesystem::path train;
  std::filesystem::path dev = {};  ///< empty: split off the training file
  SplitOptions split = {};         ///< when dev is empty
  ReadOptions read = {};
};

struct ModelConfig;
struct TrainingData;

/// A task: what its files look like, what its labels are called, how it is judged. Cheap to copy, immutable.
class Task {
 public:
  /// A task of GLUE (Wang et al. 2019): cola, sst-2, mrpc, sts-b, qqp, mnli, mnli-mm, qnli, rte, wnli. Case, '-', '_'
  /// and blanks in the name do not matter ("SST2", "STS-B", "mnli_mismatched"). Throws ConfigError that lists the
  /// names.
  static Task named(std::string_view name);
  /// The names that named() takes, in GLUE's order.
  static std::vector<std::string> names();

  /// A task on data of your own whose labels are known (spec.labels, as stored in a model's configuration) or that is a
  /// regression. To find the labels in the data use read_training_data(). Throws ConfigError when the spec contradicts
  /// itself.
  static Task custom(const TaskSpec& spec);

  /// The task that a model was trained for, with the labels in the model's order; none when its config.json does not
  /// say. Throws ConfigError when what it says is no task of ours; `name` stands for the file in messages.
  static std::optional<Task> of(const ModelConfig& config, const std::string& name = "config.json");
  /// Writes down the task in the configuration of a model for it, so that of() finds it: the labels ("score" for a
  /// regression), and under "sharcs_task" how the data are read.
  void store_in(ModelConfig& config) const;

  const std::string& name() const;
  TaskKind kind() const;
  /// Whether a sample is a pair of sentences.
  bool is_pair() const;
  /// Names of the classes, by index: "negative", "positive"; "entailment", …. Empty for a regression.
  std::vector<std::string> labels() const;
  /// How the class is written in the task's files: GLUE has 0 and 1 for some tasks, words for others.
  const std::string& label_word(int label) const;
  /// Outputs of a model for the task: the number of classes, 1 for a regression.
  std::size_t outputs() const;
  /// The task's metrics; score() of their values chooses the best checkpoint.
  const std::vector<Metric>& metrics() const;
  /// Where the targets of a regression lie, if that is known: [0, 5] for STS-B.
  std::optional<TargetRange> target_range() const;
  /// GLUE's name for the file of test predictions ("MNLI-m.tsv"); empty for data of your own.
  const std::string& submission_file() const;

  /// The same task with its labels in another order: that of a model that was trained elsewhere. `labels` are names or
  /// label_word()s, upper and lower case alike for GLUE. Throws ConfigError when they are not the task's labels.
  Task with_label_order(const std::vector<std::string>& labels) const;

  /// The file of a split in a folder of GLUE's layout: train.tsv, dev_matched.tsv, msr_paraphrase_test.txt, ….
  /// Throws IoError that says what was looked for and what is there; ConfigError for data of your own.
  std::filesystem::path file(const std::filesystem::path& folder, Split split) const;

  /// Reads file(folder, split).
  Dataset read(const std::filesystem::path& folder, Split split, const ReadOptions& options = {}) const;

  /// Reads one file. Whether it has a header and which column is which is taken from the file: a header is known by the
  /// names of its columns, and without one the task's known layouts are tried (CoLA's four columns or sentence and
  /// label; MRPC's five; …). A difficulty column is kept. Only a test split may lack labels. Throws IoError or
  /// DataError: `dev.tsv:1812: expected 2 columns (sentence, label), found 3`.
  Dataset read_file(const std::filesystem::path& file, Split split, const ReadOptions& options = {}) const;

  struct Definition;  // src/data

 private:
  explicit Task(std::shared_ptr<const Definition> definition) : definition_(std::move(definition)) {}
  friend TrainingData read_training_data(const TaskSpec& spec, const DataFiles& files);

  std::shared_ptr<const Definition> definition_;
};

struct TrainingData {
  Task task;
  Dataset train;
  Dataset dev;
};

/// Reads training and dev data of your own.
///
/// Labels that the spec does not list are found in the training file: in numerical order when all are integers, else in
/// that of their bytes. The dev file may have no others. Without a dev file a stratified share of the training file
/// becomes dev. Throws DataError, IoError or ConfigError; DataError also as require_trainable() does.
TrainingData read_training_data(const TaskSpec& spec, const DataFiles& files);

/// Checks that a model can learn something from the samples: at least two of them, all labelled, and not all of one
/// class or with one target (a model that always says so would be right, and no metric could tell). Throws DataError.
void require_trainable(const Task& task, const Dataset& train);

}  // namespace gnu::visibility("default")]]sharcs
