#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sharcs/task.hpp"

namespace sharcs {

/// Where a file without a header has what. Positions count from 0.
struct HeaderlessLayout {
  std::vector<std::string> columns;  ///< what each is called in messages; their number must be that of the file
  std::size_t text;
  std::optional<std::size_t> pair = {};
  std::optional<std::size_t> label = {};  ///< none: a test file
  std::optional<std::size_t> id = {};
};

/// How a role's column is found: by any of the names, the first one that the file has, or by position.
struct ColumnRole {
  std::vector<std::string> names = {};
  std::optional<std::size_t> position = {};

  bool wanted() const { return !names.empty() || position; }
};

/// A class: its name, and how GLUE's files write it.
struct ClassLabel {
  std::string name;
  std::string word;
};

struct Task::Definition {
  std::string name;
  TaskKind kind = TaskKind::classification;
  std::vector<ClassLabel> labels = {};
  std::vector<Metric> metrics = {};
  std::optional<TargetRange> target_range = {};
  bool is_pair = false;

  ColumnRole text = {}, pair = {}, label = {}, id = {}, difficulty = {};
  std::vector<HeaderlessLayout> layouts = {};  // of a GLUE task; data of one's own have positions in the roles instead
  TableFormat format = TableFormat::by_extension;
  Quoting quoting = Quoting::automatic;
  Header header = Header::automatic;

  bool of_glue = false;
  std::array<std::vector<std::string>, 3> files = {};  // by Split; the first that exists is read
  std::string submission_file = {};
  std::string unlabelled_mark = {};    // rows with this in place of a label are left out, and counted
  bool leave_out_broken_rows = false;  // rows with a wrong number of columns are left out, and counted
  bool keep_empty_text = false;

  /// The class that is written so, or none. Data of one's own are matched to the letter, GLUE's in any case.
  std::optional<int> find_label(std::string_view cell) const;
};

/// The definition of a GLUE task, or null. `name` in any of the spellings that Task::named() takes.
const Task::Definition* find_glue_task(std::string_view name);
std::vector<std::string> glue_task_names();

/// Equal but for the case of ASCII letters.
bool equal_ignoring_case(std::string_view a, std::string_view b);

}  // namespace sharcs
