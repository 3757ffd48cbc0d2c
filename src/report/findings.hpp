#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "sharcs/report.hpp"

namespace sharcs::internal {

/// The epoch whose model stands in the folder, as long as there is no better one; null when none was evaluated.
const EpochRecord* best_epoch(const RunFolder& run);
/// How the model in the folder does: its evaluation's summary, else what its best epoch found; null without either.
const EvaluationRecord* best_record(const RunFolder& run);

/// What a run comes to, for the first lines of a report: from its evaluation, else from its best epoch.
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

/// Intervals are NaN where there are none. None when there is no best_record().
std::optional<Headline> headline_of(const RunFolder& run);

/// The headline in words, a sentence or two.
std::string in_words(const Headline& headline);

/// "86.2 %" for a share, else "0.862"; "-" for NaN.
std::string score_text(double value, bool is_share);
/// "−0.4 points" for a share, else "−0.004".
std::string difference_text(double value, bool is_share);

/// How a run does on the samples of one level of difficulty.
struct DifficultyLevel {
  int level;
  std::int64_t samples;
  std::vector<double> shares;    ///< sent to each width
  double routed;                 ///< accuracy; for a regression the mean absolute error
  std::vector<double> at_width;  ///< the same, everything at that width
};

/// Ascending; none when not every sample has a level.
std::vector<DifficultyLevel> difficulty_levels_of(const EvaluationFile& evaluation);

/// counts[i][j]: samples for which width i is the narrowest that is right and that were run at width j; the last row is
/// of those that no width answers right. Only for a classification.
std::vector<std::vector<std::int64_t>> need_against_choice(const EvaluationFile& evaluation);

/// The mean distance of a width's reliability diagram from its diagonal, each bin weighted by its samples (the expected
/// calibration error: Naeini et al. 2015). NaN without samples.
double calibration_error(std::span<const CalibrationBin> bins);

/// How hard a sample looks to the router: its logit for the widest width less that for the narrowest. Without a router
/// the probability that the narrowest width is wrong, or for a regression its error.
double hardness(const SampleResult& sample, bool is_regression);

}  // namespace sharcs::internal
