#pragma once

#include <iosfwd>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "cli/setting_grid.hpp"
#include "cli/sweep_result.hpp"

namespace sharcs::internal {

/// A line of a sweep's table.
struct SweepRun {
  GridPoint point;
  std::string folder;
  std::optional<SweepResult> result = {};  ///< none: it has not come to its end
  std::string error = {};                  ///< why it never will
  bool on_front = false;                   ///< of those that no other run beats in cost and score
};

/// Sets on_front.
void mark_front(std::vector<SweepRun>& runs);

/// For people, the best score first; a column for each setting that is not the same everywhere.
void print(const std::vector<SweepRun>& runs, std::ostream& out);
/// All of it, in the grid's order.
nlohmann::ordered_json json_of(const std::vector<SweepRun>& runs);
/// The same, a line a run, for a spreadsheet: lists are written as JSON, what is not known is empty.
std::string tsv_of(const std::vector<SweepRun>& runs);

}  // namespace sharcs::internal
