#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "sharcs/classifier.hpp"
#include "sharcs/evaluation.hpp"
#include "sharcs/model_config.hpp"
#include "sharcs/routing.hpp"

namespace [[gnu::visibility("default")]] sharcs {

/// How long a call of an engine takes when all of its inputs run at one width.
struct Latency {
  double width = 1;    ///< as a fraction
  int tokens = 0;      ///< of each input, special tokens included
  int batch = 1;       ///< inputs in a call
  int runs = 0;        ///< calls measured
  double seconds = 0;  ///< of a call: the median
  double low = 0;      ///< the first quartile
  double high = 0;     ///< the third quartile
};

struct LatencyOptions {
  /// Tokens of an input. Empty: 8, 16, 32, … up to 128, or as far as the model's positions go.
  std::vector<int> lengths = {};
  /// Inputs in a call.
  std::vector<int> batches = {1, 8};
  /// For each width, length and batch: at least so many calls, and at least so many seconds.
  int least_runs = 5;
  double seconds_each = 0.2;
};

/// Measures an engine at every width, length and batch. The widths take turns, so that whatever else the machine does
/// slows all of them alike. Ordered by batch, length, width. Throws ConfigError when a length is not from 1 to
/// engine.max_tokens(), or batches or runs are less than 1.
std::vector<Latency> measure_latency(const Engine& engine, const LatencyOptions& options = {});

/// What each answer of a model costs, by the sample's length. Indices are those of Recording::answers.
struct CostModel {
  CostUnit unit = CostUnit::multiply_adds;
  std::vector<LengthCost> answers = {};  ///< of a sample that gets this answer alone
  std::vector<LengthCost> paths = {};    ///< the part of it that is shared with other answers (see Answer)

  /// By the paper's counting, exactly.
  static CostModel multiply_adds(const Recording& recording);
  /// Seconds of a call with one input. For each width it is the line constant + linear · tokens that fits the
  /// measurements of batch 1 with the smallest relative errors; neither part is negative, or less than a narrower
  /// width's. Exits and paths take the share of full width's time that they have of its multiply-adds. Throws
  /// ShapeError when the measurements are not of the recording's widths.
  static CostModel latency(const Recording& recording, std::span<const Latency> measurements);

  /// Of all answers that the routing asks the sample for.
  double of(const Recording& recording, const Routing& routing, std::size_t sample) const;
  /// The mean over the samples. Throws ShapeError when the sizes differ.
  double mean(const Recording& recording, const Routing& routing) const;
  /// The same when all samples get full width's answer.
  double full(const Recording& recording) const;
};

/// What a policy should reach; exactly one of the two.
struct CalibrationTarget {
  std::optional<double> budget = {};  ///< mean cost at most, as a share of full width's; then the best score
  std::optional<double> max_drop =
      {};  ///< score at least full width's minus this (0.005: half a point); then the least cost
};

struct CalibrationOptions {
  /// Of the policies: "router", "cascade", "exits" or "combined".
  std::string kind = "combined";
  std::string confidence = "max-probability";
  /// Whether a combined policy may use the router.
  bool router = true;
  /// One threshold for all exits, and one for all narrow widths, as in the papers on early exits; else each answer has
  /// its own.
  bool one_threshold = false;
  /// Parts of the cross-validation; fewer when there are fewer samples.
  int folds = 10;
  /// Decides which samples are in which part.
  std::uint64_t seed = 1;
};

/// A policy for a target.
struct Calibration {
  PolicyRule rule = {};
  bool met = true;      ///< whether the samples that it was made from reach the target
  Routing fitted = {};  ///< what the policy does with these samples
  /// What to expect of new samples. By cross-validation: the whole calibration is repeated without a tenth of the
  /// samples, the policy that comes out routes that tenth, and so on for each tenth. See evaluate() and compare().
  Routing expected = {};
  std::vector<std::string> notes =
      {};  ///< lines for people: too few samples, a target out of reach and the nearest one
};

/// Chooses the thresholds of a policy for each target, from a recording alone: a threshold for each answer, and a price
/// for the router. docs/routing.md says how. Use data that the model was not trained on. Throws ConfigError when a
/// target or option is out of range, or the model has no answers of the kind; ShapeError when there are less than two
/// samples, no labels, or another number of answers in `costs`.
std::vector<Calibration> calibrate(const Recording& recording, const CostModel& costs,
                                   std::span<const CalibrationTarget> targets, const CalibrationOptions& options = {});
/// The same for one target.
Calibration calibrate(const Recording& recording, const CostModel& costs, const CalibrationTarget& target,
                      const CalibrationOptions& options = {});

/// Writes the rule into the config.json of a model directory, where engines find it. The rest of the file keeps its
/// content. Throws IoError, or ConfigError when the rule does not fit the model.
void save_policy(const std::filesystem::path& directory, const PolicyRule& rule);

/// A way of choosing answers, and its results. Where they are drawn, these are expected values: exact for shares, costs
/// and accuracy, means of many draws for other metrics.
struct OperatingPoint {
  std::string name;                          ///< "routed", "random", "fixed 0.25", "budget 0.5", …
  std::string series;                        ///< "routed", "calibrated", or the kind of baseline, such as "fixed"
  std::vector<double> shares = {};           ///< of the samples, one an answer
  double cost_fraction = 1;                  ///< multiply-adds over full width's
  std::optional<double> time_fraction = {};  ///< the same of time, where it was measured
  MetricMap metrics = {};
  Estimate score = {};                ///< score() of the metrics, with its bootstrap interval
  std::optional<Estimate> lead = {};  ///< of a baseline: the policy's score minus this one, by paired bootstrap
};

struct ComparisonOptions {
  BootstrapOptions bootstrap = {};
  int draws = 200;  ///< of widths, for metrics that are no means over samples
};

/// The policy's point, "routed", and then the baselines', by series: "random" (widths drawn in the policy's shares),
/// "by length" (short samples narrow, in the same shares), "fixed" (a point a width, ascending), "mix of fixed" (drawn
/// from the two widths whose mix scores best at the policy's cost), "oracle" (the narrowest right width; of a
/// regression, the narrowest that is no worse than full width). The same seed gives the same numbers on any number of
/// threads. Throws ShapeError when there are no samples or no labels, ConfigError when an option is out of range.
std::vector<OperatingPoint> compare(const Recording& recording, const Routing& routing,
                                    const ComparisonOptions& options = {});

}  // namespace sharcs
