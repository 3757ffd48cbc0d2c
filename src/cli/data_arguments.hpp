#pragma once

#include <CLI/CLI.hpp>
#include <optional>
#include <string>
#include <vector>

#include "sharcs/model_config.hpp"
#include "sharcs/task.hpp"

namespace sharcs::internal {

/// Which task, and how its files are read: a task of GLUE, or the columns of one's own files.
struct TaskArguments {
  std::string task;
  std::string text_column, pair_column, label_column, id_column, difficulty_column;  ///< a name, or a position from 1
  std::string format = "by_extension", quoting = "automatic", header = "automatic";
  std::vector<std::string> metrics;
  bool regression = false;
  std::string invalid_text = "refuse";

  void add_to(CLI::App& command);

  /// Whether columns or a kind of one's own are asked for.
  bool describes_own_data() const;
  TaskSpec spec() const;
  ReadOptions read_options() const;
  /// The task that a trained model is used for: the one asked for, else the one that it was trained for, with the
  /// labels in its order. `place`: the model's folder. Throws ConfigError, or a usage error when nothing says what it
  /// is.
  Task task_of(const ModelConfig& config, const std::string& place) const;
};

/// The samples that a trained model is tried on.
struct DatasetArguments : TaskArguments {
  std::string data, split, file;

  /// `default_split`: of the folder --data.
  void add_to(CLI::App& command, const std::string& default_split);
  /// Whether there is one. A usage error when there are two.
  bool given() const;
  Split chosen_split() const;
  Dataset read(const Task& task) const;
};

/// The samples that a model is trained on, and tried on while it is trained.
struct TrainingDataArguments : TaskArguments {
  std::string data, train, dev;
  std::vector<std::string> labels;
  std::optional<double> dev_share;

  void add_to(CLI::App& command);
  /// `seed`: of the split when dev is split off the training data.
  TrainingData read(std::uint64_t seed) const;
};

}  // namespace sharcs::internal
