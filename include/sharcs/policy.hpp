#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sharcs/routing.hpp"

namespace sharcs::internal {
struct ConfidenceMeasure;
struct PolicyAccess;
}  // namespace sharcs::internal

namespace [[gnu::visibility("default")]] sharcs {

class WidthSet;

/// What a policy knows about a sample when it chooses a width.
struct RoutingQuery {
  std::span<const float> router_logits;  ///< one a width, ascending by width
  const WidthSet& widths;                ///< the model's
  int tokens;                            ///< length of the sample
};

/// What a policy knows about an answer when it decides whether to keep it.
struct AnswerQuery {
  const Answer& answer;
  std::span<const float> logits;         ///< one a class; for a regression the values; of an answer in a text none
  std::span<const float> probabilities;  ///< softmax, multi-label: sigmoid; empty for a regression; or the answer's own
  double score;                          ///< an exit's own probability that it is right; NaN where it has none
  int agreeing;  ///< of the answers given so far, how many at the end say the same class, this one included
  /// By how much a regression's value differs from the answer's before, of several the root of the mean square;
  /// infinite for the first.
  double change;
  int tokens;
  bool multi_label = false;  ///< the probabilities are those of labels that can hold together
  std::size_t words = 1;     ///< that the answer labels: so many rows of logits and probabilities
};

/// How sure an answer is, by name: "max-probability" (BranchyNet, Shallow-Deep), "entropy" (DeeBERT, FastBERT; 1 minus
/// the entropy's share of its maximum), "patience" (PABEE: how many answers agree) or "learned-score" (BERxiT; the
/// largest probability where an answer has no score). For a regression: exp(−change), and patience counts changes below
/// 0.5. Multi-label: that of the least sure label, max(p, 1 − p); the entropies' mean. Of a text whose words are
/// labelled: that of the least sure word; of an answer in a text no entropy. The larger the surer.
class Confidence {
 public:
  /// Throws ConfigError that lists the names.
  explicit Confidence(std::string_view name = "max-probability");
  const std::string& name() const;
  double greatest() const;                    ///< value; infinite where there is no bound
  double of(const AnswerQuery& query) const;  ///< how sure this answer is

 private:
  const internal::ConfidenceMeasure* measure_;
};

/// Decides which answers a sample is asked for, and which of them it keeps. A value: cheap to copy, safe to use from
/// many threads. Answers are asked in the model's order; the first that is kept is the sample's.
class Policy {
 public:
  using Choice = std::function<int(const RoutingQuery&)>;
  using Acceptance = std::function<bool(const AnswerQuery&)>;

  /// The width with the largest router logit; the narrower one of equals (arXiv:2310.12126, section 3.3).
  static Policy router();
  static Policy router(RoutingRule rule);  ///< the width that a calibrated rule says
  /// Narrow widths first; each is kept where it is at least so sure.
  static Policy cascade(double threshold, const Confidence& confidence = Confidence());
  /// Exits first, then full width (BranchyNet, DeeBERT, FastBERT, PABEE, BERxiT); no narrow width.
  static Policy exits(double threshold, const Confidence& confidence = Confidence());
  /// Exits and narrow widths, each with its threshold.
  static Policy combined(double narrow, double exits, const Confidence& confidence = Confidence());
  /// Every sample at this width, a fraction.
  static Policy fixed(double width);
  /// Every sample at the exit after this layer.
  static Policy fixed_exit(int layer);
  /// What calibration found.
  static Policy of(const PolicyRule& rule);
  /// The rule in the model's configuration; router() where there is none.
  static Policy of_model(const ModelConfig& config);
  /// Your own: returns the index of a width, from 0 to widths.size() − 1. It must be safe to call from many threads,
  /// of one call of an engine, too.
  static Policy custom(Choice choose, std::string name);

  /// This policy, but never wider than `width`, a fraction: its answer is kept whatever its confidence.
  Policy capped(double width) const;
  /// This policy, but a narrow width's answer is kept only where it is at least so sure.
  Policy at_least(double threshold, const Confidence& confidence = Confidence()) const;
  /// This policy with a rule of your own for which answers of narrow widths and exits are kept.
  Policy accepting(Acceptance accept, std::string name) const;

  /// "router", "fixed 0.25", "router, at most 0.5", "cascade 0.9", …
  const std::string& name() const { return parts_.name; }

 private:
  friend struct internal::PolicyAccess;
  struct Parts {
    Choice choose = {};      // the narrowest width that is asked; empty: the narrowest there is
    Acceptance accept = {};  // empty: by thresholds
    Confidence confidence = Confidence();
    double narrow = 0, exits = PolicyRule::never;  // thresholds
    std::vector<double> thresholds = {};           // one an answer, in place of the two
    std::optional<double> cap = {};                // a width: nothing wider is asked
    std::optional<double> fixed = {};              // a width: nothing narrower is asked, and it is kept
    int only_exit = 0;                             // the layer of the exit that alone is asked
    std::string name;
  };
  explicit Policy(Parts parts) : parts_(std::move(parts)) {}

  Parts parts_;
};

/// How long calls take under each of some policies: what a deadline is met with. measure_policies() makes it.
class PolicyTimes {
 public:
  struct Row {
    Policy policy;
    double call = 0;   ///< seconds of a call, whatever its inputs
    double token = 0;  ///< seconds that each token of its inputs adds
    /// Seconds of a call with so many tokens.
    double of(std::size_t tokens) const { return call + token * static_cast<double>(tokens); }
  };

  /// `rows` in the order in which you prefer the policies: the most accurate first. Throws ConfigError when there is
  /// none, or a time is negative or not finite.
  explicit PolicyTimes(std::vector<Row> rows);

  /// The first row whose call with so many tokens, all inputs together, is expected to take no longer than `seconds`;
  /// where there is none, the quickest one. Depends on the rows and the arguments only.
  const Row& choose(std::size_t tokens, double seconds) const;
  const std::vector<Row>& rows() const { return rows_; }

 private:
  std::vector<Row> rows_;
};

}  // namespace sharcs
