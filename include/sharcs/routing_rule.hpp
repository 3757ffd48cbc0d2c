#pragma once

#include <span>
#include <string>
#include <vector>

namespace [[gnu::visibility("default")]] sharcs {

/// What a budget is counted in.
enum class CostUnit { multiply_adds, seconds };

/// What running a sample at a width costs, by its length n: constant + linear · n + quadratic · n².
struct LengthCost {
  double constant = 0;
  double linear = 0;
  double quadratic = 0;

  double of(double tokens) const { return constant + tokens * (linear + tokens * quadratic); }
};

/// Chooses a width from the router's logits: gives each width a value, takes off what the width costs, keeps the best.
///
///     width = argmax over w of  value_w − price · cost_w(tokens)        (the narrower of equals)
///     value_w = offset_w + Σ_v weight_wv · router_logit_v,  through the logistic function if `logistic`
///
/// Calibration makes such rules (calibration.hpp). In config.json it stands under "sharcs"."routing", the keys as here.
struct RoutingRule {
  /// The budget that the rule was made for, as a share of the mean cost of the widest width.
  double budget = 1;
  CostUnit unit = CostUnit::multiply_adds;
  /// The mean cost of the widest width over the samples that the rule was made from, in the unit.
  double full_cost = 1;

  bool logistic = false;
  std::vector<std::vector<double>> weights;  ///< [widths][widths]
  std::vector<double> offsets;               ///< [widths]
  double price = 0;
  std::vector<LengthCost> costs;  ///< [widths], in shares of full_cost

  int widths() const { return static_cast<int>(offsets.size()); }
  double value(std::span<const float> router_logits, int width) const;
  int choose(std::span<const float> router_logits, int tokens) const;
  /// "calibrated to 0.5 of the multiply-adds", "calibrated to 8 ms".
  std::string name() const;
  /// Throws ConfigError when it is not a rule for so many widths; `name` stands for the file in messages.
  void check(int model_widths, const std::string& name = "config.json") const;
};

}  // namespace gnu::visibility("default")]]sharcs
