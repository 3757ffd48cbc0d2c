#pragma once

#include <functional>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace [[gnu::visibility("default")]] sharcs {

class WidthSet;
struct ModelConfig;

/// What a cost is counted in.
enum class CostUnit { multiply_adds, seconds };

/// What a sample costs, by its number of tokens n: constant + linear · n + quadratic · n².
struct LengthCost {
  double constant = 0;
  double linear = 0;
  double quadratic = 0;

  double of(double tokens) const { return constant + tokens * (linear + tokens * quadratic); }
};

/// Chooses a width from the router's logits: it gives each width a value, subtracts what the width costs, and takes the
/// width with the largest difference (the narrower one of equals):
///
///     width = argmax over w of  value_w − price · cost_w(tokens)
///     value_w = offset_w + Σ_v weight_wv · router_logit_v,  through the logistic function if `logistic`
///
/// calibrate() makes such rules. In config.json a rule stands under "sharcs"."routing", with the keys below.
struct RoutingRule {
  /// The budget that the rule was made for, as a share of the mean cost of full width.
  double budget = 1;
  CostUnit unit = CostUnit::multiply_adds;
  /// The mean cost of full width over the samples that the rule was made from, in `unit`.
  double full_cost = 1;

  bool logistic = false;
  std::vector<std::vector<double>> weights = {};  ///< [widths][widths]
  std::vector<double> offsets = {};               ///< [widths]
  double price = 0;
  std::vector<LengthCost> costs = {};  ///< [widths], in shares of full_cost

  /// The number of widths.
  int widths() const { return static_cast<int>(offsets.size()); }
  /// router_logits: one a width, ascending by width. width_index: from 0 to widths() − 1.
  double value(std::span<const float> router_logits, int width_index) const;
  /// The index of the chosen width, for a sample of so many tokens.
  int choose(std::span<const float> router_logits, int tokens) const;
  /// "calibrated to 0.5 of the multiply-adds", "calibrated to 8 ms".
  std::string name() const;
  /// Throws ConfigError when the rule does not fit a model with so many widths; `name` stands for the file in messages.
  void check(int model_widths, const std::string& name = "config.json") const;
};

/// What a policy knows about a sample when it chooses the sample's width.
struct RoutingQuery {
  std::span<const float> router_logits;  ///< one a width, ascending by width
  const WidthSet& widths;                ///< the model's
  int tokens;                            ///< length of the sample
};

/// What a policy knows when a sample has an answer and could be run again at a wider width.
struct EscalationQuery {
  RoutingQuery routing;
  int width_index;                       ///< the width that gave the answer
  std::span<const float> logits;         ///< the answer: one a class; for a regression the value
  std::span<const float> probabilities;  ///< softmax of the logits; empty for a regression
};

/// Decides at which width each sample runs, and whether its answer is good enough. A value: cheap to copy, safe to use
/// from many threads. Widths are given by their index in the model's ascending list.
class RoutingPolicy {
 public:
  using Choice = std::function<int(const RoutingQuery&)>;
  using Escalation = std::function<int(const EscalationQuery&)>;

  /// The width with the largest router logit; the narrower one of equals (arXiv:2310.12126, section 3.3).
  static RoutingPolicy argmax();
  /// The width that the rule chooses. An engine throws ConfigError when the rule is not for its model's widths.
  static RoutingPolicy calibrated(RoutingRule rule);
  /// The rule in the model's configuration; argmax() where there is none.
  static RoutingPolicy of_model(const ModelConfig& config);
  /// Every sample at this width, a fraction. An engine throws ConfigError when its model does not have it.
  static RoutingPolicy fixed(double width);
  /// Your own: returns the index of a width, from 0 to widths.size() − 1. It must be safe to call from many threads.
  static RoutingPolicy custom(Choice choose, std::string name);

  /// This policy, but never wider than `width`, a fraction, which must be one of the model's.
  RoutingPolicy capped(double width) const;
  /// This policy, but a sample whose largest class probability is below `confidence` is run again at the next wider
  /// width, until the probability is high enough or there is no wider width. The layers before the router are not run
  /// again; the other layers cost again each time. Throws ConfigError when `confidence` is not in (0, 1]. Running
  /// throws ConfigError for a regression, which has no probabilities.
  RoutingPolicy cascade(double confidence) const;
  /// This policy with a cascade of your own. It is asked after each answer and returns the index of a wider width to
  /// run the sample again, or query.width_index to keep the answer. It must be safe to call from many threads.
  RoutingPolicy escalating(Escalation escalate, std::string name) const;

  /// The index of the width to run the sample at. Throws ConfigError when the model does not have the width.
  int choose(const RoutingQuery& query) const;
  /// Whether samples may be run more than once.
  bool escalates() const { return static_cast<bool>(parts_.escalate); }
  /// The index of the width to run the sample again at, or query.width_index. Throws ConfigError when the policy
  /// chooses a narrower width or one that the model does not have.
  int escalate(const EscalationQuery& query) const;
  /// "argmax", "fixed 0.25", "argmax, at most 0.5", "argmax, wider below confidence 0.9", …
  const std::string& name() const { return parts_.name; }

 private:
  struct Parts {
    Choice choose;
    Escalation escalate;  // empty: every answer is kept
    std::string name;
  };
  explicit RoutingPolicy(Parts parts) : parts_(std::move(parts)) {}

  Parts parts_;
};

}  // namespace sharcs
