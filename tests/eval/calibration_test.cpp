#include "sharcs/calibration.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "data/metrics.hpp"
#include "eval/comparison.hpp"
#include "eval/recording_metrics.hpp"
#include "eval/simulated_recordings.hpp"
#include "expect_error.hpp"
#include "model/small_models.hpp"
#include "sharcs/classifier.hpp"
#include "sharcs/error.hpp"
#include "sharcs/model.hpp"
#include "temporary_folder.hpp"

namespace sharcs::internal::calibration_test {
namespace {

using ::testing::Each;
using ::testing::HasSubstr;
using testing::share_right;
using testing::simulated_answers;

TEST(CostModel, OfMultiplyAddsIsExactForEveryLength) {
  const ModelConfig config = testing::config_of_six_answers();
  const CostModel costs = CostModel::multiply_adds(simulated_answers(2));
  const std::vector<Answer> answers = answers_of(config);
  const WidthSet widths(config);
  ASSERT_EQ(costs.answers.size(), answers.size());
  for (std::size_t a = 0; a < answers.size(); ++a) {
    if (answers[a].is_exit()) continue;
    for (const int tokens : {1, 2, 7, 100, 512})
      EXPECT_DOUBLE_EQ(costs.answers[a].of(tokens),
                       static_cast<double>(multiply_adds(config, widths[answers[a].width_index], tokens)));
  }
}

/// A recording of the widths alone, with the costs of recording_of().
Recording of_widths(std::size_t widths) { return testing::recording_of(std::vector<std::string>(widths, "11")); }

TEST(LatencyModel, IsTheLineThroughMeasurementsOfSingleInputs) {
  std::vector<Latency> latencies;
  for (const int tokens : {8, 32, 128}) {
    latencies.push_back({.width = 0.25, .tokens = tokens, .batch = 1, .seconds = 1e-3 + 2e-5 * tokens});
    latencies.push_back({.width = 1, .tokens = tokens, .batch = 1, .seconds = 2e-3 + 8e-5 * tokens});
    latencies.push_back({.width = 1, .tokens = tokens, .batch = 8, .seconds = 7});
  }
  const CostModel costs = CostModel::latency(of_widths(2), latencies);
  EXPECT_EQ(costs.unit, CostUnit::seconds);
  ASSERT_EQ(costs.answers.size(), 2u);
  EXPECT_NEAR(costs.answers[0].of(64), 1e-3 + 2e-5 * 64, 1e-9);
  EXPECT_NEAR(costs.answers[1].of(64), 2e-3 + 8e-5 * 64, 1e-9);
}

TEST(LatencyModel, NoPartIsNegativeOrLessThanANarrowerWidths) {
  const std::vector<Latency> latencies = {{.width = 0.5, .tokens = 8, .batch = 1, .seconds = 5e-3},
                                          {.width = 0.5, .tokens = 64, .batch = 1, .seconds = 4e-3},
                                          {.width = 1, .tokens = 8, .batch = 1, .seconds = 1e-3},
                                          {.width = 1, .tokens = 64, .batch = 1, .seconds = 9e-3}};
  const CostModel costs = CostModel::latency(of_widths(2), latencies);
  EXPECT_GE(costs.answers[0].constant, 0);
  EXPECT_GE(costs.answers[0].linear, 0);
  EXPECT_GE(costs.answers[1].constant, costs.answers[0].constant);
  EXPECT_GE(costs.answers[1].linear, costs.answers[0].linear);
}

TEST(LatencyModel, OneLengthGivesAConstant) {
  const std::vector<Latency> latencies = {{.width = 1, .tokens = 8, .batch = 1, .seconds = 5e-3}};
  EXPECT_DOUBLE_EQ(CostModel::latency(of_widths(1), latencies).answers[0].of(100), 5e-3);
  EXPECT_THROW(CostModel::latency(of_widths(1), {}), ShapeError);
  EXPECT_THROW(CostModel::latency(of_widths(2), latencies), ShapeError);
}

// Policies of every kind, from a recording.

struct KindAndConfidence {
  std::string kind, confidence;
};
std::vector<KindAndConfidence> all_kinds() {
  std::vector<KindAndConfidence> list = {{"router", "max-probability"}};
  for (const char* kind : {"cascade", "exits", "combined"})
    for (const char* confidence : {"max-probability", "entropy", "patience", "learned-score"})
      list.push_back({kind, confidence});
  return list;
}

Calibration calibrated(const Recording& recording, const CalibrationTarget& target,
                       const KindAndConfidence& of = {"combined", "max-probability"}) {
  return calibrate(recording, CostModel::multiply_adds(recording), target,
                   {.kind = of.kind, .confidence = of.confidence});
}

TEST(Calibration, ABudgetIsMetOnItsOwnSamplesAndAboutMetOnOthers) {
  const Recording recording = simulated_answers(800);
  for (const KindAndConfidence& of : all_kinds()) {
    for (const double budget : {0.6, 0.8, 1.0}) {
      SCOPED_TRACE(of.kind + " of " + of.confidence + ", " + std::to_string(budget));
      const Calibration found = calibrated(recording, {.budget = budget}, of);
      const bool counts = of.confidence == "patience";  // which has a few thresholds only
      EXPECT_TRUE(found.met || counts);
      if (!found.met) continue;
      EXPECT_LE(cost_fraction(recording, found.fitted), budget + 1e-9);
      EXPECT_LE(cost_fraction(recording, found.expected), budget + 0.05);
    }
  }
}

TEST(Calibration, OfARegressionIsNoWorseThanTheBestAnswerForAllWithinTheBudget) {
  // An answer is sure where it is close to the one before it, so none that stands alone ever is.
  const Recording recording = simulated_answers(800, 5, true);
  const auto score_at = [&](std::span<const int> answers) { return score(metrics_at(recording, answers)); };
  for (const char* kind : {"exits", "combined"}) {
    for (const double budget : {0.4, 0.6, 0.8}) {
      SCOPED_TRACE(std::string(kind) + ", " + std::to_string(budget));
      double best = -1;
      for (int a = 0; a < recording.full_width(); ++a) {
        const Routing routed = route(recording, everything_at(recording, a));
        const bool may_be_asked =
            recording.answers[static_cast<std::size_t>(a)].exit_layer > 0 || std::string(kind) == "combined";
        if (may_be_asked && cost_fraction(recording, routed) <= budget)
          best = std::max(best, score_at(routed.answer_of_sample));
      }
      const Calibration found = calibrated(recording, {.budget = budget}, {kind, "max-probability"});
      EXPECT_TRUE(found.met);
      EXPECT_LE(cost_fraction(recording, found.fitted), budget + 1e-9);
      EXPECT_GE(score_at(found.fitted.answer_of_sample), best - 0.002);
    }
    const Calibration found = calibrated(recording, {.max_drop = 0.01}, {kind, "max-probability"});
    EXPECT_LT(cost_fraction(recording, found.expected), 0.95) << kind;
  }
}

TEST(Calibration, TheRuleDoesWhatTheCalibrationSays) {
  for (const bool regression : {false, true}) {
    const Recording recording = simulated_answers(300, 5, regression);
    for (const KindAndConfidence& of : all_kinds()) {
      for (const CalibrationTarget& target :
           {CalibrationTarget{.budget = 0.6}, CalibrationTarget{.budget = 0.85}, CalibrationTarget{.max_drop = 0.02}}) {
        SCOPED_TRACE(of.kind + " of " + of.confidence + (regression ? ", regression" : ""));
        const Calibration found = calibrated(recording, target, of);
        const Routing routed = route(recording, Policy::of(found.rule));
        EXPECT_EQ(routed.answer_of_sample, found.fitted.answer_of_sample);
        EXPECT_EQ(routed.asked, found.fitted.asked);
        for (std::size_t i = 0; i < recording.size(); ++i)
          EXPECT_NEAR(routed.cost_of_sample[i], found.fitted.cost_of_sample[i], 1e-6);
      }
    }
  }
}

TEST(Calibration, TheRuleFitsTheModelAndComesBackFromItsConfiguration) {
  const Recording recording = simulated_answers(300);
  for (const KindAndConfidence& of : all_kinds()) {
    const Calibration found = calibrated(recording, {.budget = 0.7}, of);
    ModelConfig config = recording.config;
    config.sharcs->policy = found.rule;
    const PolicyRule read = ModelConfig::parse(config.to_json(), "config.json").sharcs->policy.value();
    EXPECT_EQ(route(recording, Policy::of(read)).answer_of_sample, found.fitted.answer_of_sample) << of.kind;
    EXPECT_EQ(read.name(), of.kind + ", calibrated to 0.7 of the multiply-adds");
  }
}

TEST(Calibration, ADropHoldsOnFreshDataWithinNoise) {
  const Recording dev = simulated_answers(2000, 5), fresh = simulated_answers(20000, 6);
  const double full = share_right(fresh, route(fresh, std::vector<int>(fresh.size(), fresh.full_width())));
  for (const KindAndConfidence& of :
       {KindAndConfidence{"cascade", "max-probability"}, KindAndConfidence{"exits", "entropy"},
        KindAndConfidence{"combined", "max-probability"}}) {
    for (const double drop : {0.005, 0.02}) {
      const Calibration found = calibrated(dev, {.max_drop = drop}, of);
      EXPECT_TRUE(found.met) << of.kind;
      const Routing routed = route(fresh, Policy::of(found.rule));
      EXPECT_GE(share_right(fresh, routed), full - drop - 0.012) << of.kind;
      EXPECT_LT(cost_fraction(fresh, routed), 1) << of.kind;
      EXPECT_NEAR(cost_fraction(fresh, routed), cost_fraction(dev, found.expected), 0.05) << of.kind;
    }
  }
}

TEST(Calibration, ADropHoldsInTheMeanOverManySmallSets) {
  // A search over many thresholds on few samples learns their luck by heart unless it is careful.
  const Recording fresh = simulated_answers(20000, 6);
  const double full = share_right(fresh, route(fresh, std::vector<int>(fresh.size(), fresh.full_width())));
  for (const double drop : {0.01, 0.03}) {
    double lost = 0;
    constexpr int sets = 12;
    for (std::uint64_t seed = 20; seed < 20 + sets; ++seed) {
      const Calibration found = calibrated(simulated_answers(300, seed), {.max_drop = drop});
      lost += (full - share_right(fresh, route(fresh, Policy::of(found.rule)))) / sets;
    }
    EXPECT_LE(lost, drop + 0.007);
    EXPECT_GE(lost, drop / 10);
  }
}

TEST(Calibration, FewLabelsDoNotLeaveFullWidthAlone) {
  // Half a point of 400 samples is two of them: labels that are no worse by two are luck.
  const Recording fresh = simulated_answers(20000, 6);
  const double full = share_right(fresh, route(fresh, std::vector<int>(fresh.size(), fresh.full_width())));
  double lost = 0;
  constexpr int sets = 20;
  for (std::uint64_t seed = 20; seed < 20 + sets; ++seed) {
    const Calibration found = calibrated(simulated_answers(400, seed), {.max_drop = 0.005});
    const Routing routed = route(fresh, Policy::of(found.rule));
    EXPECT_LT(cost_fraction(fresh, routed), 0.9) << "seed " << seed;
    lost += (full - share_right(fresh, routed)) / sets;
  }
  EXPECT_LE(lost, 0.005 + 0.007);
}

TEST(Calibration, LabelsThatSpeakAgainstAnEstimateAreHeard) {
  // The estimate knows answers by how sure they are. Here all are equally sure, and where the first exit differs from
  // full width it is always wrong, where the second one does, always right, as often as the first.
  Recording recording = simulated_answers(600);
  const auto say = [&](RecordedAnswer& answer, std::size_t sample, int label) {
    answer.logits[2 * sample] = label == 0 ? 1.0F : -1.0F;
    answer.logits[2 * sample + 1] = -answer.logits[2 * sample];
  };
  for (std::size_t i = 0; i < recording.size(); ++i) {
    int exit = 0;
    for (RecordedAnswer& answer : recording.answers) {
      const bool is_exit = answer.exit_layer > 0;
      const bool right = is_exit && exit == 0 ? i % 10 != 0 && i % 10 != 1 : is_exit && exit == 1 ? true : i % 10 != 1;
      say(answer, i, right ? recording.labels[i] : 1 - recording.labels[i]);
      exit += is_exit ? 1 : 0;
    }
  }
  const auto share_at = [&](int answer) {
    return share_right(recording, route(recording, std::vector<int>(recording.size(), answer)));
  };
  ASSERT_DOUBLE_EQ(share_at(recording.full_width()), 0.9);
  ASSERT_DOUBLE_EQ(share_at(0), 0.8);
  const Calibration found = calibrated(recording, {.max_drop = 0.005}, {"exits", "max-probability"});
  EXPECT_GE(share_right(recording, found.fitted), 0.9);
}

TEST(Calibration, CombinedIsNoWorseThanItsPartsOnItsOwnSamples) {
  const Recording recording = simulated_answers(600);
  for (const char* confidence : {"max-probability", "entropy", "learned-score"}) {
    for (const char* part : {"cascade", "exits"}) {
      for (const double budget : {0.5, 0.7}) {
        const Calibration alone = calibrated(recording, {.budget = budget}, {part, confidence});
        const Calibration both = calibrated(recording, {.budget = budget}, {"combined", confidence});
        if (!alone.met) continue;
        EXPECT_GE(share_right(recording, both.fitted), share_right(recording, alone.fitted) - 0.006) << part;
      }
    }
  }
}

TEST(Calibration, CombinedIsNoDearerThanItsPartsForTheSameDrop) {
  // In the mean: how careful a policy has to be depends on the samples.
  std::vector<Recording> recordings;
  for (std::uint64_t seed = 5; seed < 11; ++seed) recordings.push_back(simulated_answers(600, seed));
  for (const char* confidence : {"max-probability", "entropy", "learned-score"}) {
    const auto mean_cost = [&](const char* kind) {
      double sum = 0;
      for (const Recording& recording : recordings)
        sum += cost_fraction(recording, calibrated(recording, {.max_drop = 0.01}, {kind, confidence}).fitted);
      return sum / static_cast<double>(recordings.size());
    };
    const double both = mean_cost("combined");
    for (const char* part : {"cascade", "exits"})
      EXPECT_LE(both, mean_cost(part) + 0.03) << part << " of " << confidence;
  }
}

TEST(Calibration, AThresholdForEachExitBeatsOneForAllOnFreshData) {
  // The first exit is as sure as the others, and wrong more often.
  const auto overconfident = [](std::size_t samples, std::uint64_t seed) {
    Recording recording = simulated_answers(samples, seed);
    for (float& logit : recording.answers[0].logits) logit *= 3;
    return recording;
  };
  const Recording dev = overconfident(2000, 5), fresh = overconfident(20000, 6);
  const CostModel costs = CostModel::multiply_adds(dev);
  const CalibrationTarget target = {.budget = 0.5};
  const Calibration each = calibrate(dev, costs, target, {.kind = "exits"});
  const Calibration shared = calibrate(dev, costs, target, {.kind = "exits", .one_threshold = true});
  const Routing by_each = route(fresh, Policy::of(each.rule)), by_one = route(fresh, Policy::of(shared.rule));
  EXPECT_NEAR(cost_fraction(fresh, by_each), cost_fraction(fresh, by_one), 0.04);
  EXPECT_GT(share_right(fresh, by_each), share_right(fresh, by_one) + 0.01);
}

TEST(Calibration, MoreBudgetScoresNoLessOnItsOwnSamples) {
  const Recording recording = simulated_answers(500);
  std::vector<CalibrationTarget> targets;
  for (const double budget : {0.3, 0.4, 0.5, 0.6, 0.8, 1.0}) targets.push_back({.budget = budget});
  const auto curve = calibrate(recording, CostModel::multiply_adds(recording), targets);
  for (std::size_t i = 1; i < curve.size(); ++i)
    // Policies are chosen by estimated gains; the labels of 500 samples may differ by a few.
    EXPECT_GE(share_right(recording, curve[i].fitted), share_right(recording, curve[i - 1].fitted) - 0.006);
}

TEST(Calibration, NoDropAtAllCanAlwaysBeHadFromFullWidth) {
  const Recording recording = simulated_answers(200);
  for (const KindAndConfidence& of : all_kinds()) {
    const Calibration found = calibrated(recording, {.max_drop = 0}, of);
    EXPECT_TRUE(found.met) << of.kind;
    EXPECT_GE(share_right(recording, found.fitted),
              share_right(recording, route(recording, std::vector<int>(200, recording.full_width()))));
  }
}

TEST(Calibration, WithoutRouterACombinedPolicyAsksNone) {
  const Recording recording = simulated_answers(300);
  const Calibration found =
      calibrate(recording, CostModel::multiply_adds(recording), CalibrationTarget{.budget = 0.5}, {.router = false});
  EXPECT_FALSE(found.rule.router);
}

TEST(Calibration, SaysThatSamplesAreTooFew) {
  EXPECT_THAT(calibrated(simulated_answers(40), {.budget = 0.7}).notes,
              ::testing::ElementsAre("40 samples: too few to tell what to expect; at least 100 are needed"));
  EXPECT_TRUE(calibrated(simulated_answers(100), {.budget = 0.7}).notes.empty());
}

TEST(Calibration, SaysThatCrossValidationLosesMoreThanIsAllowed) {
  int said = 0;
  for (std::uint64_t seed = 5; seed < 25; ++seed) {
    const Recording recording = simulated_answers(150, seed);
    const Calibration found = calibrated(recording, {.max_drop = 0.005});
    const double lost = share_right(recording, route(recording, std::vector<int>(150, recording.full_width()))) -
                        share_right(recording, found.expected);
    const bool more = lost > 0.005 + 1e-9;
    EXPECT_EQ(found.notes.size(), more ? 1u : 0u) << "seed " << seed;
    EXPECT_THAT(found.notes, Each("0.5 points below full width: cross-validation loses more; label more samples, or "
                                  "allow a larger drop"));
    said += more ? 1 : 0;
  }
  EXPECT_GT(said, 0);
  EXPECT_LT(said, 20);
}

TEST(Calibration, SaysThatATargetIsOutOfReachAndWhatTheNearestIs) {
  const Recording recording = simulated_answers(200);
  for (const char* kind : {"router", "cascade", "exits", "combined"}) {
    const Calibration found = calibrated(recording, {.budget = 0.05}, {kind, "max-probability"});
    EXPECT_FALSE(found.met) << kind;
    ASSERT_EQ(found.notes.size(), 1u);
    EXPECT_THAT(found.notes[0], HasSubstr("0.05 of the multiply-adds is out of reach: the nearest is 0."));
    double least = 1;
    for (int a = 0; a <= recording.full_width(); ++a) {
      const bool is_exit = recording.answers[static_cast<std::size_t>(a)].exit_layer > 0;
      if (is_exit ? std::string(kind) == "exits" || std::string(kind) == "combined" : std::string(kind) != "exits")
        least = std::min(least, cost_fraction(recording, route(recording, std::vector<int>(200, a))));
    }
    EXPECT_NEAR(cost_fraction(recording, found.fitted), least, 1e-9) << kind;
  }
}

TEST(Calibration, RefusesWhatItCannotUse) {
  Recording recording = simulated_answers(50);
  const CostModel costs = CostModel::multiply_adds(recording);
  const auto message = [&](const CalibrationTarget& target, const CalibrationOptions& options = {}) {
    return message_of<ConfigError>([&] { calibrate(recording, costs, target, options); });
  };
  EXPECT_THAT(message({}), HasSubstr("a target needs either a budget or a drop of the score"));
  EXPECT_THAT(message({.budget = 0.5, .max_drop = 0.1}), HasSubstr("a target needs either"));
  EXPECT_THAT(message({.budget = 0}), HasSubstr("a budget of 0; expected a number above 0 and at most 1"));
  EXPECT_THAT(message({.budget = std::nan("")}), HasSubstr("a budget of nan"));
  EXPECT_THAT(message({.max_drop = 1.5}), HasSubstr("a drop of 1.5; expected a number from 0 to 1"));
  EXPECT_THAT(message({.budget = 0.5}, {.folds = 1}), HasSubstr("folds is 1; expected at least 2"));
  EXPECT_THAT(
      message({.budget = 0.5}, {.kind = "fixed"}),
      HasSubstr("policies of the kind \"fixed\" are not calibrated; expected one of router, cascade, exits, combined"));
  EXPECT_THAT(message({.budget = 0.5}, {.confidence = "hope"}), HasSubstr("confidence \"hope\""));
  EXPECT_THROW(calibrate(recording, CostModel{}, CalibrationTarget{.budget = 0.5}), ShapeError);
  EXPECT_THROW(calibrate(simulated_answers(1), costs, CalibrationTarget{.budget = 0.5}), ShapeError);
  EXPECT_THAT(message_of<ConfigError>([] {
                const Recording widths = testing::simulated(50, 2);
                calibrate(widths, CostModel::multiply_adds(widths), CalibrationTarget{.budget = 0.9},
                          {.kind = "exits"});
              }),
              HasSubstr("the model has no exits; train it with exits"));
  recording.labels.clear();
  EXPECT_THROW(calibrate(recording, costs, CalibrationTarget{.budget = 0.5}), ShapeError);
}

TEST(Calibration, CountsSecondsOfALatencyModel) {
  const Recording recording = simulated_answers(300);
  std::vector<Latency> latencies;
  for (const double width : recording.widths())
    for (const int tokens : {4, 8})
      latencies.push_back({.width = width, .tokens = tokens, .batch = 1, .seconds = width * (1e-3 + 1e-5 * tokens)});
  const CostModel costs = CostModel::latency(recording, latencies);
  const Calibration found = calibrate(recording, costs, CalibrationTarget{.budget = 0.6});
  EXPECT_TRUE(found.met);
  EXPECT_LE(costs.mean(recording, found.fitted), 0.6 * costs.full(recording) * (1 + 1e-9));
  EXPECT_THAT(found.rule.target, HasSubstr(" ms"));
}

/// For the small model, whatever its router says: up to four tokens wide, more of them narrow.
PolicyRule short_ones_wide() {
  RoutingRule rule;
  rule.weights.assign(3, {0, 0, 0});
  rule.offsets = {0, 0, 1};
  rule.price = 1;
  rule.costs = {{}, {.constant = 1}, {.linear = 0.2}};
  return {.kind = "router", .target = "1 of the multiply-adds", .router = rule};
}

TEST(EnginePolicy, IsTheModelsRuleUnlessTheOptionsSayOtherwise) {
  const TemporaryFolder folder;
  Model::create(testing::small_config()).save(folder.path());
  save_policy(folder.path(), short_ones_wide());
  const std::vector<std::int32_t> ids(9, 3);
  const std::vector<TokenSequence> inputs = {{std::span(ids).first(3)}, {std::span(ids).first(8)}};
  const Engine engine = Engine::load(folder.path());
  EXPECT_EQ(engine.policy().name(), "router, calibrated to 1 of the multiply-adds");
  const auto found = engine.run(inputs);
  EXPECT_EQ(found[0].width, 1);
  EXPECT_EQ(found[1].width, 1.0 / 3);
  const Engine other = Engine::load(folder.path(), {.policy = Policy::router()});
  EXPECT_EQ(other.policy().name(), "router");
  const auto routed = other.run(inputs);
  for (const Prediction& prediction : routed)
    EXPECT_EQ(prediction.width, other
                                    .widths()[static_cast<int>(std::ranges::max_element(prediction.router_logits) -
                                                               prediction.router_logits.begin())]
                                    .fraction());
}

TEST(EnginePolicy, IsTheRoutersChoiceForAModelWithoutRule) {
  EXPECT_EQ(Engine(Model::create(testing::small_config())).policy().name(), "router");
  ModelConfig plain = testing::small_config();
  plain.sharcs.reset();
  EXPECT_EQ(Engine(Model::create(plain)).policy().name(), "router");
}

TEST(EnginePolicy, SavingARuleKeepsTheRestOfTheConfiguration) {
  const TemporaryFolder folder;
  ModelConfig config = testing::small_config();
  config.other_keys = R"({"mine": [1, 2]})";
  Model::create(config).save(folder.path());
  const auto text = [&] { return ModelConfig::load(folder.path() / "config.json"); };
  const ModelConfig before = text();
  save_policy(folder.path(), short_ones_wide());
  ModelConfig after = text();
  ASSERT_TRUE(after.sharcs->policy);
  after.sharcs->policy.reset();
  EXPECT_EQ(after.to_json(), before.to_json());
  EXPECT_THROW(save_policy(folder.path(), PolicyRule{.kind = "cascade"}), ConfigError);
}

}  // namespace
}  // namespace sharcs::internal::calibration_test
