#include "eval/pareto_front.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

namespace sharcs::internal::pareto_front_test {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(ParetoFront, HoldsWhatNoOtherPointBeats) {
  const std::vector<CostAndScore> points = {{1.0, 0.9}, {0.5, 0.8}, {0.6, 0.7}, {0.4, 0.8}, {0.2, 0.1}, {0.2, 0.3}};
  EXPECT_THAT(pareto_front(points), ElementsAre(5, 3, 0));
}

TEST(ParetoFront, EqualPointsAreAllOnIt) {
  EXPECT_THAT(pareto_front(std::vector<CostAndScore>{{1, 1}, {1, 1}, {2, 1}}), ElementsAre(0, 1));
}

TEST(ParetoFront, WhatIsNoNumberIsNot) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  EXPECT_THAT(pareto_front(std::vector<CostAndScore>{{nan, 1}, {1, nan}, {1, 0}}), ElementsAre(2));
  EXPECT_THAT(pareto_front({}), IsEmpty());
}

}  // namespace
}  // namespace sharcs::internal::pareto_front_test
