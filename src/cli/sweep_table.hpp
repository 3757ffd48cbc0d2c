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

/// Over seeds.
struct Spread {
  double mean = 0;
  double deviation = 0;  ///< the sample's standard deviation; NaN with one seed
};

/// Runs of a sweep that differ in nothing but training.seed, taken together: another line of its tables.
struct SeedGroup {
  GridPoint point;           ///< without the seed
  std::size_t finished = 0;  ///< runs; the figures are of these, and NaN without any
  std::size_t runs = 0;
  Spread full = {}, score = {}, lead = {}, cost_fraction = {}, time_fraction = {};
  bool on_front = false;  ///< of the groups that no other beats in mean cost and mean score, all runs of each finished
};

/// In the order of their first runs. None when no group has more than one run: then `runs` say it all.
std::vector<SeedGroup> group_by_seed(const std::vector<SweepRun>& runs);

/// For people, the best mean score first.
void print(const std::vector<SeedGroup>& groups, std::ostream& out);
/// All of it, in the grid's order.
nlohmann::ordered_json json_of(const std::vector<SeedGroup>& groups);
/// The same, a line a group.
std::string tsv_of(const std::vector<SeedGroup>& groups);

}  // namespace sharcs::internal
