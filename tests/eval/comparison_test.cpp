#include "eval/comparison.hpp"

#include <gtest/gtest.h>

#include "core/threads.hpp"
#include "eval/bootstrap.hpp"
#include "eval/hand_made_recordings.hpp"
#include "expect_error.hpp"
#include "sharcs/error.hpp"

namespace sharcs::internal::comparison_test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::recording_of;

TEST(Comparison, RandomRoutingHasItsExpectedAccuracyAndCost) {
  const Recording recording = recording_of({"1100", "1111"});
  const std::vector<OperatingPoint> found = compare(recording, route(recording, {0, 0, 0, 1}));
  const OperatingPoint& random = point_of(found, Baseline::random);
  EXPECT_THAT(random.shares, ElementsAre(0.75, 0.25));
  EXPECT_DOUBLE_EQ(random.score.value, 0.75 * 0.5 + 0.25 * 1);
  EXPECT_DOUBLE_EQ(random.cost_fraction, 0.75 * 0.5 + 0.25 * 1);
  EXPECT_DOUBLE_EQ(found[0].score.value, 0.75);
  EXPECT_DOUBLE_EQ(found[0].cost_fraction, (1 + 2 + 3 + 2 * 4) / 20.0);
  EXPECT_DOUBLE_EQ(point_of(found, Baseline::random).lead->value, 0.75 - 0.625);
}

TEST(Comparison, RoutingByLengthSendsTheShortestToTheNarrowest) {
  const Recording recording = recording_of({"1100", "0011"});
  const OperatingPoint by_length = point_of(compare(recording, route(recording, {1, 0, 1, 0})), Baseline::by_length);
  EXPECT_DOUBLE_EQ(by_length.score.value, 1);
  EXPECT_DOUBLE_EQ(by_length.cost_fraction, (1 + 2 + 2 * 3 + 2 * 4) / 20.0);
}

TEST(Comparison, ChanceDecidesAmongSamplesOfOneLength) {
  Recording recording = recording_of({"1100", "0011"});
  recording.tokens = {5, 5, 5, 5};
  const std::vector<OperatingPoint> found = compare(recording, route(recording, {1, 0, 1, 0}));
  EXPECT_DOUBLE_EQ(point_of(found, Baseline::by_length).score.value, 0.5);
  EXPECT_DOUBLE_EQ(point_of(found, Baseline::random).score.value, 0.5);
}

TEST(Comparison, EveryWidthIsABaseline) {
  const Recording recording = recording_of({"1000", "1100", "1110"});
  const std::vector<OperatingPoint> found = compare(recording, route(recording, {0, 1, 2, 2}));
  std::vector<double> scores;
  for (const OperatingPoint& each : found)
    if (each.series == "fixed") scores.push_back(each.score.value);
  EXPECT_THAT(scores, ElementsAre(0.25, 0.5, 0.75));
  EXPECT_EQ(found[4].name, "fixed 0.6666666666666666");
  EXPECT_THAT(found[4].shares, ElementsAre(0, 1, 0));
}

TEST(Comparison, MixOfFixedWidthsHasTheRoutingsCostAndTheBestScoreOfIt) {
  // The middle width is worse than the line between the others, so the mix leaves it out.
  const Recording recording = recording_of({"11000000", "10000000", "11111100"});
  const std::vector<OperatingPoint> found = compare(recording, route(recording, {1, 1, 1, 1, 1, 1, 1, 1}));
  const OperatingPoint& mix = point_of(found, Baseline::mix_of_fixed);
  EXPECT_EQ(mix.name, "mix of fixed 0.3333333333333333 and 1");
  EXPECT_DOUBLE_EQ(mix.cost_fraction, found[0].cost_fraction);
  EXPECT_DOUBLE_EQ(mix.score.value, 0.5);
}

TEST(Comparison, MixAtTheCostOfAFixedWidthIsThatWidth) {
  const Recording recording = recording_of({"1100", "1110"});
  for (const int width : {0, 1}) {
    const auto mix = point_of(compare(recording, route(recording, std::vector<int>(4, width))), Baseline::mix_of_fixed);
    EXPECT_EQ(mix.name, width == 0 ? "mix of fixed 0.5" : "mix of fixed 1");
    EXPECT_EQ(mix.lead->value, 0);
  }
}

TEST(Comparison, OracleTakesTheNarrowestRightWidth) {
  const Recording recording = recording_of({"10000", "11001", "01100"});
  const OperatingPoint oracle = point_of(compare(recording, route(recording, {0, 0, 0, 0, 0})), Baseline::oracle);
  EXPECT_DOUBLE_EQ(oracle.score.value, 0.8);
  EXPECT_THAT(oracle.shares, ElementsAre(0.4, 0.4, 0.2));  // the fourth has no right width: the narrowest
}

