#include "core/number.hpp"

#include <gtest/gtest.h>

#include <cmath>

namespace sharcs::internal::number_test {
namespace {

TEST(NumberText, ThreeDigitsAreSignificant) {
  EXPECT_EQ(three_digits(0.000038412), "0.0000384");
  EXPECT_EQ(three_digits(0.038), "0.038");
  EXPECT_EQ(three_digits(2.5), "2.5");
  EXPECT_EQ(three_digits(9.996), "10");
  EXPECT_EQ(three_digits(100), "100");
  EXPECT_EQ(three_digits(999.6), "1000");
  EXPECT_EQ(three_digits(1234.5), "1234");
  EXPECT_EQ(three_digits(0), "0");
  EXPECT_EQ(three_digits(std::nan("")), "-");
}

TEST(NumberText, DecimalsRoundAndPercentAndGroupsReadWell) {
  EXPECT_EQ(decimal(0.835, 2), "0.83");  // the nearest double is below
  EXPECT_EQ(decimal(-1.25, 1), "-1.2");
  EXPECT_EQ(decimal(1e20, 0), "100000000000000000000");
  EXPECT_EQ(decimal(std::nan(""), 2), "-");
  EXPECT_EQ(percent(0.6919), "69.2 %");
  EXPECT_EQ(grouped(12345678), "12,345,678");
  EXPECT_EQ(grouped(-123456), "-123,456");
  EXPECT_EQ(counted(1, "sentence"), "1 sentence");
  EXPECT_EQ(counted(12345, "sentence"), "12,345 sentences");
  EXPECT_EQ(bytes_text(438e6), "438.0 MB");
}

TEST(NumberText, TimesAreInTheUnitThatReadsWell) {
  EXPECT_EQ(seconds_text(0.0000384), "0.0384 ms");
  EXPECT_EQ(seconds_text(0.6124), "612 ms");
  EXPECT_EQ(seconds_text(1.4242), "1.42 s");
}

}  // namespace
}  // namespace sharcs::internal::number_test
