#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "core/threads.hpp"
#include "sharcs/metrics.hpp"

namespace sharcs::internal {

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

/// values[draw[0]], values[draw[1]], …
template <class T>
std::vector<T> drawn(std::span<const T> values, const std::vector<std::size_t>& draw) {
  std::vector<T> result(draw.size());
  for (std::size_t i = 0; i < draw.size(); ++i) result[i] = values[draw[i]];
  return result;
}

}  // namespace sharcs::internal
