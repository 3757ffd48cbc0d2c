#pragma once

#include <functional>
#include <span>
#include <string>

#include "sharcs/width_set.hpp"

namespace [[gnu::visibility("default")]] sharcs {

/// What a policy may look at when it chooses the width of one sample.
struct RoutingQuery {
  std::span<const float> router_logits;  ///< one a width, ascending by width
  const WidthSet& widths;
  int tokens;  ///< length of the sample
};

/// What a policy may look at when a sample has been run and could be run again, wider.
struct EscalationQuery {
  RoutingQuery routing;
  int width;                             ///< at which it was run, by index
  std::span<const float> logits;         ///< its answer: one a class; for a regression the value
  std::span<const float> probabilities;  ///< softmax of the logits; empty for a regression
};

/// Decides at which width each sample runs, and whether its answer is good enough. A value: cheap to copy, safe to use
/// from many threads.
class RoutingPolicy {
 public:
  using Choice = std::function<int(const RoutingQuery&)>;
  using Escalation = std::function<int(const EscalationQuery&)>;

  /// The width with the largest logit; the narrower one of equals (arXiv:2310.12126, section 3.3).
  static RoutingPolicy argmax();
  /// By a rule that calibration made. An engine throws ConfigError when the rule is not for its model's widths.
  static RoutingPolicy calibrated(RoutingRule rule);
  /// The rule in the model's configuration; argmax() where there is none.
  static RoutingPolicy of_model(const ModelConfig& config);
  /// Every sample at this width. An engine throws ConfigError when its model does not have it.
  static RoutingPolicy fixed(double width);
  /// Your own: returns the index of a width, from 0 to widths.size() − 1. It must be safe to call from many threads.
  static RoutingPolicy custom(Choice choose, std::string name);

  /// This policy, but never wider than `width`, which must be one of the model's.
  RoutingPolicy capped(double width) const;
  /// This policy, but a sample whose largest class probability is below `confidence` is run again at the next wider
  /// width, until it is not or there is none. The layers before the router are not run again; every other attempt is
  /// paid for. Running throws ConfigError for a regression, which has no probabilities. Throws ConfigError when
  /// `confidence` is not in (0, 1].
  RoutingPolicy cascade(double confidence) const;
  /// This policy with a cascade of your own, asked after each attempt: returns the index of a wider width to run the
  /// sample again, or the one that it was run at to keep the answer. It must be safe to call from many threads.
  RoutingPolicy escalating(Escalation escalate, std::string name) const;

  /// Throws ConfigError when the policy's choice is not a width of the model.
  int choose(const RoutingQuery& query) const;
  /// Whether samples may be run more than once.
  bool escalates() const { return static_cast<bool>(escalate_); }
  /// The width to run a sample again at, or query.width. Throws ConfigError when the policy's choice is neither.
  int escalate(const EscalationQuery& query) const;
  /// "argmax", "fixed 0.25", "argmax, at most 0.5", "argmax, wider below confidence 0.9", …
  const std::string& name() const { return name_; }

 private:
  RoutingPolicy(Choice choose, Escalation escalate, std::string name)
      : choose_(std::move(choose)), escalate_(std::move(escalate)), name_(std::move(name)) {}

  Choice choose_;
  Escalation escalate_;  // empty: every answer is kept
  std::string name_;
};

}  // namespace gnu::visibility("default")]]sharcs
