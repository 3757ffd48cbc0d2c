#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "routing/policy_kind.hpp"
#include "sharcs/calibration.hpp"

namespace sharcs::internal {

/// The policies that a calibration tries on a recording, and what each of them does with a sample.
///
/// A candidate is a threshold for the exits, which may include those in the stem or only those after it, a threshold
/// for the narrow widths, and a price for the router. Thresholds and prices come from quantiles of what the recording
/// has, so that each step moves about as many samples as the next.
class PolicyGrid {
 public:
  enum class Exits { none, after_stem, all };
  struct Candidate {
    Exits exits = Exits::none;
    double exit_threshold = PolicyRule::never;
    double narrow_threshold = PolicyRule::never;
    int price = -1;  ///< number of the router's price; −1: the router is not asked
  };
  struct Outcome {
    int answer;
    std::uint64_t asked;
    double cost;
  };

  /// The arguments must outlive the grid. Throws ConfigError when the recording has nothing of what is searched.
  PolicyGrid(const Recording& recording, const CostModel& costs, const PolicySearch& search,
             const Confidence& confidence);

  const std::vector<Candidate>& candidates() const { return candidates_; }
  const Recording& recording() const { return recording_; }
  const CostModel& costs() const { return costs_; }

  Outcome run(const Candidate& candidate, std::size_t sample) const;
  /// What the answer is worth: 1 when it is right, else 0; for a regression minus the squared error.
  double worth(std::size_t sample, int answer) const { return worths_[index(sample, answer)]; }
  /// The candidate as a rule; kind, target and confidence are left to the caller.
  PolicyRule rule(const Candidate& candidate) const;

 private:
  /// What is known of a sample that has come so far.
  struct Walk {
    int label = -1, agreeing = 0;
    double value = std::numeric_limits<double>::quiet_NaN();  // of a regression: the last one
  };
  /// How sure the answer is of a sample that has been asked for the walk's answers before; takes it into the walk.
  double confidence(std::size_t sample, int answer, Walk& walk) const;
  std::size_t index(std::size_t sample, int answer) const {
    return sample * recording_.answers.size() + static_cast<std::size_t>(answer);
  }
  RoutingRule router_rule(int price) const;

  const Recording& recording_;
  const CostModel& costs_;
  std::vector<Answer> answers_;
  int stem_layers_;
  std::vector<int> widths_;                                  // of each answer the index of its width; −1: an exit
  std::vector<double> confidences_, worths_, paths_, owns_;  // [samples][answers]
  Confidence confidence_;
  bool counts_agreement_;                 // confidence is patience
  std::vector<double> prices_;            // of the router
  std::vector<std::vector<int>> chosen_;  // [prices][samples]: the narrowest width that is asked
  std::vector<Candidate> candidates_;
};

/// All candidates of a grid, tried on all samples once, with the sums of each fold kept apart: so the best candidate of
/// all samples, and of all samples but one fold's, can be looked up.
class CrossValidation {
 public:
  CrossValidation(const PolicyGrid& grid, const CalibrationOptions& options);

  /// Without kind, target, confidence and notes.
  Calibration calibrate(const CalibrationTarget& target) const;

 private:
  struct Sums {
    double cost = 0, worth = 0;
  };
  struct Choice {
    std::size_t candidate;
    bool met;
  };
  /// The best candidate over all samples but those of a fold; −1: over all.
  Choice choose(const CalibrationTarget& target, int without_fold) const;
  /// The task's score of a candidate's answers over these samples; of full width's for no candidate.
  double score_of(const PolicyGrid::Candidate* candidate, int without_fold) const;

  const PolicyGrid& grid_;
  std::vector<int> fold_of_sample_;
  int folds_;
  bool score_is_worth_;                  // the only metric is accuracy
  std::vector<std::vector<Sums>> sums_;  // [candidates][folds]
  std::vector<double> full_cost_;        // [folds]
};

}  // namespace sharcs::internal
