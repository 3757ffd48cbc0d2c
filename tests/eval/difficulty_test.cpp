#include "eval/difficulty.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

namespace sharcs::internal {
namespace {

using ::testing::ElementsAre;

/// Samples of the levels given, all of class 1. Two widths: the narrow one answers right at even samples, the wide one
/// everywhere. The router's logit for the wide one is `wide_logits`.
Evaluation two_widths(const std::vector<float>& wide_logits, std::vector<int> width_of_sample) {
  Evaluation evaluation;
  Answers& answers = evaluation.answers;
  answers.widths = {0.25, 1};
  answers.outputs = 2;
  answers.logits.resize(2);
  for (std::size_t i = 0; i < wide_logits.size(); ++i) {
    answers.tokens.push_back(5);
    answers.labels.push_back(1);
    answers.router_logits.insert(answers.router_logits.end(), {0.0f, wide_logits[i]});
    answers.logits[0].insert(answers.logits[0].end(), {0.5f, i % 2 == 0 ? 1.0f : 0.0f});
    answers.logits[1].insert(answers.logits[1].end(), {0.0f, 1.0f});
  }
  evaluation.routing.width_of_sample = std::move(width_of_sample);
  return evaluation;
}

Dataset of_levels(const std::vector<int>& levels) {
  Dataset dataset;
  for (const int level : levels) dataset.samples.push_back({.text = "t", .label = 1, .difficulty = level});
  return dataset;
}

TEST(Difficulty, TellsAccuracyAndWidthsOfEachLevel) {
  const auto result = evaluate_difficulty(of_levels({3, 0, 0, 3, 1}), two_widths({2, -1, -1, 3, 0}, {1, 0, 0, 1, 1}));
  ASSERT_TRUE(result);
  ASSERT_EQ(result->levels.size(), 3u);
  EXPECT_EQ(result->levels[0].level, 0);
  EXPECT_EQ(result->levels[0].samples, 2u);
  EXPECT_EQ(result->levels[0].routed, 0.5);
  EXPECT_THAT(result->levels[0].at_width, ElementsAre(0.5, 1.0));
  EXPECT_THAT(result->levels[0].width_share, ElementsAre(1.0, 0.0));
  EXPECT_EQ(result->levels[2].level, 3);
  EXPECT_EQ(result->levels[2].routed, 1);
  EXPECT_THAT(result->levels[2].width_share, ElementsAre(0.0, 1.0));
}

TEST(Difficulty, AucComparesTheUpperLevelsWithTheLowerOnes) {
  // Level 2 is the middle of 0 to 4 and takes no side, however its logits are.
  const auto result = evaluate_difficulty(of_levels({0, 1, 2, 3, 4}), two_widths({-1, 2, 9, 1, 3}, {0, 0, 0, 0, 0}));
  EXPECT_THAT(result->easy, ElementsAre(0, 1));
  EXPECT_THAT(result->hard, ElementsAre(3, 4));
  EXPECT_DOUBLE_EQ(result->router_auc, 0.75);
}

TEST(Difficulty, HasNoAucWithoutRouter) {
  Evaluation evaluation = two_widths({1, 2}, {0, 1});
  evaluation.answers.router_logits.clear();
  EXPECT_TRUE(std::isnan(evaluate_difficulty(of_levels({0, 4}), evaluation)->router_auc));
}

TEST(Difficulty, HasNoAucWhereAllSamplesAreOfOneLevel) {
  EXPECT_TRUE(std::isnan(evaluate_difficulty(of_levels({2, 2}), two_widths({1, 2}, {0, 1}))->router_auc));
}

TEST(Difficulty, IsUnknownWhereOneSampleHasNone) {
  Dataset dataset = of_levels({0, 4});
  dataset.samples[1].difficulty.reset();
  EXPECT_FALSE(evaluate_difficulty(dataset, two_widths({1, 2}, {0, 1})));
}

}  // namespace
}  // namespace sharcs::internal
