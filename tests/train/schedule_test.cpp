#include <gtest/gtest.h>

#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>

#include "expect_error.hpp"
#include "golden_folder.hpp"
#include "sharcs/error.hpp"
#include "train/optimizer.hpp"

namespace sharcs::internal::schedule_test {
namespace {

using ::testing::HasSubstr;

class GoldenSchedule : public testing::GoldenTest {};
SHARCS_FOR_EACH_GOLDEN_SET(GoldenSchedule);

TEST_P(GoldenSchedule, GivesTheRatesOfTheAuthorsCode) {
  const auto expected = nlohmann::json::parse(std::ifstream(golden("adamw_steps/steps.json")));
  const Schedule schedule({.peak = expected.at("learning_rate").get<double>(),
                           .warmup = expected.at("warmup_steps").get<double>(),
                           .total = expected.at("total_steps").get<double>()});
  ASSERT_FALSE(expected.at("steps").empty());
  for (const auto& step : expected.at("steps"))
    EXPECT_NEAR(schedule.learning_rate(step.at("step").get<double>() - 1), step.at("learning_rate").get<double>(),
                1e-15)
        << "step " << step.at("step");
}

TEST(Schedule, LinearRisesToThePeakAndFallsToZeroAndStaysThere) {
  const Schedule schedule({.peak = 8, .warmup = 4, .total = 12});
  EXPECT_EQ(schedule.learning_rate(0), 0);
  EXPECT_EQ(schedule.learning_rate(1), 2);
  EXPECT_EQ(schedule.learning_rate(4), 8);
  EXPECT_EQ(schedule.learning_rate(8), 4);
  EXPECT_EQ(schedule.learning_rate(11), 1);
  EXPECT_EQ(schedule.learning_rate(12), 0);
  EXPECT_EQ(schedule.learning_rate(1000), 0);
}

TEST(Schedule, WithoutWarmupTheFirstStepHasThePeak) {
  EXPECT_EQ(Schedule({.peak = 3, .total = 6}).learning_rate(0), 3);
  EXPECT_EQ(Schedule({.shape = ScheduleShape::constant, .peak = 3}).learning_rate(0), 3);
}

TEST(Schedule, ConstantKeepsThePeakAfterTheWarmup) {
  const Schedule schedule({.shape = ScheduleShape::constant, .peak = 8, .warmup = 4, .total = 12});
  EXPECT_EQ(schedule.learning_rate(2), 4);
  EXPECT_EQ(schedule.learning_rate(4), 8);
  EXPECT_EQ(schedule.learning_rate(1e9), 8);
}

TEST(Schedule, EpochsWillDoAsTheUnit) {
  const Schedule steps({.peak = 1, .warmup = 10, .total = 300});
  const Schedule epochs({.peak = 1, .warmup = 0.1, .total = 3});
  for (const double done : {0.0, 5.0, 10.0, 77.0, 299.0})
    EXPECT_NEAR(epochs.learning_rate(done / 100), steps.learning_rate(done), 1e-12);
}

TEST(Schedule, WarmupBeyondTheEndRisesAndThenStops) {
  const Schedule schedule({.peak = 10, .warmup = 10, .total = 5});
  EXPECT_EQ(schedule.learning_rate(9), 9);
  EXPECT_EQ(schedule.learning_rate(10), 0);
}

TEST(Schedule, RefusesNegativeAndInfiniteNumbers) {
  EXPECT_THAT(message_of<ConfigError>([] { Schedule({.peak = -1}); }), HasSubstr("learning rate is -1"));
  EXPECT_THAT(message_of<ConfigError>([] { Schedule({.warmup = -2}); }), HasSubstr("warm-up steps is -2"));
  EXPECT_THAT(message_of<ConfigError>([] { Schedule({.total = std::numeric_limits<double>::quiet_NaN()}); }),
              HasSubstr("number of steps is nan"));
}

}  // namespace
}  // namespace sharcs::internal::schedule_test
