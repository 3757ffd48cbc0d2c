#include "core/text_table.hpp"

#include <gtest/gtest.h>

#include <cmath>

namespace sharcs::internal {
namespace {

TEST(TextTable, ThreeDigitsAreSignificant) {
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

TEST(TextTable, TimesAreInTheUnitThatReadsWell) {
  EXPECT_EQ(seconds_text(0.0000384), "0.0384 ms");
  EXPECT_EQ(seconds_text(0.6124), "612 ms");
  EXPECT_EQ(seconds_text(1.4242), "1.42 s");
}

}  // namespace
}  // namespace sharcs::internal
