#pragma once

namespace sharcs::internal {

/// number / by, rounded up. number ≥ 0, by > 0; either may be as large as a number can be.
template <class Integer>
constexpr Integer ceil_divide(Integer number, Integer by) {
  return number / by + (number % by != 0);
}

/// The least multiple of `unit` that is not below `number`. number ≥ 0, unit > 0.
template <class Integer>
constexpr Integer round_up(Integer number, Integer unit) {
  return ceil_divide(number, unit) * unit;
}

}  // namespace sharcs::internal
