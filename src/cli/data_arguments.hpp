#pragma once

#include <CLI/CLI.hpp>
#include <optional>
#include <string>
#include <vector>

#include "sharcs/model_config.hpp"
#include "sharcs/task.hpp"

namespace sharcs::internal {

/// Which task, and how its files are read: --task for one of GLUE, or the columns of one's own files.
struct TaskArguments {
  std::string task;
  std::string text_column, pair_column, label_column, id_column, difficulty_column;  ///< a name, or a position from 1
  std::string format, quoting, header, delimiter;                                    ///< empty: as the task says
  std::vector<std::string> metrics;
  bool regression = false, multi_label = false, tags = false, questions = false;
  std::optional<double> no_answer_above;
  std::string label_separator;            ///< empty: as the task says
  std::optional<double> label_threshold;  ///< none: as the task or the model says
  std::string label_map;                  ///< a file, or "A=B,C=D"; empty: none
  bool needs_labels = true;               ///< as ReadOptions has it
  std::string invalid_text = "refuse", on_error = "stop";

  /// `on_error`: "stop" or another of the choices that the command offers.
  void add_to(CLI::App& command, const std::vector<std::string>& on_error_choices = {"stop", "skip"});

  /// Whether an option for own data was given: a column, --regression, --tags, or one for several labels.
  bool describes_own_data() const;
  /// Whether an option was given that only tables have: a column, a format, ….
  bool describes_table() const;
  /// Whether the task is masked-lm, by --task.
  bool reads_plain_text() const;
  TaskSpec spec() const;
  /// Whether the words of texts have labels: by --tags, or a format or a file's name that is only for these.
  bool has_tags(const std::filesystem::path& file) const;
  /// Whether a file holds questions: by --questions, or what stands in it where nothing else is said of it.
  bool has_questions(const std::filesystem::path& file) const;
  /// The spec with what the options say in place of its own.
  TaskSpec over(TaskSpec spec) const;
  ReadOptions read_options() const;
  /// The task that a trained model is used for: that of the options, or else the one that it was trained for, with the
  /// labels in the model's order. `place`: the model's folder. Throws ConfigError; a usage error when neither options
  /// nor model say which task it is.
  Task task_of(const ModelConfig& config, const std::string& place) const;
};

/// The data set that a trained model is run on.
struct DatasetArguments : TaskArguments {
  std::string data, split, file;

  /// `default_split`: what --split is unless it is given.
  void add_to(CLI::App& command, const std::string& default_split);
  /// Whether --data or --file was given. A usage error when both were.
  bool given() const;
  Split chosen_split() const;
  Dataset read(const Task& task) const;
};

/// The training and dev data of a training run.
struct TrainingDataArguments : TaskArguments {
  std::string data, train, dev;
  std::vector<std::string> labels;
  std::optional<double> dev_share;

  void add_to(CLI::App& command);
  /// `seed` decides which samples become dev where there is no dev file.
  TrainingData read(std::uint64_t seed) const;

 private:
  TrainingData read_own(const SplitOptions& split) const;
  TrainingData read_glue(const SplitOptions& split) const;
};

}  // namespace sharcs::internal
