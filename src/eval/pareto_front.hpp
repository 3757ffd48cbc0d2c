#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace sharcs::internal {

struct CostAndScore {
  double cost;
  double score;
};

/// The points that no other beats: none costs less and scores as much, or costs as much and scores more. By index,
/// ascending by cost. Of equal points all are on the front; points that are not finite never are.
std::vector<std::size_t> pareto_front(std::span<const CostAndScore> points);

}  // namespace sharcs::internal
