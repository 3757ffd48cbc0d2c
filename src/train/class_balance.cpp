#include "train/class_balance.hpp"

#include <algorithm>
#include <cmath>

namespace sharcs::internal {
namespace {

/// A class of less than this share of the samples is too rare for a loss that does not weigh it.
constexpr double rare_share = 0.05;
/// Of an even share: what a rare class gets by copies.
constexpr double least_share = 0.2;
/// More would let a model learn the few samples by heart.
constexpr double most_copies = 10;

}  // namespace

std::vector<int> ClassBalance::copies_of(std::span<const std::int32_t> labels) const {
  std::vector<int> of_samples;
  if (copies.empty()) return of_samples;
  for (const std::int32_t label : labels) of_samples.push_back(copies[static_cast<std::size_t>(label)]);
  return of_samples;
}

ClassBalance class_balance(std::span<const std::int32_t> labels, int classes, ClassWeights how) {
  if (labels.empty() || how == ClassWeights::none) return {};
  std::vector<double> counts(static_cast<std::size_t>(classes));
  for (const std::int32_t label : labels) ++counts[static_cast<std::size_t>(label)];
  const auto samples = static_cast<double>(labels.size());
  if (how == ClassWeights::automatic && *std::ranges::min_element(counts) >= rare_share * samples) return {};

  ClassBalance balance;
  double shown = 0, present = 0;
  for (double& count : counts) {
    const double wanted = least_share / classes * samples;
    const double copies = count > 0 ? std::clamp(std::ceil(wanted / count), 1.0, most_copies) : 1;
    balance.copies.push_back(static_cast<int>(copies));
    count *= copies;
    shown += count;
    present += count > 0 ? 1 : 0;
  }
  for (const double count : counts)
    balance.weights.push_back(count > 0 ? static_cast<float>(shown / present / count) : 0.0f);
  return balance;
}

}  // namespace sharcs::internal
