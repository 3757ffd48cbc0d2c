#include "eval/bootstrap.hpp"

#include <algorithm>
#include <cmath>
#include <string>

#include "core/random.hpp"
#include "data/metrics.hpp"
#include "sharcs/error.hpp"

namespace sharcs::internal {
namespace {

// Linear interpolation between order statistics. `sorted` is not empty.
double quantile(const std::vector<double>& sorted, double share) {
  const double position = share * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<std::size_t>(position);
  const std::size_t above = std::min(below + 1, sorted.size() - 1);
  return sorted[below] + (position - static_cast<double>(below)) * (sorted[above] - sorted[below]);
}

/// outputs: numbers of a sample, for the metric of a regression.
template <class T, class... Outputs>
Estimate estimate(Metric metric, std::span<const T> labels, std::span<const T> predictions, std::size_t samples,
                  const BootstrapOptions& options, Outputs... outputs) {
  const double value = measure(metric, labels, predictions, outputs...);
  return {value, bootstrap_interval(samples, options, [&](const std::vector<std::size_t>& draw) {
            return measure(metric, std::span<const T>(drawn(labels, draw, outputs...)),
                           std::span<const T>(drawn(predictions, draw, outputs...)), outputs...);
          })};
}

template <class T>
Estimate estimate_difference(Metric metric, std::span<const T> labels, std::span<const T> ours,
                             std::span<const T> theirs, const BootstrapOptions& options) {
  const double value = measure(metric, labels, ours) - measure(metric, labels, theirs);
  return {value, bootstrap_interval(labels.size(), options, [&](const std::vector<std::size_t>& draw) {
            const std::vector<T> truth = drawn(labels, draw);
            return measure(metric, std::span<const T>(truth), std::span<const T>(drawn(ours, draw))) -
                   measure(metric, std::span<const T>(truth), std::span<const T>(drawn(theirs, draw)));
          })};
}

}  // namespace

void require_confidence(double confidence) {
  if (!(confidence > 0 && confidence < 1))
    throw ConfigError("confidence is " + std::to_string(confidence) + "; expected a number between 0 and 1");
}

void check(const BootstrapOptions& options) {
  require_confidence(options.confidence);
  if (options.resamples < 1)
    throw ConfigError("resamples is " + std::to_string(options.resamples) + "; expected at least 1");
}

std::vector<std::size_t> bootstrap_draw(std::size_t samples, const BootstrapOptions& options, int resample) {
  Random random(derive_key(options.seed, "bootstrap", static_cast<std::uint64_t>(resample)));
  std::vector<std::size_t> draw(samples);
  for (std::size_t& sample : draw) sample = static_cast<std::size_t>(random.below(samples));
  return draw;
}

Interval percentile_interval(std::vector<double> values, double confidence) {
  std::sort(values.begin(), values.end());
  const double outside = (1 - confidence) / 2;
  return {quantile(values, outside), quantile(values, 1 - outside)};
}

Interval wilson_interval(std::size_t correct, std::size_t total, double confidence) {
  require_confidence(confidence);
  if (total == 0 || correct > total) throw ShapeError(std::to_string(correct) + " correct of " + std::to_string(total));
  double low = 0, high = 40;  // z such that P(|N(0, 1)| < z) = confidence, by bisection
  for (int i = 0; i < 100; ++i) {
    const double middle = (low + high) / 2;
    (std::erf(middle / std::sqrt(2.0)) < confidence ? low : high) = middle;
  }
  const double z = low, n = static_cast<double>(total), p = static_cast<double>(correct) / n;
  const double center = (p + z * z / (2 * n)) / (1 + z * z / n);
  const double half = z / (1 + z * z / n) * std::sqrt(p * (1 - p) / n + z * z / (4 * n * n));
  return {std::max(0.0, center - half), std::min(1.0, center + half)};
}

Estimate bootstrap(Metric metric, std::span<const int> labels, std::span<const int> predictions,
                   const BootstrapOptions& options) {
  return estimate(metric, labels, predictions, labels.size(), options);
}
Estimate bootstrap(Metric metric, std::span<const double> targets, std::span<const double> predictions,
                   const BootstrapOptions& options, std::size_t outputs) {
  return estimate(metric, targets, predictions, targets.size() / outputs, options, outputs);
}

Estimate bootstrap(Metric metric, std::span<const TagCounts> counts, const BootstrapOptions& options) {
  TagCounts all;
  for (const TagCounts& each : counts) all += each;
  return {measure(metric, all), bootstrap_interval(counts.size(), options, [&](const std::vector<std::size_t>& draw) {
            TagCounts sum;
            for (const std::size_t i : draw) sum += counts[i];
            return measure(metric, sum);
          })};
}

Estimate paired_bootstrap(Metric metric, std::span<const int> labels, std::span<const int> ours,
                          std::span<const int> theirs, const BootstrapOptions& options) {
  return estimate_difference(metric, labels, ours, theirs, options);
}
Estimate paired_bootstrap(Metric metric, std::span<const double> targets, std::span<const double> ours,
                          std::span<const double> theirs, const BootstrapOptions& options) {
  return estimate_difference(metric, targets, ours, theirs, options);
}

}  // namespace sharcs::internal
