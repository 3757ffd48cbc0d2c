#pragma once

#include <algorithm>
#include <span>
#include <vector>

#include "sharcs/routing.hpp"

namespace sharcs::internal {

// Costs of one model are added and subtracted: where both have a window, it is the same.

inline LengthCost sum_of(const LengthCost& a, const LengthCost& b) {
  return {.constant = a.constant + b.constant,
          .linear = a.linear + b.linear,
          .quadratic = a.quadratic + b.quadratic,
          .windowed = a.windowed + b.windowed,
          .window = std::max(a.window, b.window)};
}

inline LengthCost difference_of(const LengthCost& a, const LengthCost& b) {
  return {.constant = a.constant - b.constant,
          .linear = a.linear - b.linear,
          .quadratic = a.quadratic - b.quadratic,
          .windowed = a.windowed - b.windowed,
          .window = std::max(a.window, b.window)};
}

/// In a unit that is `unit` times as large.
inline LengthCost in_units_of(const LengthCost& cost, double unit) {
  return {.constant = cost.constant / unit,
          .linear = cost.linear / unit,
          .quadratic = cost.quadratic / unit,
          .windowed = cost.windowed / unit,
          .window = cost.window};
}

/// As files have it: three numbers, or five where there is a window.
inline std::vector<double> numbers_of(const LengthCost& cost) {
  if (cost.windowed == 0) return {cost.constant, cost.linear, cost.quadratic};
  return {cost.constant, cost.linear, cost.quadratic, cost.windowed, cost.window};
}
inline LengthCost cost_of_numbers(std::span<const double> numbers) {
  LengthCost cost = {.constant = numbers[0], .linear = numbers[1], .quadratic = numbers[2]};
  if (numbers.size() > 3) cost.windowed = numbers[3], cost.window = numbers[4];
  return cost;
}

}  // namespace sharcs::internal
