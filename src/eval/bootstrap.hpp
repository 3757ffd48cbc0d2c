#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "core/threads.hpp"
#include "data/entity_scores.hpp"
#include "sharcs/evaluation.hpp"
#include "sharcs/task.hpp"

namespace sharcs::internal {

/// Wilson's interval for a proportion (Wilson 1927): holds the true accuracy with probability `confidence`, within [0,
/// 1] and sensible also for 0 or all correct. Throws ShapeError when total is 0 or correct > total.
Interval wilson_interval(std::size_t correct, std::size_t total, double confidence = 0.95);

/// A metric with its bootstrap interval (Efron 1979): the metric over `resamples` draws of as many samples with
/// replacement. The same seed gives the same interval, whatever the thread count. Throws ShapeError as the metric;
/// ConfigError when the confidence is not between 0 and 1 or there are no resamples.
Estimate bootstrap(Metric metric, std::span<const int> labels, std::span<const int> predictions,
                   const BootstrapOptions& options = {});
/// The same of a regression; targets, predictions: [samples, outputs].
Estimate bootstrap(Metric metric, std::span<const double> targets, std::span<const double> predictions,
                   const BootstrapOptions& options = {}, std::size_t outputs = 1);

/// The same of tags; an element of `counts` for each sample.
Estimate bootstrap(Metric metric, std::span<const TagCounts> counts, const BootstrapOptions& options = {});

/// metric(ours) − metric(theirs) on the same samples, with the interval from drawing samples jointly for both sides,
/// which cancels what is hard or easy for both. The difference is significant at 1 − confidence when the interval
/// leaves out 0. Throws as bootstrap().
Estimate paired_bootstrap(Metric metric, std::span<const int> labels, std::span<const int> ours,
                          std::span<const int> theirs, const BootstrapOptions& options = {});
Estimate paired_bootstrap(Metric metric, std::span<const double> targets, std::span<const double> ours,
                          std::span<const double> theirs, const BootstrapOptions& options = {});

/// Throws ConfigError unless the confidence of an interval is between 0 and 1.
void require_confidence(double confidence);

/// Throws ConfigError when an option is out of its range.
void check(const BootstrapOptions& options);

/// Resample number `resample`: sample numbers drawn with replacement, by a key of its own, so that the threads that
/// share the work do not matter.
std::vector<std::size_t> bootstrap_draw(std::size_t samples, const BootstrapOptions& options, int resample);

/// The interval that leaves out the same share of the values on both sides. `values` is not empty.
Interval percentile_interval(std::vector<double> values, double confidence);

/// The percentile interval of statistic(draw) over the resamples.
template <class Statistic>
Interval bootstrap_interval(std::size_t samples, const BootstrapOptions& options, const Statistic& statistic) {
  check(options);
  std::vector<double> values(static_cast<std::size_t>(options.resamples));
  parallel_for(options.resamples, [&](Index r) {
    values[static_cast<std::size_t>(r)] = statistic(bootstrap_draw(samples, options, static_cast<int>(r)));
  });
  return percentile_interval(std::move(values), options.confidence);
}

/// The rows of values, each of `outputs` elements, in the order of the draw: draw[0], draw[1], …
template <class T>
std::vector<T> drawn(std::span<const T> values, const std::vector<std::size_t>& draw, std::size_t outputs = 1) {
  std::vector<T> result(draw.size() * outputs);
  for (std::size_t i = 0; i < draw.size(); ++i)
    std::ranges::copy(values.subspan(draw[i] * outputs, outputs), result.begin() + static_cast<Index>(i * outputs));
  return result;
}

}  // namespace sharcs::internal
