#include "eval/router_calibration.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "eval/comparison.hpp"
#include "eval/simulated_recordings.hpp"
#include "expect_error.hpp"
#include "sharcs/error.hpp"

namespace sharcs::internal::router_calibration_test {
namespace {

using testing::costs_of;
using ::testing::Each;
using ::testing::HasSubstr;
using testing::recording_of;
using testing::share_right;
using testing::simulated;

TEST(RouterCalibration, BudgetsAreMetToWithinOneSample) {
  for (const std::size_t widths : {2u, 3u, 4u}) {
    const Recording recording = simulated(400, widths);
    const CostModel costs = costs_of(widths);
    const double least = least_router_budget(recording, costs);
    EXPECT_DOUBLE_EQ(least, 1.0 / static_cast<double>(widths));
    const std::vector<double> budgets = {least, 0.55, 0.6, 0.7, 0.85, 0.97};
    for (const RouterCalibration& found : calibrate_router(recording, costs, budgets)) {
      const double budget = found.rule.budget, cost = cost_fraction(recording, found.fitted);
      EXPECT_LE(cost, budget + 1e-9) << widths << " widths";
      EXPECT_GT(cost, budget - 0.01) << widths << " widths";
      EXPECT_NEAR(cost_fraction(recording, found.expected), budget, 0.05) << widths << " widths";
    }
  }
}

TEST(RouterCalibration, MoreBudgetIsNeverCheaperAndAtTheEndsEverythingIsNarrowOrWide) {
  const Recording recording = simulated(300, 2);
  const std::vector<double> budgets = {0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95, 1};
  const auto curve = calibrate_router(recording, costs_of(2), budgets);
  ASSERT_EQ(curve.size(), budgets.size());
  for (std::size_t k = 1; k < curve.size(); ++k) {
    EXPECT_GE(cost_fraction(recording, curve[k].fitted), cost_fraction(recording, curve[k - 1].fitted));
    EXPECT_LE(curve[k].rule.price, curve[k - 1].rule.price);
  }
  EXPECT_THAT(curve.front().fitted.answer_of_sample, Each(0));
  EXPECT_THAT(curve.back().fitted.answer_of_sample, Each(1));
}

TEST(RouterCalibration, ACurveIsItsPointsOneByOne) {
  const Recording recording = simulated(200, 3);
  const std::vector<double> budgets = {0.4, 0.6, 0.8};
  const auto curve = calibrate_router(recording, costs_of(3), budgets);
  for (std::size_t k = 0; k < budgets.size(); ++k) {
    const RouterCalibration alone = calibrate_router(recording, costs_of(3), budgets[k]);
    EXPECT_EQ(alone.rule.price, curve[k].rule.price);
    EXPECT_EQ(alone.expected.answer_of_sample, curve[k].expected.answer_of_sample);
  }
}

TEST(RouterCalibration, BeatsChanceOnSamplesThatItHasNotSeen) {
  const Recording dev = simulated(1500, 2, 3), fresh = simulated(20000, 2, 4);
  const RouterCalibration found = calibrate_router(dev, costs_of(2), 0.7);
  std::vector<int> widths;
  for (std::size_t i = 0; i < fresh.size(); ++i)
    widths.push_back(found.rule.choose(fresh.router_logits_of(i), fresh.tokens[i]));
  const Routing routed = route(fresh, widths);
  EXPECT_NEAR(cost_fraction(fresh, routed), 0.7, 0.03);
  const std::vector<OperatingPoint> comparison = compare(fresh, routed, {.bootstrap = {.resamples = 200}});
  for (const Baseline baseline : {Baseline::random, Baseline::mix_of_fixed})
    EXPECT_GT(point_of(comparison, baseline).lead->interval.low, 0.01) << to_string(baseline);
  // What cross-validation promised holds.
  EXPECT_NEAR(share_right(dev, found.expected), share_right(fresh, routed), 0.03);
}

TEST(RouterCalibration, DoesNotSpendOnWhatIsLostAtEveryWidth) {
  // Router logits from −1 (hard) to 1 (easy): the wide width helps in the middle third only, and the hardest third is
  // wrong at both. In the router's order the hardest would be made wide first.
  std::vector<std::string> right(2);
  std::vector<float> logits;
  for (int i = 0; i < 900; ++i) {
    right[0] += i < 600 ? '0' : '1';
    right[1] += i < 300 ? '0' : '1';
    const float easy = static_cast<float>(i) / 450 - 1;
    logits.insert(logits.end(), {easy, -easy});
  }
  Recording recording = recording_of(right);
  recording.router_logits = logits;
  recording.tokens.assign(900, 10);
  const RouterCalibration found = calibrate_router(recording, costs_of(2), 0.5 + 0.5 / 3);
  EXPECT_NE(found.values, ValueModel::offsets);
  EXPECT_GT(share_right(recording, found.expected), 0.6);
}

TEST(RouterCalibration, IsDeterministic) {
  const Recording recording = simulated(150, 3);
  const RouterCalibration a = calibrate_router(recording, costs_of(3), 0.6),
                          b = calibrate_router(recording, costs_of(3), 0.6);
  EXPECT_EQ(a.rule.price, b.rule.price);
  EXPECT_EQ(a.rule.weights, b.rule.weights);
  EXPECT_EQ(a.expected.answer_of_sample, b.expected.answer_of_sample);
}

TEST(RouterCalibration, LatencyBudgetsCountSecondsOfEachSamplesLength) {
  const Recording recording = simulated(400, 2);
  CostModel costs;
  costs.unit = CostUnit::seconds;
  costs.answers = {{.constant = 1e-3, .linear = 1e-5}, {.constant = 2e-3, .linear = 4e-5}};
  costs.paths = {{}, {}};
  const double full = costs.mean(recording, route(recording, std::vector<int>(400, 1)));
  EXPECT_EQ(full, costs.full(recording));
  const RouterCalibration found = calibrate_router(recording, costs, 0.75);
  EXPECT_EQ(found.rule.unit, CostUnit::seconds);
  EXPECT_DOUBLE_EQ(found.rule.full_cost, full);
  EXPECT_NEAR(costs.mean(recording, found.fitted), 0.75 * full, 0.005 * full);
}

TEST(RouterCalibration, RegressionIsServedThroughTheSquaredError) {
  Recording recording = simulated(600, 2);
  recording.outputs = 1;
  recording.labels.clear();
  Random random(9);
  recording.metrics = {"pearson"};
  for (RecordedAnswer& answer : recording.answers) answer.logits.clear();
  for (std::size_t i = 0; i < 600; ++i) {
    const double target = random.normal();
    const bool hard = recording.router_logits_of(i)[0] < 0;
    recording.targets.push_back(target);
    recording.answers[0].logits.push_back(static_cast<float>(target + (hard ? 2 : 0.1) * random.normal()));
    recording.answers[1].logits.push_back(static_cast<float>(target + 0.1 * random.normal()));
  }
  const RouterCalibration found = calibrate_router(recording, costs_of(2), 0.75);
  const std::vector<OperatingPoint> comparison = compare(recording, found.expected, {.bootstrap = {.resamples = 200}});
  EXPECT_EQ(comparison[1].name, "random");
  EXPECT_GT(comparison[1].lead->interval.low, 0.05);
}

TEST(RouterCalibration, OneWidthLeavesNothingToDecide) {
  Recording recording = recording_of({"1101"});
  recording.router_logits = {1, 2, 3, 4};
  const RouterCalibration found = calibrate_router(recording, costs_of(1), 1);
  EXPECT_THAT(found.fitted.answer_of_sample, Each(0));
  EXPECT_EQ(cost_fraction(recording, found.expected), 1);
}

TEST(RouterCalibration, AllRightAndAllWrongAreNoTrouble) {
  for (const char outcome : {'0', '1'}) {
    Recording recording = recording_of({std::string(50, outcome), std::string(50, outcome)});
    Random random(1);
    for (int i = 0; i < 100; ++i) recording.router_logits.push_back(static_cast<float>(random.normal()));
    const RouterCalibration found = calibrate_router(recording, costs_of(2), 0.75);
    EXPECT_LE(cost_fraction(recording, found.fitted), 0.75);
    EXPECT_TRUE(std::isfinite(found.rule.price));
    EXPECT_EQ(share_right(recording, found.expected), outcome == '1' ? 1 : 0);
    EXPECT_EQ(found.values, ValueModel::offsets);  // none is better, so the simplest
  }
}

TEST(RouterCalibration, ARouterThatSaysTheSameOfAllStaysWithinTheBudget) {
  Recording recording = simulated(100, 2);
  recording.router_logits.assign(200, 0.5f);
  const RouterCalibration found = calibrate_router(recording, costs_of(2), 0.75);
  EXPECT_LE(cost_fraction(recording, found.fitted), 0.75);
  EXPECT_THAT(calibrate_router(recording, costs_of(2), 1).fitted.answer_of_sample, Each(1));
}

TEST(RouterCalibration, NeedsTwoSamples) {
  EXPECT_THAT(message_of<ShapeError>([] { calibrate_router(simulated(1, 2), costs_of(2), 0.75); }),
              HasSubstr("1 sample to calibrate on; expected at least 2"));
  for (const std::size_t samples : {2u, 3u}) {
    const Recording recording = simulated(samples, 2);
    const RouterCalibration found = calibrate_router(recording, costs_of(2), 0.75);
    EXPECT_LE(cost_fraction(recording, found.fitted), 0.75);
    EXPECT_EQ(found.expected.answer_of_sample.size(), samples);
  }
}

TEST(RouterCalibration, RefusesBudgetsThatCannotBe) {
  const Recording recording = simulated(50, 2);
  EXPECT_THAT(message_of<ConfigError>([&] { calibrate_router(recording, costs_of(2), 0.4); }),
              HasSubstr("a budget of 0.4; expected 0.5 (everything at the narrowest width) to 1"));
  EXPECT_THROW(calibrate_router(recording, costs_of(2), 1.1), ConfigError);
  EXPECT_THROW(calibrate_router(recording, costs_of(2), std::nan("")), ConfigError);
}

TEST(RouterCalibration, RefusesAnswersThatItCannotUse) {
  Recording recording = simulated(50, 2);
  EXPECT_THROW(calibrate_router(recording, costs_of(3), 0.75), ShapeError);
  EXPECT_THROW(calibrate_router(recording, costs_of(2), 0.75, {.folds = 1}), ConfigError);
  EXPECT_THROW(calibrate_router(Recording{}, costs_of(2), 0.75), ShapeError);
  recording.labels.clear();
  EXPECT_THROW(calibrate_router(recording, costs_of(2), 0.75), ShapeError);
  recording = simulated(50, 2);
  recording.router_logits.clear();
  EXPECT_THAT(message_of<ConfigError>([&] { calibrate_router(recording, costs_of(2), 0.75); }),
              HasSubstr("has no router"));
}

}  // namespace
}  // namespace sharcs::internal::router_calibration_test
