#include "sharcs/calibration.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "eval/comparison.hpp"
#include "eval/hand_made_recordings.hpp"
#include "expect_error.hpp"
#include "model/small_models.hpp"
#include "sharcs/engine.hpp"
#include "sharcs/error.hpp"
#include "sharcs/model.hpp"
#include "temporary_folder.hpp"

namespace sharcs::internal {
namespace {

using ::testing::Each;
using ::testing::HasSubstr;
using testing::recording_of;

/// As recording_of() counts.
CostModel costs_of(std::size_t widths) {
  CostModel costs;
  for (std::size_t w = 0; w < widths; ++w) costs.widths.push_back({.linear = 100.0 * static_cast<double>(w + 1)});
  return costs;
}

double logistic(double x) { return 1 / (1 + std::exp(-x)); }

/// Samples of a hidden easiness, of which the router sees a noisy copy. Wider widths are right more often, most of all
/// where the easiness is middling.
Recording simulated(std::size_t samples, std::size_t widths, std::uint64_t seed = 3) {
  Random random(seed);
  std::vector<std::string> right(widths);
  std::vector<float> router_logits;
  for (std::size_t i = 0; i < samples; ++i) {
    const double easiness = 2 * random.normal(), seen = easiness + random.normal();
    for (std::size_t w = 0; w < widths; ++w) {
      right[w] += random.uniform() < logistic(easiness + 2 * static_cast<double>(w)) ? '1' : '0';
      router_logits.push_back(
          static_cast<float>(seen * (static_cast<double>(widths - 1) / 2 - static_cast<double>(w))));
    }
  }
  Recording recording = recording_of(right);
  recording.router_logits = router_logits;
  for (std::int32_t& tokens : recording.tokens) tokens = static_cast<std::int32_t>(3 + random.below(30));
  return recording;
}

double share_right(const Recording& recording, const Routing& routing) {
  double right = 0;
  for (std::size_t i = 0; i < recording.size(); ++i) right += is_right(recording, i, routing.answer_of_sample[i]);
  return right / static_cast<double>(recording.size());
}

TEST(Calibration, CostModelOfMultiplyAddsIsExactForEveryLength) {
  const ModelConfig config = testing::small_config();
  const CostModel costs = CostModel::multiply_adds(config);
  const WidthSet widths(config);
  for (const Width& width : widths)
    for (const int tokens : {1, 2, 7, 100, 512})
      EXPECT_DOUBLE_EQ(costs.widths[static_cast<std::size_t>(width.index())].of(tokens),
                       static_cast<double>(multiply_adds(config, width, tokens)));
}

TEST(Calibration, BudgetsAreMetToWithinOneSample) {
  for (const std::size_t widths : {2u, 3u, 4u}) {
    const Recording recording = simulated(400, widths);
    const CostModel costs = costs_of(widths);
    const double least = least_budget(recording, costs);
    EXPECT_DOUBLE_EQ(least, 1.0 / static_cast<double>(widths));
    const std::vector<double> budgets = {least, 0.55, 0.6, 0.7, 0.85, 0.97};
    for (const Calibration& found : calibrate(recording, costs, budgets)) {
      const double budget = found.rule.budget, cost = cost_fraction(recording, found.fitted);
      EXPECT_LE(cost, budget + 1e-9) << widths << " widths";
      EXPECT_GT(cost, budget - 0.01) << widths << " widths";
      EXPECT_NEAR(cost_fraction(recording, found.expected), budget, 0.05) << widths << " widths";
    }
  }
}

TEST(Calibration, MoreBudgetIsNeverCheaperAndAtTheEndsEverythingIsNarrowOrWide) {
  const Recording recording = simulated(300, 2);
  const std::vector<double> budgets = {0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95, 1};
  const auto curve = calibrate(recording, costs_of(2), budgets);
  ASSERT_EQ(curve.size(), budgets.size());
  for (std::size_t k = 1; k < curve.size(); ++k) {
    EXPECT_GE(cost_fraction(recording, curve[k].fitted), cost_fraction(recording, curve[k - 1].fitted));
    EXPECT_LE(curve[k].rule.price, curve[k - 1].rule.price);
  }
  EXPECT_THAT(curve.front().fitted.answer_of_sample, Each(0));
  EXPECT_THAT(curve.back().fitted.answer_of_sample, Each(1));
}

TEST(Calibration, ACurveIsItsPointsOneByOne) {
  const Recording recording = simulated(200, 3);
  const std::vector<double> budgets = {0.4, 0.6, 0.8};
  const auto curve = calibrate(recording, costs_of(3), budgets);
  for (std::size_t k = 0; k < budgets.size(); ++k) {
    const Calibration alone = calibrate(recording, costs_of(3), budgets[k]);
    EXPECT_EQ(alone.rule.price, curve[k].rule.price);
    EXPECT_EQ(alone.expected.answer_of_sample, curve[k].expected.answer_of_sample);
  }
}

TEST(Calibration, BeatsChanceOnSamplesThatItHasNotSeen) {
  const Recording dev = simulated(1500, 2, 3), fresh = simulated(20000, 2, 4);
  const Calibration found = calibrate(dev, costs_of(2), 0.7);
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

TEST(Calibration, DoesNotSpendOnWhatIsLostAtEveryWidth) {
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
  const Calibration found = calibrate(recording, costs_of(2), 0.5 + 0.5 / 3);
  EXPECT_NE(found.values, ValueModel::offsets);
  EXPECT_GT(share_right(recording, found.expected), 0.6);
}

TEST(Calibration, IsDeterministic) {
  const Recording recording = simulated(150, 3);
  const Calibration a = calibrate(recording, costs_of(3), 0.6), b = calibrate(recording, costs_of(3), 0.6);
  EXPECT_EQ(a.rule.price, b.rule.price);
  EXPECT_EQ(a.rule.weights, b.rule.weights);
  EXPECT_EQ(a.expected.answer_of_sample, b.expected.answer_of_sample);
}

TEST(Calibration, LatencyBudgetsCountSecondsOfEachSamplesLength) {
  const Recording recording = simulated(400, 2);
  CostModel costs;
  costs.unit = CostUnit::seconds;
  costs.widths = {{.constant = 1e-3, .linear = 1e-5}, {.constant = 2e-3, .linear = 4e-5}};
  const double full = costs.mean(recording, std::vector<int>(400, 1));
  EXPECT_EQ(full, costs.full(recording));
  const Calibration found = calibrate(recording, costs, 0.75);
  EXPECT_EQ(found.rule.unit, CostUnit::seconds);
  EXPECT_DOUBLE_EQ(found.rule.full_cost, full);
  EXPECT_NEAR(costs.mean(recording, found.fitted.answer_of_sample), 0.75 * full, 0.005 * full);
}

TEST(Calibration, RegressionIsServedThroughTheSquaredError) {
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
  const Calibration found = calibrate(recording, costs_of(2), 0.75);
  const std::vector<OperatingPoint> comparison = compare(recording, found.expected, {.bootstrap = {.resamples = 200}});
  EXPECT_EQ(comparison[1].name, "random");
  EXPECT_GT(comparison[1].lead->interval.low, 0.05);
}

TEST(Calibration, OneWidthLeavesNothingToDecide) {
  Recording recording = recording_of({"1101"});
  recording.router_logits = {1, 2, 3, 4};
  const Calibration found = calibrate(recording, costs_of(1), 1);
  EXPECT_THAT(found.fitted.answer_of_sample, Each(0));
  EXPECT_EQ(cost_fraction(recording, found.expected), 1);
}

TEST(Calibration, AllRightAndAllWrongAreNoTrouble) {
  for (const char outcome : {'0', '1'}) {
    Recording recording = recording_of({std::string(50, outcome), std::string(50, outcome)});
    Random random(1);
    for (int i = 0; i < 100; ++i) recording.router_logits.push_back(static_cast<float>(random.normal()));
    const Calibration found = calibrate(recording, costs_of(2), 0.75);
    EXPECT_LE(cost_fraction(recording, found.fitted), 0.75);
    EXPECT_TRUE(std::isfinite(found.rule.price));
    EXPECT_EQ(share_right(recording, found.expected), outcome == '1' ? 1 : 0);
    EXPECT_EQ(found.values, ValueModel::offsets);  // none is better, so the simplest
  }
}

TEST(Calibration, ARouterThatSaysTheSameOfAllStaysWithinTheBudget) {
  Recording recording = simulated(100, 2);
  recording.router_logits.assign(200, 0.5f);
  const Calibration found = calibrate(recording, costs_of(2), 0.75);
  EXPECT_LE(cost_fraction(recording, found.fitted), 0.75);
  EXPECT_THAT(calibrate(recording, costs_of(2), 1).fitted.answer_of_sample, Each(1));
}

TEST(Calibration, NeedsTwoSamples) {
  EXPECT_THAT(message_of<ShapeError>([] { calibrate(simulated(1, 2), costs_of(2), 0.75); }),
              HasSubstr("1 sample to calibrate on; expected at least 2"));
  for (const std::size_t samples : {2u, 3u}) {
    const Recording recording = simulated(samples, 2);
    const Calibration found = calibrate(recording, costs_of(2), 0.75);
    EXPECT_LE(cost_fraction(recording, found.fitted), 0.75);
    EXPECT_EQ(found.expected.answer_of_sample.size(), samples);
  }
}

TEST(Calibration, RefusesBudgetsThatCannotBe) {
  const Recording recording = simulated(50, 2);
  EXPECT_THAT(message_of<ConfigError>([&] { calibrate(recording, costs_of(2), 0.4); }),
              HasSubstr("a budget of 0.4; expected 0.5 (everything at the narrowest width) to 1"));
  EXPECT_THROW(calibrate(recording, costs_of(2), 1.1), ConfigError);
  EXPECT_THROW(calibrate(recording, costs_of(2), std::nan("")), ConfigError);
}

TEST(Calibration, RefusesAnswersThatItCannotUse) {
  Recording recording = simulated(50, 2);
  EXPECT_THROW(calibrate(recording, costs_of(3), 0.75), ShapeError);
  EXPECT_THROW(calibrate(recording, costs_of(2), 0.75, {.folds = 1}), ConfigError);
  EXPECT_THROW(calibrate(Recording{}, costs_of(2), 0.75), ShapeError);
  recording.labels.clear();
  EXPECT_THROW(calibrate(recording, costs_of(2), 0.75), ShapeError);
  recording = simulated(50, 2);
  recording.router_logits.clear();
  EXPECT_THAT(message_of<ConfigError>([&] { calibrate(recording, costs_of(2), 0.75); }), HasSubstr("has no router"));
}

TEST(LatencyModel, IsTheLineThroughMeasurementsOfSingleInputs) {
  std::vector<Latency> latencies;
  for (const int tokens : {8, 32, 128}) {
    latencies.push_back({.width = 0.25, .tokens = tokens, .batch = 1, .seconds = 1e-3 + 2e-5 * tokens});
    latencies.push_back({.width = 1, .tokens = tokens, .batch = 1, .seconds = 2e-3 + 8e-5 * tokens});
    latencies.push_back({.width = 1, .tokens = tokens, .batch = 8, .seconds = 7});
  }
  const CostModel costs = CostModel::latency(latencies);
  EXPECT_EQ(costs.unit, CostUnit::seconds);
  ASSERT_EQ(costs.widths.size(), 2u);
  EXPECT_NEAR(costs.widths[0].of(64), 1e-3 + 2e-5 * 64, 1e-9);
  EXPECT_NEAR(costs.widths[1].of(64), 2e-3 + 8e-5 * 64, 1e-9);
}

TEST(LatencyModel, NoPartIsNegativeOrLessThanANarrowerWidths) {
  const std::vector<Latency> latencies = {{.width = 0.5, .tokens = 8, .batch = 1, .seconds = 5e-3},
                                          {.width = 0.5, .tokens = 64, .batch = 1, .seconds = 4e-3},
                                          {.width = 1, .tokens = 8, .batch = 1, .seconds = 1e-3},
                                          {.width = 1, .tokens = 64, .batch = 1, .seconds = 9e-3}};
  const CostModel costs = CostModel::latency(latencies);
  EXPECT_GE(costs.widths[0].constant, 0);
  EXPECT_GE(costs.widths[0].linear, 0);
  EXPECT_GE(costs.widths[1].constant, costs.widths[0].constant);
  EXPECT_GE(costs.widths[1].linear, costs.widths[0].linear);
}

TEST(LatencyModel, OneLengthGivesAConstant) {
  const std::vector<Latency> latencies = {{.width = 1, .tokens = 8, .batch = 1, .seconds = 5e-3}};
  EXPECT_DOUBLE_EQ(CostModel::latency(latencies).widths[0].of(100), 5e-3);
  EXPECT_THROW(CostModel::latency({}), ShapeError);
}

/// For the small model, whatever its router says: up to four tokens wide, more of them narrow.
RoutingRule short_ones_wide() {
  RoutingRule rule;
  rule.weights.assign(3, {0, 0, 0});
  rule.offsets = {0, 0, 1};
  rule.price = 1;
  rule.costs = {{}, {.constant = 1}, {.linear = 0.2}};
  return rule;
}

TEST(EnginePolicy, IsTheModelsRuleUnlessTheOptionsSayOtherwise) {
  const TemporaryFolder folder;
  Model::create(testing::small_config()).save(folder.path());
  save_routing(folder.path(), short_ones_wide());
  const std::vector<std::int32_t> ids(9, 3);
  const std::vector<TokenSequence> inputs = {{std::span(ids).first(3)}, {std::span(ids).first(8)}};
  const Engine engine = Engine::load(folder.path());
  EXPECT_EQ(engine.policy().name(), "calibrated to 1 of the multiply-adds");
  const auto found = engine.run(inputs);
  EXPECT_EQ(found[0].width, 1);
  EXPECT_EQ(found[1].width, 1.0 / 3);
  const Engine other = Engine::load(folder.path(), {.policy = RoutingPolicy::argmax()});
  EXPECT_EQ(other.policy().name(), "argmax");
  const auto routed = other.run(inputs);
  for (const Prediction& prediction : routed)
    EXPECT_EQ(prediction.width, other
                                    .widths()[static_cast<int>(std::ranges::max_element(prediction.router_logits) -
                                                               prediction.router_logits.begin())]
                                    .fraction());
}

TEST(EnginePolicy, IsArgmaxForAModelWithoutRule) {
  EXPECT_EQ(Engine(Model::create(testing::small_config())).policy().name(), "argmax");
  ModelConfig plain = testing::small_config();
  plain.sharcs.reset();
  EXPECT_EQ(Engine(Model::create(plain)).policy().name(), "argmax");
}

TEST(EnginePolicy, SavingARuleKeepsTheRestOfTheConfiguration) {
  const TemporaryFolder folder;
  ModelConfig config = testing::small_config();
  config.other_keys = R"({"mine": [1, 2]})";
  Model::create(config).save(folder.path());
  const auto text = [&] { return ModelConfig::load(folder.path() / "config.json"); };
  const ModelConfig before = text();
  save_routing(folder.path(), short_ones_wide());
  ModelConfig after = text();
  ASSERT_TRUE(after.sharcs->routing);
  after.sharcs->routing.reset();
  EXPECT_EQ(after.to_json(), before.to_json());
  EXPECT_THROW(save_routing(folder.path(), RoutingRule{}), ConfigError);
}

}  // namespace
}  // namespace sharcs::internal
