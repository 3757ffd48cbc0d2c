#include "data/bootstrap.hpp"

#include <algorithm>
#include <string>

#include "core/random.hpp"
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

}  // namespace sharcs::internal