TEST(Comparison, OracleOfARegressionIsNoWorseThanTheWidest) {
  Recording recording = recording_of({"1111", "1111"});
  recording.outputs = 1;
  recording.labels.clear();
  recording.targets = {1, 2, 3, 4};
  recording.answers[0].logits = {1.5f, 2, 2, 4};
  recording.answers[1].logits = {1, 2.5f, 3, 4};
  recording.metrics = {"pearson"};
  const std::vector<OperatingPoint> found = compare(recording, route(recording, {0, 0, 0, 0}));
  EXPECT_THAT(point_of(found, Baseline::oracle).shares, ElementsAre(0.5, 0.5));
  EXPECT_DOUBLE_EQ(point_of(found, Baseline::oracle).score.value, 1);
}

TEST(Comparison, MeanOfManyDrawsStandsForMetricsThatAreNoMeans) {
  // F1 of the class 1, which each width predicts for other samples.
  Recording recording = recording_of({"11110000", "00001111"});
  for (std::size_t i = 0; i < 8; i += 2) recording.labels[i] = 1;
  recording.metrics = {"f1", "accuracy"};
  const std::vector<OperatingPoint> found =
      compare(recording, route(recording, {0, 1, 0, 1, 0, 1, 0, 1}), {.draws = 4000});
  // All 2⁸ routings are equally likely.
  double expected = 0;
  for (int code = 0; code < 256; ++code) {
    std::vector<int> widths;
    for (int i = 0; i < 8; ++i) widths.push_back(code >> i & 1);
    expected += metrics_at(recording, widths).at("f1") / 256;
  }
  const auto& random = point_of(found, Baseline::random).metrics;
  EXPECT_NEAR(random.at("f1"), expected, 0.01);
  EXPECT_EQ(random.at("accuracy"), 0.5);
}

TEST(Comparison, LeadsIntervalIsThatOfThePairedBootstrap) {
  const Recording recording = recording_of({"110010101100", "111011101110"});
  const std::vector<int> widths = {0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1};
  const ComparisonOptions options = {.bootstrap = {.resamples = 300, .seed = 7}};
  const std::vector<OperatingPoint> found = compare(recording, route(recording, widths), options);
  std::vector<int> ours, full;
  for (std::size_t i = 0; i < widths.size(); ++i) {
    ours.push_back(recording.label_of(i, widths[i]));
    full.push_back(recording.label_of(i, 1));
  }
  const Estimate expected = paired_bootstrap("accuracy", recording.labels, ours, full, options.bootstrap);
  const OperatingPoint& widest = found[4];
  EXPECT_EQ(widest.name, "fixed 1");
  EXPECT_NEAR(widest.lead->value, expected.value, 1e-12);
  EXPECT_NEAR(widest.lead->interval.low, expected.interval.low, 1e-12);
  EXPECT_NEAR(widest.lead->interval.high, expected.interval.high, 1e-12);
}

TEST(Comparison, SameSeedGivesTheSameNumbersOnAnyThreads) {
  Recording recording = recording_of({"11001010", "11101110"});
  recording.metrics = {"f1"};
  const auto leads = [&](int threads) {
    const ThreadScope scope(threads);
    std::vector<double> numbers;
    for (const auto& each : compare(recording, route(recording, {0, 1, 0, 1, 0, 1, 0, 1})))
      if (each.lead)
        numbers.insert(numbers.end(), {each.lead->value, each.lead->interval.low, each.lead->interval.high});
    return numbers;
  };
  EXPECT_EQ(leads(1), leads(3));
}

TEST(Comparison, AModelOfOneWidthHasNothingToLead) {
  const Recording recording = recording_of({"1101"});
  for (const OperatingPoint& each : compare(recording, route(recording, {0, 0, 0, 0}))) {
    if (each.series != "routed") {
      EXPECT_EQ(each.lead->value, 0) << each.name;
      EXPECT_EQ(each.lead->interval.low, 0) << each.name;
    }
    EXPECT_EQ(each.cost_fraction, 1) << each.name;
  }
}

TEST(Comparison, RefusesWhatCannotBeCompared) {
  Recording recording = recording_of({"1101", "1111"});
  const Routing routing = route(recording, {0, 0, 0, 1});
  EXPECT_THAT(message_of<ConfigError>([&] { compare(recording, routing, {.draws = 0}); }),
              HasSubstr("draws is 0; expected at least 1"));
  EXPECT_THROW(compare(recording, routing, {.bootstrap = {.resamples = 0}}), ConfigError);
  EXPECT_THROW(compare(recording, Routing{}), ShapeError);
  EXPECT_THROW(compare(Recording{}, Routing{}), ShapeError);
  recording.labels.clear();
  EXPECT_THAT(message_of<ShapeError>([&] { compare(recording, routing); }),
              HasSubstr("needs a label for each of the 4 samples"));
}

}  // namespace
}  // namespace sharcs::internal::comparison_test
