#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "sharcs/engine.hpp"
#include "sharcs/evaluation.hpp"
#include "sharcs/model_config.hpp"
#include "sharcs/routing.hpp"

namespace [[gnu::visibility("default")]] sharcs {

/// What a sample costs at each width, by its length.
struct CostModel {
  CostUnit unit = CostUnit::multiply_adds;
  std::vector<LengthCost> widths = {};  ///< ascending by width

  /// Multiply-adds by the paper's counting (see multiply_adds() in model.hpp), exactly.
  static CostModel multiply_adds(const ModelConfig& config);
  /// Seconds of a call with one input. For each width it is the line constant + linear · tokens that fits the
  /// measurements of batch 1 with the smallest relative errors; neither part is negative, or less than a narrower
  /// width's. Throws ShapeError when there are no such measurements.
  static CostModel latency(std::span<const Latency> measurements);

  /// The mean cost of the samples when each gets the answer with this index. Throws ShapeError when the sizes differ.
  double mean(const Recording& recording, std::span<const int> answer_of_sample) const;
  /// The same when all samples get full width's answer.
  double full(const Recording& recording) const;
};

struct CalibrationOptions {
  /// Parts of the cross-validation; fewer when there are fewer samples.
  int folds = 10;
  /// Decides which samples are in which part.
  std::uint64_t seed = 1;
};

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

/// A rule for one budget.
struct Calibration {
  RoutingRule rule;
  ValueModel values;
  /// What the rule does with the samples that it was made from.
  Routing fitted;
  /// What to expect of new samples. By cross-validation: the whole calibration is repeated without a tenth of the
  /// samples, the rule that comes out routes that tenth, and so on for each tenth. See evaluate() and compare().
  Routing expected;
};

/// Chooses a policy for each budget: the rule over the router's logits with the highest expected metric whose mean cost
/// is at most the budget. The model is not needed, and not trained again.
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
/// ShapeError when there are less than two samples, no labels, or another number of widths in `costs`.
std::vector<Calibration> calibrate(const Recording& recording, const CostModel& costs, std::span<const double> budgets,
                                   const CalibrationOptions& options = {});
Calibration calibrate(const Recording& recording, const CostModel& costs, double budget,
                      const CalibrationOptions& options = {});

/// The smallest possible budget: the mean cost of the narrowest width as a share of full width's.
double least_budget(const Recording& recording, const CostModel& costs);

/// Writes the rule into the config.json of a model directory, where engines find it. The rest of the file keeps its
/// content. Throws IoError, or ConfigError when the rule is not for the model's widths.
void save_routing(const std::filesystem::path& directory, const RoutingRule& rule);

/// A way of choosing widths, and its results. Where widths are drawn, these are expected values: exact for shares,
/// costs and accuracy, means of many draws for other metrics.
struct OperatingPoint {
  std::string name;                          ///< "routed", "random", "fixed 0.25", "budget 0.5", …
  std::string series;                        ///< "routed", "calibrated", or the kind of baseline, such as "fixed"
  std::vector<double> shares = {};           ///< of the samples, one a width, ascending
  double cost_fraction = 1;                  ///< multiply-adds over full width's
  std::optional<double> time_fraction = {};  ///< the same of time, where it was measured
  MetricMap metrics = {};
  Estimate score = {};                ///< score() of the metrics, with its bootstrap interval
  std::optional<Estimate> lead = {};  ///< of a baseline: the policy's score minus this one, by paired bootstrap
};

struct ComparisonOptions {
  BootstrapOptions bootstrap = {};
  int draws = 200;  ///< of widths, for metrics that are no means over samples
};

/// The policy's point, "routed", and then the baselines', by series: "random" (widths drawn in the policy's shares),
/// "by length" (short samples narrow, in the same shares), "fixed" (a point a width, ascending), "mix of fixed" (drawn
/// from the two widths whose mix scores best at the policy's cost), "oracle" (the narrowest right width; of a
/// regression, the narrowest that is no worse than full width). The same seed gives the same numbers on any number of
/// threads. Throws ShapeError when there are no samples or no labels, ConfigError when an option is out of range.
std::vector<OperatingPoint> compare(const Recording& recording, const Routing& routing,
                                    const ComparisonOptions& options = {});

}  // namespace sharcs
