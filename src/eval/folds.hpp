#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <vector>

#include "core/random.hpp"

namespace sharcs::internal {

/// Deals samples out into so many parts for a cross-validation, at most as many as there are samples: their sizes
/// differ by one at most. Returns the part of each sample; the same seed gives the same parts.
inline std::vector<int> deal_folds(std::size_t samples, int folds, std::uint64_t seed) {
  std::vector<std::size_t> order(samples);
  std::iota(order.begin(), order.end(), std::size_t{0});
  Random random(derive_key(seed, "calibration folds"));
  random.shuffle(order);
  const std::size_t count = std::min(samples, static_cast<std::size_t>(folds));
  std::vector<int> fold_of_sample(samples);
  for (std::size_t position = 0; position < samples; ++position)
    fold_of_sample[order[position]] = static_cast<int>(position % count);
  return fold_of_sample;
}

}  // namespace sharcs::internal
