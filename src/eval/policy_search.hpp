#pragma once

#include <cstddef>
#include <vector>

#include "eval/threshold_search.hpp"
#include "sharcs/calibration.hpp"

namespace sharcs::internal {

/// A search for policies on all samples of a table, and on all but one fold's for each fold: what comes out for the
/// other samples tells what to expect of new ones.
class PolicySearcher {
 public:
  /// The table must outlive it.
  PolicySearcher(const PolicyTable& table, const ThresholdSearch& search, const CalibrationOptions& options);

  /// Without kind, target, confidence and notes.
  Calibration calibrate(const CalibrationTarget& target) const;

 private:
  struct Part {
    std::vector<std::size_t> samples;
    std::vector<TriedPolicy> tried;
    double worth_of_full = 0;
  };
  struct Choice {
    const CandidatePolicy* policy;
    bool met;
  };
  Choice choose(const Part& part, const CalibrationTarget& target) const;
  /// Standard error of what the policy is worth over full width to these samples, in the mean.
  double error_of_lead(const Part& part, const CandidatePolicy& policy) const;
  std::vector<const CandidatePolicy*> choose_without_each_fold(const CalibrationTarget& target) const;
  /// A drop that the samples themselves keep, other samples may not: the search had all their luck to choose from. So
  /// this aims at the largest share of the drop for which cross-validation keeps the whole of it.
  CalibrationTarget careful(const CalibrationTarget& target) const;
  /// The task's score over these samples when each gets the answer answer_of(sample).
  template <class AnswerOf>
  double score_of(const AnswerOf& answer_of, const std::vector<std::size_t>& samples) const;

  const PolicyTable& table_;
  bool score_is_worth_;  // the only metric is accuracy
  std::vector<int> fold_of_sample_;
  std::vector<Part> parts_;  // one without each fold, then of all samples
};

}  // namespace sharcs::internal
