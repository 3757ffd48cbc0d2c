#pragma once

#include <cstddef>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sharcs/dataset.hpp"

namespace sharcs::internal {
struct MetricDefinition;
struct TaskDefinition;
}

namespace [[gnu::visibility("default")]] sharcs {

struct ModelConfig;
/// A text has one label, one number or several, any number of labels, or each of its words has one, its tag; a question
/// is answered by a part of its context; or the masked tokens of plain text are told (a masked language model).
enum class TaskKind { classification, regression, multi_label, token_classification, question_answering, masked_lm };
std::string to_string(TaskKind kind);
/// What a task is judged by, such as "accuracy". The larger, the better; but of "perplexity" the smaller.
class Metric {
 public:
  /// Throws ConfigError for a name that is not one of names().
  Metric(const std::string& name);
  Metric(const char* name) : Metric(std::string(name)) {}  ///< the same
  /// "accuracy", …; of regression "pearson", …; multi_label "exact_match", …; tags "entity_f1", …; questions
  /// "answer_f1"; masked_lm "perplexity"
  static std::vector<std::string> names();
  bool operator==(const Metric&) const = default;

 private:
  friend struct internal::MetricDefinition;
  const internal::MetricDefinition* definition_;
};
std::string to_string(Metric metric);
/// The names of metrics, and their values.
using MetricMap = std::map<std::string, double>;

/// The interval that the targets of a regression lie in, both ends included.
struct TargetRange {
  double low, high;
};

/// Where a task comes from: `none` is data of your own, `glue` is GLUE (Wang et al. 2019).
enum class Benchmark { none, glue };

/// A task written down: one of GLUE by its name, or data of your own and how to read them.
///     TaskSpec{.text = "review", .label = "stars"}                  // columns of reviews.csv by name
///     TaskSpec{.kind = TaskKind::token_classification}              // words and their tags, as CoNLL or JSON Lines
///     TaskSpec{.kind = TaskKind::question_answering}                // SQuAD's JSON, or JSON Lines
///     TaskSpec{.kind = TaskKind::masked_lm}                         // plain text, a text a line
///     TaskSpec{.benchmark = Benchmark::glue, .name = "sst-2"}       // all that follows `name` is known
struct TaskSpec {
  Benchmark benchmark = Benchmark::none;
  std::string name = "own data";  ///< GLUE: which task; own data: for messages and reports
  TaskKind kind = TaskKind::classification;
  Column text = "text";  ///< token_classification: the words; "text" stands for "tokens", or the first column
  std::optional<Column> pair = {};
  Column label = "label";  ///< class, number or several; the words' tags: "label" for "ner_tags", or the last column
  std::optional<Column> id = {};
  std::optional<Column> difficulty = {};
  TableFormat format = TableFormat::by_extension;
  Quoting quoting = Quoting::automatic;
  Header header = Header::automatic;
  char delimiter = '\0';                 ///< between the cells of a row, one byte; NUL: a comma for CSV, else a TAB
  char label_separator = ',';            ///< between several labels or numbers in a cell
  double label_threshold = 0.5;          ///< multi_label: of the model that is trained, see ModelConfig
  std::vector<std::string> labels = {};  ///< classes, or names of numbers; empty: as read_training_data() finds them
  std::vector<Metric> metrics = {};      ///< empty: those that suit the kind and the number of classes
  std::optional<double> no_answer_above = {};  ///< questions: margin of "no answer" (score); none: each has one

  bool operator==(const TaskSpec&) const = default;
};

/// A task: what its files look like, what its labels are called, how it is judged. Cheap to copy, immutable.
class Task {
 public:
  /// A task of GLUE: cola, sst-2, mrpc, sts-b, qqp, mnli, mnli-mm, qnli, rte or wnli; or masked-lm. Case, '-', '_' and
  /// blanks in the name do not matter ("SST2", "mnli_mismatched"). Throws ConfigError that lists the names.
  static Task named(std::string_view name);
  static std::vector<std::string> names();  ///< that named() takes: GLUE's in its order, and masked-lm

  /// The task that a spec describes. A classification of your own needs spec.labels here; read_training_data() finds
  /// them in the data. Throws ConfigError when parts of the spec contradict each other.
  static Task custom(const TaskSpec& spec);

  /// The task that a model was trained for (config.task), with the labels in the model's order; none when the
  /// configuration does not say. Throws ConfigError when the two do not fit together; `name` stands for the file in
  /// messages.
  static std::optional<Task> of(const ModelConfig& config, const std::string& name = "config.json");
  /// Makes `config` that of a model for this task, so that of() finds it: sets config.task, and config.labels to the
  /// classes ("score" for a regression; of several numbers their names).
  void store_in(ModelConfig& config) const;

  const std::string& name() const;
  TaskKind kind() const;
  bool is_pair() const;  ///< whether a sample is a pair of sentences
  /// The names of the classes, by index: "negative", "positive". Of a regression those of several numbers; empty: one.
  std::vector<std::string> labels() const;
  const std::string& label_word(int label) const;  ///< how its files write it: SST-2's have "1" for "positive"
  std::size_t outputs() const;  ///< numbers that a model gives for a sample (word): one a class, or a name; or 1
  /// What the task is judged by; the mean of them chooses the best checkpoint of a training run.
  const std::vector<Metric>& metrics() const;
  std::optional<TargetRange> target_range() const;  ///< of a regression, if it is known: [0, 5] for STS-B
  const std::string& submission_file() const;       ///< GLUE's, of test predictions: "MNLI-m.tsv"; of own data empty

  /// The same task with its labels in another order. `labels` are names or label_word()s; for GLUE, upper and lower
  /// case are alike. Throws ConfigError when they are not the task's labels.
  Task with_label_order(const std::vector<std::string>& labels) const;

  /// The file of a split in a folder: dev_matched.tsv, …; of masked_lm dev.txt. Throws IoError; ConfigError for others.
  std::filesystem::path file(const std::filesystem::path& folder, Split split) const;
  Dataset read(const std::filesystem::path& folder, Split split, const ReadOptions& options = {}) const;  ///< that file
  /// Reads one file. A first row with the names of the task's columns is a header; GLUE's files without header are
  /// known by their columns (CoLA: four, or sentence and label). Only a test split may lack labels. Throws IoError, or
  /// DataError such as `dev.tsv:1812: expected 2 columns (sentence, label), found 3`.
  Dataset read_file(const std::filesystem::path& file, Split split, const ReadOptions& options = {}) const;

 private:
  explicit Task(std::shared_ptr<const internal::TaskDefinition> definition) : definition_(std::move(definition)) {}
  friend struct internal::TaskDefinition;
  std::shared_ptr<const internal::TaskDefinition> definition_;
};

struct TrainingData {
  Task task;
  Dataset train, dev;
};

/// Reads training and dev data of your own.
///
/// Labels that the spec does not list are found in the training file: in numerical order when all are integers, else in
/// the order of their bytes. The dev file may have no others. A regression has one number a text, or as many as JSON's
/// lists have, called "0", "1", …; those in a cell need names in the spec, since "3,5" may be one. Without a dev file,
/// split_stratified() makes one of the training file. Throws DataError, IoError, ConfigError, as require_trainable().
TrainingData read_training_data(const TaskSpec& spec, const DataFiles& files);

/// Checks that a model can learn something from the samples: at least two of them, all with a label, and not all with
/// the same label or target (a model that always gives that answer would be right). Throws DataError.
void require_trainable(const Task& task, const Dataset& train);

}  // namespace sharcs
