#include "eval/reliability.hpp"

#include <algorithm>
#include <cmath>

#include "core/number.hpp"
#include "sharcs/error.hpp"

namespace sharcs::internal {

std::vector<ReliabilityBin> reliability_bins(const std::vector<double>& probabilities, const std::vector<double>& right,
                                             int bins) {
  if (bins < 1) throw ShapeError("reliability in " + std::to_string(bins) + " bins; expected at least 1");
  if (probabilities.size() != right.size())
    throw ShapeError("reliability of " + std::to_string(probabilities.size()) + " probabilities against " +
                     std::to_string(right.size()) + " outcomes; expected as many");
  std::vector<ReliabilityBin> result(static_cast<std::size_t>(bins));
  for (int i = 0; i < bins; ++i) {
    ReliabilityBin& bin = result[static_cast<std::size_t>(i)];
    bin.low = static_cast<double>(i) / bins;
    bin.high = static_cast<double>(i + 1) / bins;
  }
  for (std::size_t i = 0; i < right.size(); ++i) {
    const double p = probabilities[i];
    if (!(p >= 0 && p <= 1))
      throw ShapeError("reliability of probability " + short_number(p) + "; expected a number from 0 to 1");
    // The bounds as written decide, not p · bins, whose rounding can cross one.
    auto bin =
        std::upper_bound(result.begin(), result.end(), p, [](double x, const ReliabilityBin& b) { return x < b.high; });
    if (bin == result.end()) --bin;
    ++bin->samples;
    bin->predicted += p;
    bin->right += right[i];
  }
  for (ReliabilityBin& bin : result) {
    const auto count = static_cast<double>(bin.samples);
    bin.predicted = bin.samples > 0 ? bin.predicted / count : nan;
    bin.right = bin.samples > 0 ? bin.right / count : nan;
  }
  return result;
}

double reliability_error(std::span<const ReliabilityBin> bins) {
  double sum = 0, samples = 0;
  for (const ReliabilityBin& bin : bins) {
    if (bin.samples == 0) continue;
    sum += static_cast<double>(bin.samples) * std::abs(bin.predicted - bin.right);
    samples += static_cast<double>(bin.samples);
  }
  return samples > 0 ? sum / samples : nan;
}

}  // namespace sharcs::internal
