#pragma once

#include <nlohmann/json.hpp>
#include <vector>

#include "cli/evaluation_report.hpp"
#include "io/json_cursor.hpp"

namespace sharcs::internal {

/// How a run of a sweep was trained.
struct SweepTraining {
  int best_epoch = 0;
  double seconds = 0;
};

/// The result of a run of a sweep on dev.
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

  /// report: on the best model. comparison: what its compare() returned.
  static SweepResult of(const EvaluationReport& report, const std::vector<OperatingPoint>& comparison,
                        const SweepTraining& training);
  nlohmann::ordered_json json() const;
  /// Throws DataError when it is not what json() writes.
  static SweepResult from(const JsonCursor& fields);
};

}  // namespace sharcs::internal
