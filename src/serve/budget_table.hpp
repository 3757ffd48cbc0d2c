#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "sharcs/model_config.hpp"
#include "sharcs/policy.hpp"

namespace sharcs::internal {

/// A model's policies for budgets. Made from the recording.json in the model's folder, which sharcs train and sharcs
/// eval write: calibration needs no more than that.
class BudgetTable {
 public:
  struct Row {
    double budget;  ///< mean cost at most, as a share of full width's multiply-adds
    Policy policy;
  };

  /// The policies for 0.05, 0.1, … 1. Where the folder has no recording, or one of another model, the table is empty
  /// and knows why.
  static BudgetTable of(const std::filesystem::path& folder, const ModelConfig& config);

  /// Ascending: budgets that a policy reaches.
  const std::vector<Row>& rows() const { return rows_; }
  /// The row with the greatest budget that is at most this one. Throws ConfigError that begins with `name` and says
  /// which budgets there are, or why there is none.
  const Row& find(double budget, const std::string& name) const;

 private:
  std::vector<Row> rows_;
  std::string why_empty_;
};

}  // namespace sharcs::internal
