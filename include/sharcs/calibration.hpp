#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "sharcs/evaluation.hpp"
#include "sharcs/latency.hpp"
#include "sharcs/model_config.hpp"
#include "sharcs/routing_rule.hpp"

namespace [[gnu::visibility("default")]] sharcs {

/// What a sample costs at each width, by its length.
struct CostModel {
  CostUnit unit = CostUnit::multiply_adds;
  std::vector<LengthCost> widths;  ///< ascending by width

  /// By the paper's counting (cost.hpp), exactly.
  static CostModel multiply_adds(const ModelConfig& config);
  /// Seconds of a call of one input: the line in its tokens that fits the measurements of batch 1 with the least
  /// relative errors, none of its parts negative or less than a narrower width's. Throws ShapeError when there are no
  /// such measurements.
  static CostModel latency(std::span<const LatencyRecord> measurements);

  /// The mean over the samples. Throws ShapeError when the sizes differ.
  double mean(const Answers& answers, std::span<const int> width_of_sample) const;
};

struct CalibrationOptions {
  /// Parts of the cross-validation; fewer when there are fewer samples.
  int folds = 10;
  /// Of the samples' order in it.
  std::uint64_t seed = 1;
};

/// How a rule tells a width's value from the router's logits.
enum class ValueModel {
  /// The logit itself, with an offset for each width: the order in which samples move to a wider width as the budget
  /// grows is the router's.
  offsets,
  /// The probability that the width is right (a logistic regression on all logits) with slopes that all widths share:
  /// spends less on samples that are as good as lost, or won, at every width.
  shared_slopes,
  /// The same with slopes of each width's own; for a regression, minus the squared error, linear in the logits.
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
  /// What rules for the same budget do with samples that they were not made from: the whole calibration was repeated
  /// without each part of the samples in turn. Says honestly what to expect of new samples: see metrics_at(),
  /// cost_fraction() and compare().
  Routing expected;
};

/// Finds, for each budget, the rule over the router's logits with the highest expected metric at no more than the asked
/// mean cost. The model is not trained again.
///
/// budgets: shares of the mean cost of the widest width, in the unit of `costs`.
///
/// A rule values the widths of each sample and takes off a price times their cost; of all rules of one cost none has a
/// higher total value (a Lagrangian: Everett 1963). Raising the price moves one sample after the other to a narrower
/// width, at prices that are known exactly, so the price for a budget is read off and not searched for. The budget is
/// met to within one sample's cost, unless the router says the same of many samples, which no rule tells apart; it is
/// not used up when spending more is not expected to help.
///
/// Which ValueModel to use is decided by cross-validation over the whole range of budgets, for all of them alike: the
/// simplest one that is within a standard error of the best. Metrics that are no means over samples (F1, correlations)
/// are served through accuracy or the squared error. Deterministic.
///
/// Throws ConfigError when a budget is above 1, or below what the narrowest width costs, or the model has no router;
/// ShapeError when there are less than two samples, no labels, or costs of another number of widths.
std::vector<Calibration> calibrate(const Answers& answers, const CostModel& costs, std::span<const double> budgets,
                                   const CalibrationOptions& options = {});
Calibration calibrate(const Answers& answers, const CostModel& costs, double budget,
                      const CalibrationOptions& options = {});

/// The least budget: what everything at the narrowest width costs over everything at the widest.
double least_budget(const Answers& answers, const CostModel& costs);

/// Writes the rule into the config.json of a model directory, where engines find it; the rest of the file keeps its
/// content. Throws IoError, or ConfigError when the rule is not for the model's widths.
void save_routing(const std::filesystem::path& directory, const RoutingRule& rule);

}  // namespace gnu::visibility("default")]]sharcs
