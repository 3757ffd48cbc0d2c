#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "sharcs/calibration.hpp"

namespace sharcs::internal {

/// How a rule computes the value of a width from the router's logits.
enum class ValueModel {
  /// The width's own logit plus an offset. When the budget grows, samples move to a wider width in the router's order.
  offsets,
  /// The probability that the width answers right: a logistic regression on all logits, with the same slopes for all
  /// widths. Spends less on samples that are right at every width, or wrong at every width.
  shared_slopes,
  /// The same with slopes for each width. For a regression: minus the squared error, linear in the logits.
  own_slopes,
};

/// "offsets", "shared slopes", "own slopes".
std::string to_string(ValueModel model);

/// A rule over the router's logits for one budget.
struct RouterCalibration {
  RoutingRule rule;
  ValueModel values;
  /// What the rule does with the samples that it was made from.
  Routing fitted;
  /// What to expect of new samples. By cross-validation: the whole calibration is repeated without a tenth of the
  /// samples, the rule that comes out routes that tenth, and so on for each tenth.
  Routing expected;
};

/// Chooses a rule for each budget: the rule over the router's logits with the highest expected metric whose mean cost
/// is at most the budget. Exits of the recording are left out.
///
/// budgets: the mean cost as a share of full width's, in the unit of `costs`. Example: 0.5 with
/// CostModel::multiply_adds is half of full width's multiply-adds.
///
/// How a price is found: a rule gives each width of a sample a value and subtracts price · cost. No other rule with the
/// same cost has a higher total value (a Lagrangian: Everett 1963). A higher price moves one sample after another to a
/// narrower width, each at a price that can be computed exactly. So the price for a budget is looked up in the sorted
/// list of these prices. The rule meets the budget to within the cost of one sample, unless the router's logits are the
/// same for many samples. It stays below the budget when more cost is not expected to help.
///
/// Cross-validation over many budgets decides which ValueModel all rules use: the simplest one that is within a
/// standard error of the best. Values are about accuracy, or the squared error of a regression; metrics such as F1 and
/// correlations improve through them. Deterministic.
///
/// Throws ConfigError when a budget is above 1 or below what the narrowest width costs, or the model has no router;
/// ShapeError when there are less than two samples, no labels, or another number of answers in `costs`.
std::vector<RouterCalibration> calibrate_router(const Recording& recording, const CostModel& costs,
                                                std::span<const double> budgets,
                                                const CalibrationOptions& options = {});
RouterCalibration calibrate_router(const Recording& recording, const CostModel& costs, double budget,
                                   const CalibrationOptions& options = {});

/// The smallest possible budget of the router: the mean cost of the narrowest width as a share of full width's.
double least_router_budget(const Recording& recording, const CostModel& costs);

/// The recording without its exits; `costs`, if there are any, lose theirs, too.
Recording without_exits(const Recording& recording, CostModel* costs = nullptr);

}  // namespace sharcs::internal
