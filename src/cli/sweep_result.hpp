#pragma once

#include <nlohmann/json.hpp>
#include <vector>

#include "cli/evaluation_report.hpp"
#include "core/json_fields.hpp"

namespace sharcs::internal {

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

}  // namespace sharcs::internal
