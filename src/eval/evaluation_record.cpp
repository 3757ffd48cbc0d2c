#include "sharcs/evaluation_record.hpp"

#include <algorithm>

#include "core/json_reader.hpp"
#include "core/nan.hpp"
#include "sharcs/error.hpp"

namespace sharcs {
using namespace internal;

std::vector<CalibrationBin> calibration_bins(const std::vector<double>& probabilities, const std::vector<int>& right,
                                             int bins) {
  if (bins < 1) throw ShapeError("calibration in " + std::to_string(bins) + " bins; expected at least 1");
  if (probabilities.size() != right.size())
    throw ShapeError("calibration of " + std::to_string(probabilities.size()) + " probabilities against " +
                     std::to_string(right.size()) + " outcomes; expected as many");
  std::vector<CalibrationBin> result(static_cast<std::size_t>(bins));
  for (int i = 0; i < bins; ++i) {
    CalibrationBin& bin = result[static_cast<std::size_t>(i)];
    bin.low = static_cast<double>(i) / bins;
    bin.high = static_cast<double>(i + 1) / bins;
  }
  for (std::size_t i = 0; i < right.size(); ++i) {
    const double p = probabilities[i];
    if (!(p >= 0 && p <= 1))
      throw ShapeError("calibration of probability " + short_number(p) + "; expected a number from 0 to 1");
    // The bounds as written decide, not p · bins, whose rounding can cross one.
    auto bin =
        std::upper_bound(result.begin(), result.end(), p, [](double x, const CalibrationBin& b) { return x < b.high; });
    if (bin == result.end()) --bin;
    ++bin->samples;
    bin->predicted += p;
    bin->right += right[i] != 0;
  }
  for (CalibrationBin& bin : result) {
    const auto count = static_cast<double>(bin.samples);
    bin.predicted = bin.samples > 0 ? bin.predicted / count : nan;
    bin.right = bin.samples > 0 ? bin.right / count : nan;
  }
  return result;
}

double score_of(const MetricMap& metrics) {
  double sum = 0;
  for (const auto& [name, value] : metrics) sum += value;
  return metrics.empty() ? nan : sum / static_cast<double>(metrics.size());
}

}  // namespace sharcs
