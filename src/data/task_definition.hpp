#pragma once

#include <array>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sharcs/task.hpp"

namespace sharcs::internal {

/// What stands where in a file without a header. Positions count from 0.
struct HeaderlessLayout {
  std::vector<std::string> columns;  ///< a name for each column of the file, for messages
  std::size_t text;
  std::optional<std::size_t> pair = {};
  std::optional<std::size_t> label = {};  ///< none: a test file
  std::optional<std::size_t> id = {};
};

/// How the column for the text, the label, … is found: by position, or by the first of these names that the file has.
struct ColumnRole {
  std::vector<std::string> names = {};
  std::optional<std::size_t> position = {};

  bool wanted() const { return !names.empty() || position; }
};

/// A class: its name ("positive"), and how the task's files write it ("1").
struct ClassLabel {
  std::string name;
  std::string word;
};

/// All that is known of a task. glue_tasks.cpp has GLUE's, own_tasks.cpp makes one from a TaskSpec.
struct TaskDefinition {
  std::string name;
  TaskKind kind = TaskKind::classification;
  std::vector<ClassLabel> labels = {};
  std::vector<Metric> metrics = {};
  std::optional<TargetRange> target_range = {};
  bool is_pair = false;

  ColumnRole text = {}, pair = {}, label = {}, id = {}, difficulty = {};
  std::vector<HeaderlessLayout> layouts = {};  // GLUE only: data of one's own have positions in the roles instead
  TableFormat format = TableFormat::by_extension;
  Quoting quoting = Quoting::automatic;
  Header header = Header::automatic;
  char delimiter = '\0';  // NUL: as the format says
  char label_separator = ',';
  double label_threshold = 0.5;
  std::optional<double> no_answer_above = {};
  std::map<std::string, std::string> label_map = {};  // as ReadOptions::label_map
  bool needs_labels = true;                           // as ReadOptions::needs_labels

  bool of_glue = false;
  /// Of a model for the task.
  std::size_t outputs() const { return labels.empty() && kind == TaskKind::regression ? 1 : labels.size(); }
  bool is_multi_output() const { return kind == TaskKind::regression && !labels.empty(); }
  std::array<std::vector<std::string>, 3> files = {};  // by Split: the names to look for, the first that exists is read
  std::string submission_file = {};
  std::string unlabelled_mark = {};    // rows with this in place of a label are left out, and counted
  bool leave_out_broken_rows = false;  // rows with a wrong number of columns are left out, and counted
  bool keep_empty_text = false;

  /// The class that a cell names, or none. Data of one's own are matched to the letter, GLUE's in any case.
  std::optional<int> find_label(std::string_view cell) const;
  /// The first labels for a message: `"0" (negative), "1" (positive)`.
  std::string known_labels() const;

  static Task task(TaskDefinition definition);
  static const TaskDefinition& of(const Task& task) { return *task.definition_; }
};

/// The task, read in the way that the options ask for.
TaskDefinition as_asked(TaskDefinition task, const ReadOptions& options);

/// The definition of a GLUE task, or null. `name` in any of the spellings that Task::named() takes.
const TaskDefinition* find_glue_task(std::string_view name);
std::vector<std::string> glue_task_names();

/// Whether this is a spelling of "masked-lm".
bool names_masked_lm(std::string_view name);

/// The definition of a task on one's own data, with these labels (those of the spec, or those found in the data; none
/// yet, or of a regression: empty). Throws ConfigError when parts of the spec contradict each other.
TaskDefinition own_task(const TaskSpec& spec, const std::vector<std::string>& labels);

/// The labels that a cell of several holds, without white space around them; none of an empty cell.
std::vector<std::string_view> labels_in_cell(std::string_view cell, char separator);

}  // namespace sharcs::internal
