#include "eval/pareto_front.hpp"

#include <algorithm>
#include <cmath>

namespace sharcs::internal {

std::vector<std::size_t> pareto_front(std::span<const CostAndScore> points) {
  std::vector<std::size_t> order;
  for (std::size_t i = 0; i < points.size(); ++i)
    if (std::isfinite(points[i].cost) && std::isfinite(points[i].score)) order.push_back(i);
  std::ranges::stable_sort(order, [&](std::size_t a, std::size_t b) {
    return points[a].cost != points[b].cost ? points[a].cost < points[b].cost : points[a].score > points[b].score;
  });
  std::vector<std::size_t> front;
  for (const std::size_t i : order) {
    const auto equals = [&](std::size_t j) {
      return points[i].cost == points[j].cost && points[i].score == points[j].score;
    };
    if (front.empty() || points[i].score > points[front.back()].score || equals(front.back())) front.push_back(i);
  }
  return front;
}

}  // namespace sharcs::internal
