#include "eval/bootstrap.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <utility>

#include "core/random.hpp"
#include "core/threads.hpp"
#include "data/metrics.hpp"
#include "expect_error.hpp"

namespace sharcs::internal::bootstrap_test {
namespace {

using Ints = std::vector<int>;
using Doubles = std::vector<double>;

// Wilson's formula with z = 1.959964: 8 of 10 gives 0.4902 to 0.9433 (Agresti and Coull 1998 use the same).
TEST(WilsonInterval, MatchesKnownValues) {
  const Interval interval = wilson_interval(8, 10);
  EXPECT_NEAR(interval.low, 0.490162, 1e-6);
  EXPECT_NEAR(interval.high, 0.943318, 1e-6);
  EXPECT_NEAR(wilson_interval(0, 20).low, 0, 1e-12);
  EXPECT_NEAR(wilson_interval(0, 20).high, 0.161125, 1e-6);
  EXPECT_NEAR(wilson_interval(20, 20).low, 1 - 0.161125, 1e-6);
  EXPECT_NEAR(wilson_interval(20, 20).high, 1, 1e-12);
  EXPECT_LT(wilson_interval(80, 100, 0.8).high, wilson_interval(80, 100).high);
  message_of<ShapeError>([] { (void)wilson_interval(1, 0); });
  message_of<ConfigError>([] { (void)wilson_interval(1, 2, 1.0); });
}

struct Predictions {
  Ints labels, better, worse;
};

// Both sides are wrong on the same hard third; `worse` is wrong on a few more.
Predictions correlated_predictions(std::size_t samples) {
  Random random(derive_key(11, "test"));
  Predictions made;
  for (std::size_t i = 0; i < samples; ++i) {
    const int label = static_cast<int>(random.below(2));
    const bool hard = random.uniform() < 1.0 / 3;
    made.labels.push_back(label);
    made.better.push_back(hard ? 1 - label : label);
    made.worse.push_back(hard || random.uniform() < 0.03 ? 1 - label : label);
  }
  return made;
}

TEST(Bootstrap, IntervalOfAnAccuracyIsAboutWilsons) {
  const Predictions made = correlated_predictions(1000);
  const Estimate estimate = bootstrap("accuracy", made.labels, made.better);
  const Interval wilson = wilson_interval(static_cast<std::size_t>(std::lround(1000 * estimate.value)), 1000);
  EXPECT_EQ(estimate.value, measure("accuracy", made.labels, made.better));
  EXPECT_NEAR(estimate.interval.low, wilson.low, 0.005);
  EXPECT_NEAR(estimate.interval.high, wilson.high, 0.005);
}

TEST(Bootstrap, PairingFindsADifferenceThatSeparateIntervalsHide) {
  const Predictions made = correlated_predictions(1000);
  const Estimate difference = paired_bootstrap("accuracy", made.labels, made.better, made.worse);
  EXPECT_DOUBLE_EQ(difference.value,
                   measure("accuracy", made.labels, made.better) - measure("accuracy", made.labels, made.worse));
  EXPECT_GT(difference.interval.low, 0);
  EXPECT_LT(difference.interval.high, 0.05);
  EXPECT_LT(bootstrap("accuracy", made.labels, made.better).interval.low,
            bootstrap("accuracy", made.labels, made.worse).interval.high);
}

TEST(Bootstrap, IsTheSameForTheSameSeedAtAnyThreadCount) {
  const Predictions made = correlated_predictions(200);
  const auto interval = [&](std::uint64_t seed, int threads) {
    const ThreadScope scope(threads);
    const Interval found =
        paired_bootstrap("matthews", made.labels, made.better, made.worse, {.resamples = 300, .seed = seed}).interval;
    return std::pair(found.low, found.high);
  };
  EXPECT_EQ(interval(1, 1), interval(1, 2));
  EXPECT_NE(interval(1, 1), interval(2, 1));
}

TEST(Bootstrap, WorksForRegression) {
  Random random(3);
  Doubles targets, close, far;
  for (int i = 0; i < 300; ++i) {
    targets.push_back(random.normal());
    close.push_back(targets.back() + 0.3 * random.normal());
    far.push_back(targets.back() + 1.0 * random.normal());
  }
  EXPECT_GT(paired_bootstrap("spearman", targets, close, far).interval.low, 0);
  const Estimate estimate = bootstrap("pearson", targets, far);
  EXPECT_LT(estimate.interval.low, estimate.value);
  EXPECT_GT(estimate.interval.high, estimate.value);
}

TEST(Bootstrap, RefusesOptionsThatCannotBe) {
  message_of<ConfigError>([] { (void)bootstrap("accuracy", Ints{1}, Ints{1}, {.resamples = 0}); });
  message_of<ConfigError>([] { (void)bootstrap("accuracy", Ints{1}, Ints{1}, {.confidence = 0}); });
  message_of<ConfigError>([] { (void)bootstrap("pearson", Ints{1}, Ints{1}); });
  message_of<ShapeError>([] { (void)paired_bootstrap("accuracy", Ints{1, 0}, Ints{1, 0}, Ints{1}); });
}

}  // namespace
}  // namespace sharcs::internal::bootstrap_test
