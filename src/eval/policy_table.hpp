#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "data/entity_scores.hpp"
#include "routing/answer_trail.hpp"
#include "sharcs/calibration.hpp"
#include "sharcs/policy.hpp"

namespace sharcs::internal {

/// A policy that a calibration tries.
struct CandidatePolicy {
  std::vector<double> thresholds;  ///< one an answer; PolicyRule::never: not asked
  int price = -1;                  ///< number of the router's price; −1: the router is not asked
};

/// A recording prepared for trying many policies on it: what every answer to every sample costs, is worth, and how sure
/// it is. A policy walks through it as PolicyWalk does through the model.
class PolicyTable {
 public:
  struct Outcome {
    int answer;
    std::uint64_t asked;
    double cost;
  };
  /// A sample on its way: what it cost so far, and what its answers said.
  struct State {
    double own = 0, path = 0;
    std::uint64_t asked = 0;
    AnswerTrail trail = {};
    double cost() const { return own + path; }
  };

  /// router_prices: how many prices of the router to prepare. The arguments must outlive the table.
  PolicyTable(const Recording& recording, const CostModel& costs, const Confidence& confidence, int router_prices);

  const Recording& recording() const { return recording_; }
  const CostModel& costs() const { return costs_; }
  int answers() const { return static_cast<int>(widths_.size()); }
  int prices() const { return static_cast<int>(prices_.size()); }
  bool is_exit(int answer) const { return widths_[static_cast<std::size_t>(answer)] < 0; }
  bool is_full_width(int answer) const { return answer + 1 == answers(); }
  /// Whether the confidence of an answer depends on which were asked before.
  bool depends_on_trail() const { return counts_agreement_ || recording_.is_regression(); }
  bool counts_agreement() const { return counts_agreement_; }

  /// What the answer is worth: share_right(); for a regression minus the squared error.
  double worth(std::size_t sample, int answer) const { return worths_[index(sample, answer)]; }
  /// How sure the answer would be if all answers were asked.
  double confidence(std::size_t sample, int answer) const { return confidences_[index(sample, answer)]; }
  /// How sure the answer is where `last` was the one before it, −1: none. Not for patience, which counts them all.
  double confidence_after(std::size_t sample, int answer, int last) const;
  /// What asking for the answer costs by itself, and how much the encoder's layers have cost by then.
  double own(std::size_t sample, int answer) const { return owns_[index(sample, answer)]; }
  double path(std::size_t sample, int answer) const { return paths_[index(sample, answer)]; }
  /// How sure the answer is, and how far apart the probabilities of its class and of all others: log(p / (1 − p)).
  double margin(std::size_t sample, int answer) const { return margins_[index(sample, answer)]; }
  /// Where words are labelled: as tag_counts().
  const TagCounts& tag_counts(std::size_t sample, int answer) const { return tag_counts_[index(sample, answer)]; }

  /// Whether the policy asks the sample for this answer, if nothing was kept before.
  bool asks(const CandidatePolicy& policy, std::size_t sample, int answer) const {
    if (is_full_width(answer)) return true;
    if (policy.thresholds[static_cast<std::size_t>(answer)] == PolicyRule::never) return false;
    if (is_exit(answer) || policy.price < 0) return true;
    return widths_[static_cast<std::size_t>(answer)] >= chosen_[static_cast<std::size_t>(policy.price)][sample];
  }
  /// Asks: adds the cost, takes the answer into the trail, and returns how sure it is.
  double ask(State& state, std::size_t sample, int answer) const;
  /// Whether the policy keeps an answer that is so sure.
  bool keeps(const CandidatePolicy& policy, int answer, double sure) const {
    const double threshold = policy.thresholds[static_cast<std::size_t>(answer)];
    return is_full_width(answer) || threshold <= 0 || sure >= threshold;
  }
  /// Goes on from `state`, at answer number `from`, to the answer that is kept.
  Outcome finish(const CandidatePolicy& policy, State state, std::size_t sample, int from) const;
  Outcome run(const CandidatePolicy& policy, std::size_t sample) const { return finish(policy, {}, sample, 0); }

  /// The candidate as a rule; kind, target and confidence are left to the caller.
  PolicyRule rule(const CandidatePolicy& policy) const;

 private:
  std::size_t index(std::size_t sample, int answer) const {
    return sample * widths_.size() + static_cast<std::size_t>(answer);
  }
  RoutingRule router_rule(int price) const;
  /// Takes an answer into the trail, as AnswerTrail::add().
  double add_to(AnswerTrail& trail, std::size_t sample, int answer) const;
  /// The same; returns how sure the answer is, where that depends on the trail.
  double confidence_in(AnswerTrail& trail, std::size_t sample, int answer) const;

  const Recording& recording_;
  const CostModel& costs_;
  std::vector<Answer> answers_;
  std::vector<int> widths_;  // of each answer its width's index; −1: an exit
  std::vector<double> confidences_, margins_, worths_, paths_, owns_;  // [samples][answers]
  std::vector<TagCounts> tag_counts_;                                  // the same where words are labelled
  Confidence confidence_;
  bool counts_agreement_;                 // confidence is patience
  std::vector<double> prices_;            // of the router
  std::vector<std::vector<int>> chosen_;  // [prices][samples]: the narrowest width that is asked
};

/// Numbers between the values, at evenly spaced ranks, ascending; a threshold there splits the values evenly.
std::vector<double> levels_between(std::vector<double> values, int steps);

}  // namespace sharcs::internal
