#pragma once

#include <iosfwd>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "cli/evaluation_report.hpp"
#include "core/json_fields.hpp"
#include "train/setting_grid.hpp"

namespace sharcs {

/// What a run of a sweep came to on dev.
struct SweepResult {
  int best_epoch = 0;
  double training_seconds = 0;
  MetricMap routed, full;
  Estimate score = {};              ///< of the routing
  Estimate lead = {};               ///< of the routing over full width
  double cost_fraction = 1;         ///< multiply-adds of the routing over those of full width
  double time_fraction = 1;         ///< the same of measured time
  std::vector<double> widths = {};  ///< the model's
  std::vector<double> shares = {};  ///< of the samples at each

  /// From the report on the best model, compared.
  static SweepResult of(const EvaluationReport& report, const Comparison& comparison, int best_epoch,
                        double training_seconds);
  nlohmann::ordered_json json() const;
  /// Throws DataError when it is not what json() writes.
  static SweepResult from(const JsonFields& fields);
};

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

}  // namespace sharcs
