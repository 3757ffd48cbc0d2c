#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "report/run_folder.hpp"

namespace sharcs::internal {

/// The epoch whose model stands in the folder, as long as there is no better one; null when none was evaluated.
const EpochRecord* best_epoch(const RunFolder& run);
/// How the model in the folder does: the evaluation of its recording, else that of its best epoch; null without either.
const Evaluation* best_evaluation(const RunFolder& run);

/// What a run comes to, for the first lines of a report: from its recording, else from its best epoch.
struct Headline {
  std::string data;   ///< where the numbers come from: "872 samples of dev.tsv", "dev, epoch 7"
  std::string score;  ///< "accuracy", "mean of accuracy and f1"
  bool is_share;      ///< the score is a share of the samples and is written in percent
  std::int64_t samples;
  Estimate routed;
  Estimate full;
  std::optional<Estimate> lead;  ///< routed − full, where it was compared sample by sample
  std::string policy;     ///< how widths were chosen: "argmax", "fixed 0.25", …; "" for a model without a router
  double cost_fraction;   ///< of full width's multiply-adds
  double seconds_routed;  ///< NaN where it was not measured
  double seconds_full;
};

/// Intervals are NaN where there are none. None when there is no best_evaluation().
std::optional<Headline> headline_of(const RunFolder& run);

/// The points of score against cost that were compared; where none were, those that best_evaluation() tells, of which
/// there must be one.
std::vector<OperatingPoint> points_of(const RunFolder& run, const Headline& headline);

/// Which points no other beats in both score and cost. The oracle knows the answers and takes no part.
std::vector<bool> on_front(const std::vector<OperatingPoint>& points);

/// The headline in words, a sentence or two.
std::string in_words(const Headline& headline);

/// "86.2 %" for a share, else "0.862"; "-" for NaN.
std::string score_text(double value, bool is_share);
/// "−0.4 points" for a share, else "−0.004".
std::string difference_text(double value, bool is_share);

/// counts[i][j]: samples for which width i is the narrowest that is right and that were answered at width j; the last
/// row is of those that no width answers right. Only for a classification.
std::vector<std::vector<std::int64_t>> need_against_choice(const RecordedEvaluation& recorded);

/// How much the router leans towards full width for a sample: its logit for full width minus that for the narrowest
/// width. Without a router the probability that the narrowest width is wrong, or for a regression its error. A report
/// calls the samples with the largest margins the hardest ones.
double router_margin(const Recording& recording, std::size_t sample);

}  // namespace sharcs::internal
