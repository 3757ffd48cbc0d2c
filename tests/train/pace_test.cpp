#include "train/pace.hpp"

#include <gtest/gtest.h>

#include <cmath>

namespace sharcs::internal::pace_test {
namespace {

TEST(Pace, TellsSamplesPerSecondOfTheEpoch) {
  double now = 50;
  Pace pace(2, [&] { return now; });
  pace.begin_epoch(1, 10);
  EXPECT_EQ(pace.samples_per_second(), 0);
  EXPECT_TRUE(std::isnan(pace.seconds_left()));
  for (int step = 0; step < 4; ++step) {
    now += 0.5;
    pace.add_step(32);
  }
  EXPECT_DOUBLE_EQ(pace.samples_per_second(), 64);
}

TEST(Pace, TimeLeftIsThatOfTheRestOfTheEpochAndTheEpochsToCome) {
  double now = 0;
  Pace pace(3, [&] { return now; });
  pace.begin_epoch(1, 10);
  now += 2;
  pace.add_step(1);
  EXPECT_DOUBLE_EQ(pace.seconds_left(), 18 + 2 * 20);
}

TEST(Pace, FollowsTheEpochUnderWayWhenItTurnsOutCheaper) {
  double now = 0;
  Pace pace(2, [&] { return now; });
  pace.begin_epoch(1, 10);
  for (int step = 0; step < 10; ++step) {
    now += 4;
    pace.add_step(1);
  }
  EXPECT_DOUBLE_EQ(pace.seconds_left(), 40);
  now += 10;  // evaluation
  pace.begin_epoch(2, 10);
  EXPECT_DOUBLE_EQ(pace.seconds_left(), 50) << "as long as the epoch before";
  for (int step = 0; step < 5; ++step) {
    now += 1;
    pace.add_step(1);
  }
  EXPECT_DOUBLE_EQ(pace.seconds_left(), 5);
  for (int step = 0; step < 5; ++step) {
    now += 1;
    pace.add_step(1);
  }
  EXPECT_DOUBLE_EQ(pace.seconds_left(), 0);
}

TEST(Pace, ResumedInTheMiddleOfAnEpochCountsItsOwnSteps) {
  double now = 0;
  Pace pace(2, [&] { return now; });
  pace.begin_epoch(1, 10, 8);
  now += 3;
  pace.add_step(6);
  EXPECT_DOUBLE_EQ(pace.samples_per_second(), 2);
  EXPECT_DOUBLE_EQ(pace.seconds_left(), 3 + 30);
  now += 3;
  pace.add_step(6);
  pace.begin_epoch(2, 10);
  EXPECT_TRUE(std::isnan(pace.seconds_left())) << "the part of an epoch says nothing about a whole one";
}

}  // namespace
}  // namespace sharcs::internal::pace_test
