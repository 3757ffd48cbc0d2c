#include "core/half.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace sharcs::internal::half_test {
namespace {

/// The value of a 16-bit float by its definition: sign, exponent of `exponent_bits`, significand.
double defined_value(unsigned half, int exponent_bits) {
  const int fraction_bits = 15 - exponent_bits;
  const int bias = (1 << (exponent_bits - 1)) - 1;
  const int exponent = static_cast<int>(half >> fraction_bits) & ((1 << exponent_bits) - 1);
  const double fraction = std::ldexp(half & ((1u << fraction_bits) - 1), -fraction_bits);
  const double sign = half >> 15 ? -1 : 1;
  if (exponent == (1 << exponent_bits) - 1)
    return fraction == 0 ? sign * std::numeric_limits<double>::infinity() : std::numeric_limits<double>::quiet_NaN();
  return exponent == 0 ? sign * std::ldexp(fraction, 1 - bias) : sign * std::ldexp(1 + fraction, exponent - bias);
}

TEST(Half, EveryF16HasItsDefinedValueAndComesBack) {
  for (unsigned half = 0; half < 65536; ++half) {
    const float value = float_of_f16(static_cast<std::uint16_t>(half));
    const double expected = defined_value(half, 5);
    if (std::isnan(expected)) {
      ASSERT_TRUE(std::isnan(value)) << half;
      ASSERT_TRUE(std::isnan(float_of_f16(f16_of_float(value)))) << half;
    } else {
      ASSERT_EQ(value, expected) << half;
      ASSERT_EQ(f16_of_float(value), half);
    }
  }
}

TEST(Half, EveryBf16HasItsDefinedValueAndComesBack) {
  for (unsigned half = 0; half < 65536; ++half) {
    const float value = float_of_bf16(static_cast<std::uint16_t>(half));
    const double expected = defined_value(half, 8);
    if (std::isnan(expected)) {
      ASSERT_TRUE(std::isnan(value)) << half;
      ASSERT_TRUE(std::isnan(float_of_bf16(bf16_of_float(value)))) << half;
    } else {
      ASSERT_EQ(value, expected) << half;
      ASSERT_EQ(bf16_of_float(value), half);
    }
  }
}

/// Between each pair of neighbours: just below the middle, the middle, just above it.
template <class Round, class Widen>
void expect_nearest_even(Round round, Widen widen, std::uint16_t largest) {
  for (std::uint16_t half = 0; half < largest; ++half) {
    const std::uint16_t next = static_cast<std::uint16_t>(half + 1);
    const float middle = static_cast<float>((static_cast<double>(widen(half)) + static_cast<double>(widen(next))) / 2);
    const std::uint16_t even = half % 2 == 0 ? half : next;
    ASSERT_EQ(round(std::nextafter(middle, 0.0f)), half);
    ASSERT_EQ(round(middle), even);
    ASSERT_EQ(round(std::nextafter(middle, std::numeric_limits<float>::infinity())), next);
    ASSERT_EQ(round(-middle), even | 0x8000);
  }
}

TEST(Half, RoundsToNearestEven) {
  expect_nearest_even(f16_of_float, float_of_f16, 0x7BFF);
  expect_nearest_even(bf16_of_float, float_of_bf16, 0x7F7F);
}

TEST(Half, WhatIsTooLargeBecomesInfinite) {
  EXPECT_EQ(f16_of_float(65519.0f), 0x7BFF);
  EXPECT_EQ(f16_of_float(65520.0f), 0x7C00);
  EXPECT_EQ(f16_of_float(-1e30f), 0xFC00);
  EXPECT_EQ(bf16_of_float(std::numeric_limits<float>::max()), 0x7F80);
}

}  // namespace
}  // namespace sharcs::internal::half_test
