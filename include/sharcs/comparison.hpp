#pragma once

#include <string>
#include <vector>

#include "sharcs/evaluation.hpp"
#include "sharcs/metrics.hpp"

namespace [[gnu::visibility("default")]] sharcs {

/// Ways of choosing widths that a router has to beat, and one that none can.
enum class Baseline {
  /// A width drawn for each sample, in the routing's shares.
  random,
  /// The shortest samples to the narrowest width and so on, in the routing's shares; chance decides among samples of
  /// one length.
  by_length,
  /// Every sample at one width.
  fixed,
  /// A width drawn from the two fixed ones whose mix scores best at the routing's cost: the line between points of the
  /// plot of score against cost, above which a router is worth having.
  mix_of_fixed,
  /// The narrowest width that is right, and the narrowest where none is: knows the labels. For a regression, the
  /// narrowest whose error is not larger than the widest width's.
  oracle,
};

/// "random", "by length", "fixed", "mix of fixed", "oracle".
std::string to_string(Baseline baseline);

/// What a way of choosing widths comes to on a data set. Where it draws lots the numbers are their expected values:
/// exactly for shares, costs and the accuracy; the mean of many draws for other metrics, which are not means over the
/// samples.
struct RoutingResult {
  std::vector<double> shares;        ///< of the samples that each width answers, ascending by width
  double cost_fraction = 1;          ///< multiply-adds over those of the widest width
  std::vector<MetricValue> metrics;  ///< the task's
  Estimate score;                    ///< score() of them, with its bootstrap interval
};

struct BaselineResult {
  Baseline baseline;
  std::string name;  ///< "random", "by length", "fixed 0.25", "mix of fixed 0.25 and 1", "oracle"
  RoutingResult result;
  Estimate lead;  ///< the routing's score minus this one, with the interval of the paired bootstrap
};

/// A routing beside its baselines.
struct Comparison {
  RoutingResult routing;
  /// Random, by length, every fixed width, the mix, the oracle.
  std::vector<BaselineResult> baselines;
};

struct ComparisonOptions {
  BootstrapOptions bootstrap = {};
  /// Draws that stand for a baseline that draws lots, where a metric needs them.
  int draws = 200;
};

/// Judges a routing beside its baselines, all on the same answers. Deterministic for a seed, whatever the thread count.
/// Throws ShapeError when there are no samples, or no labels; ConfigError when an option is out of its range.
Comparison compare(const Answers& answers, const Task& task, const Routing& routing,
                   const ComparisonOptions& options = {});

}  // namespace gnu::visibility("default")]]sharcs
