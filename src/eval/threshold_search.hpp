#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "eval/policy_table.hpp"

namespace sharcs::internal {

/// What an answer is worth over full width's, for every sample and answer of a table, as samples with a known truth
/// teach it.
///
/// Where both say the same class nothing is gained or lost. Where they differ, whether the answer or full width is
/// right is a coin with two known sides, how sure each of them is: gain ≈ tanh(a + b · margin of the answer + c ·
/// margin of full width), fitted to all differing answers of the samples. That is much steadier than the few differing
/// samples themselves, which a search over many thresholds would learn by heart. A regression, or fewer than 20
/// differing answers: the gain itself.
class GainEstimate {
 public:
  GainEstimate(const PolicyTable& table, std::span<const std::size_t> samples);
  double of(std::size_t sample, int answer) const {
    return gains_[sample * answers_ + static_cast<std::size_t>(answer)];
  }

 private:
  std::size_t answers_;
  std::vector<double> gains_;  // [samples][answers]
};

/// Which policies to search.
struct ThresholdSearch {
  bool narrow = false, exits = false;  ///< which answers may be asked
  bool router = false;                 ///< whether the router's prices are tried, too
  /// One threshold for all exits and one for all narrow widths, as in the papers on early exits; else each answer has
  /// its own.
  bool one_threshold = false;
};

/// A policy and what it does with the samples that it was searched on: means of cost, as a share of full width's, of
/// gain over full width by estimate, and of what its answers are worth.
struct TriedPolicy {
  CandidatePolicy policy;
  double cost = 0, gain = 0, worth = 0;
};

/// Policies that are worth a look for some target, full width alone (the first) and the cheapest one among them.
///
/// With one threshold all of a grid. Else coordinate descent on mean cost − λ · mean gain for a series of λ: each
/// answer in turn gets the best of its thresholds, "not asked" included, while the others keep theirs. Everything that
/// is met on the way is a candidate. It begins at full width alone; of a regression also where all answers are asked,
/// and each answer for every sample is a candidate.
std::vector<TriedPolicy> search_thresholds(const PolicyTable& table, const GainEstimate& gains,
                                           std::span<const std::size_t> samples, const ThresholdSearch& search);

}  // namespace sharcs::internal
