#include "sharcs/comparison.hpp"

#include <gtest/gtest.h>

#include "core/threads.hpp"
#include "eval/hand_made_answers.hpp"
#include "expect_error.hpp"
#include "sharcs/error.hpp"

namespace sharcs::internal {
namespace {

using testing::answers_of;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::task_of;

const Task by_accuracy = task_of({Metric::accuracy});

const BaselineResult& find(const Comparison& comparison, Baseline baseline) {
  for (const BaselineResult& result : comparison.baselines)
    if (result.baseline == baseline) return result;
  throw std::out_of_range("no such baseline");
}

TEST(Comparison, RandomRoutingHasItsExpectedAccuracyAndCost) {
  const Answers answers = answers_of({"1100", "1111"});
  const Comparison found = compare(answers, by_accuracy, route(answers, {0, 0, 0, 1}));
  const RoutingResult& random = find(found, Baseline::random).result;
  EXPECT_THAT(random.shares, ElementsAre(0.75, 0.25));
  EXPECT_DOUBLE_EQ(random.score.value, 0.75 * 0.5 + 0.25 * 1);
  EXPECT_DOUBLE_EQ(random.cost_fraction, 0.75 * 0.5 + 0.25 * 1);
  EXPECT_DOUBLE_EQ(found.routing.score.value, 0.75);
  EXPECT_DOUBLE_EQ(found.routing.cost_fraction, (1 + 2 + 3 + 2 * 4) / 20.0);
  EXPECT_DOUBLE_EQ(find(found, Baseline::random).lead.value, 0.75 - 0.625);
}

TEST(Comparison, RoutingByLengthSendsTheShortestToTheNarrowest) {
  const Answers answers = answers_of({"1100", "0011"});
  const RoutingResult by_length =
      find(compare(answers, by_accuracy, route(answers, {1, 0, 1, 0})), Baseline::by_length).result;
  EXPECT_DOUBLE_EQ(by_length.score.value, 1);
  EXPECT_DOUBLE_EQ(by_length.cost_fraction, (1 + 2 + 2 * 3 + 2 * 4) / 20.0);
}

TEST(Comparison, ChanceDecidesAmongSamplesOfOneLength) {
  Answers answers = answers_of({"1100", "0011"});
  answers.tokens = {5, 5, 5, 5};
  const Comparison found = compare(answers, by_accuracy, route(answers, {1, 0, 1, 0}));
  EXPECT_DOUBLE_EQ(find(found, Baseline::by_length).result.score.value, 0.5);
  EXPECT_DOUBLE_EQ(find(found, Baseline::random).result.score.value, 0.5);
}

TEST(Comparison, EveryWidthIsABaseline) {
  const Answers answers = answers_of({"1000", "1100", "1110"});
  const Comparison found = compare(answers, by_accuracy, route(answers, {0, 1, 2, 2}));
  std::vector<double> scores;
  for (const BaselineResult& each : found.baselines)
    if (each.baseline == Baseline::fixed) scores.push_back(each.result.score.value);
  EXPECT_THAT(scores, ElementsAre(0.25, 0.5, 0.75));
  EXPECT_EQ(found.baselines[3].name, "fixed 0.6666666666666666");
  EXPECT_THAT(found.baselines[3].result.shares, ElementsAre(0, 1, 0));
}

TEST(Comparison, MixOfFixedWidthsHasTheRoutingsCostAndTheBestScoreOfIt) {
  // The middle width is worse than the line between the others, so the mix leaves it out.
  const Answers answers = answers_of({"11000000", "10000000", "11111100"});
  const Comparison found = compare(answers, by_accuracy, route(answers, {1, 1, 1, 1, 1, 1, 1, 1}));
  const BaselineResult& mix = find(found, Baseline::mix_of_fixed);
  EXPECT_EQ(mix.name, "mix of fixed 0.3333333333333333 and 1");
  EXPECT_DOUBLE_EQ(mix.result.cost_fraction, found.routing.cost_fraction);
  EXPECT_DOUBLE_EQ(mix.result.score.value, 0.5);
}

TEST(Comparison, MixAtTheCostOfAFixedWidthIsThatWidth) {
  const Answers answers = answers_of({"1100", "1110"});
  for (const int width : {0, 1}) {
    const auto mix =
        find(compare(answers, by_accuracy, route(answers, std::vector<int>(4, width))), Baseline::mix_of_fixed);
    EXPECT_EQ(mix.name, width == 0 ? "mix of fixed 0.5" : "mix of fixed 1");
    EXPECT_EQ(mix.lead.value, 0);
  }
}

TEST(Comparison, OracleTakesTheNarrowestRightWidth) {
  const Answers answers = answers_of({"10000", "11001", "01100"});
  const RoutingResult oracle =
      find(compare(answers, by_accuracy, route(answers, {0, 0, 0, 0, 0})), Baseline::oracle).result;
  EXPECT_DOUBLE_EQ(oracle.score.value, 0.8);
  EXPECT_THAT(oracle.shares, ElementsAre(0.4, 0.4, 0.2));  // the fourth has no right width: the narrowest
}

TEST(Comparison, OracleOfARegressionIsNoWorseThanTheWidest) {
  Answers answers = answers_of({"1111", "1111"});
  answers.outputs = 1;
  answers.labels.clear();
  answers.targets = {1, 2, 3, 4};
  answers.logits = {{1.5f, 2, 2, 4}, {1, 2.5f, 3, 4}};
  const Task task = Task::custom({.kind = TaskKind::regression, .metrics = {Metric::pearson}});
  const Comparison found = compare(answers, task, route(answers, {0, 0, 0, 0}));
  EXPECT_THAT(find(found, Baseline::oracle).result.shares, ElementsAre(0.5, 0.5));
  EXPECT_DOUBLE_EQ(find(found, Baseline::oracle).result.score.value, 1);
}

TEST(Comparison, MeanOfManyDrawsStandsForMetricsThatAreNoMeans) {
  // F1 of the class 1, which each width predicts for other samples.
  Answers answers = answers_of({"11110000", "00001111"});
  for (std::size_t i = 0; i < 8; i += 2) answers.labels[i] = 1;
  const Task task = task_of({Metric::f1, Metric::accuracy});
  const Comparison found = compare(answers, task, route(answers, {0, 1, 0, 1, 0, 1, 0, 1}), {.draws = 4000});
  // All 2⁸ routings are equally likely.
  double expected = 0;
  for (int code = 0; code < 256; ++code) {
    std::vector<int> widths;
    for (int i = 0; i < 8; ++i) widths.push_back(code >> i & 1);
    expected += metrics_at(answers, task, widths)[0].value / 256;
  }
  const auto& random = find(found, Baseline::random).result.metrics;
  EXPECT_NEAR(random[0].value, expected, 0.01);
  EXPECT_EQ(random[1].value, 0.5);
}

TEST(Comparison, LeadsIntervalIsThatOfThePairedBootstrap) {
  const Answers answers = answers_of({"110010101100", "111011101110"});
  const std::vector<int> widths = {0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1};
  const ComparisonOptions options = {.bootstrap = {.resamples = 300, .seed = 7}};
  const Comparison found = compare(answers, by_accuracy, route(answers, widths), options);
  std::vector<int> ours, full;
  for (std::size_t i = 0; i < widths.size(); ++i) {
    ours.push_back(answers.label_of(i, widths[i]));
    full.push_back(answers.label_of(i, 1));
  }
  const Estimate expected = paired_bootstrap(Metric::accuracy, answers.labels, ours, full, options.bootstrap);
  const BaselineResult& widest = found.baselines[3];
  EXPECT_EQ(widest.name, "fixed 1");
  EXPECT_NEAR(widest.lead.value, expected.value, 1e-12);
  EXPECT_NEAR(widest.lead.interval.low, expected.interval.low, 1e-12);
  EXPECT_NEAR(widest.lead.interval.high, expected.interval.high, 1e-12);
}

TEST(Comparison, SameSeedGivesTheSameNumbersOnAnyThreads) {
  const Answers answers = answers_of({"11001010", "11101110"});
  const Task task = task_of({Metric::f1});
  const auto leads = [&](int threads) {
    const ThreadScope scope(threads);
    std::vector<double> numbers;
    for (const auto& each : compare(answers, task, route(answers, {0, 1, 0, 1, 0, 1, 0, 1})).baselines)
      numbers.insert(numbers.end(), {each.lead.value, each.lead.interval.low, each.lead.interval.high});
    return numbers;
  };
  EXPECT_EQ(leads(1), leads(3));
}

TEST(Comparison, AModelOfOneWidthHasNothingToLead) {
  const Answers answers = answers_of({"1101"});
  for (const BaselineResult& each : compare(answers, by_accuracy, route(answers, {0, 0, 0, 0})).baselines) {
    EXPECT_EQ(each.lead.value, 0) << each.name;
    EXPECT_EQ(each.lead.interval.low, 0) << each.name;
    EXPECT_EQ(each.result.cost_fraction, 1) << each.name;
  }
}

TEST(Comparison, RefusesWhatCannotBeCompared) {
  Answers answers = answers_of({"1101", "1111"});
  const Routing routing = route(answers, {0, 0, 0, 1});
  EXPECT_THAT(message_of<ConfigError>([&] { compare(answers, by_accuracy, routing, {.draws = 0}); }),
              HasSubstr("draws is 0; expected at least 1"));
  EXPECT_THROW(compare(answers, by_accuracy, routing, {.bootstrap = {.resamples = 0}}), ConfigError);
  EXPECT_THROW(compare(answers, by_accuracy, Routing{}), ShapeError);
  EXPECT_THROW(compare(Answers{}, by_accuracy, Routing{}), ShapeError);
  answers.labels.clear();
  EXPECT_THAT(message_of<ShapeError>([&] { compare(answers, by_accuracy, routing); }),
              HasSubstr("needs a label for each of the 4 samples"));
}

}  // namespace
}  // namespace sharcs::internal
