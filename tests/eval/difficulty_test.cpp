#include "eval/difficulty.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

namespace sharcs::internal::difficulty_test {
namespace {

using ::testing::ElementsAre;

/// Samples of the levels given, all of class 1. Two widths: the narrow one answers right at even samples, the wide one
/// everywhere. The router's logit for the wide one is `wide_logits`.
Recording two_widths(const std::vector<int>& levels, const std::vector<float>& wide_logits) {
  Recording recording = {.outputs = 2, .answers = {{.name = "0.25", .width = 0.25}, {.name = "1", .width = 1}}};
  for (std::size_t i = 0; i < wide_logits.size(); ++i) {
    recording.samples.push_back({.text = "t", .label = 1, .difficulty = levels[i]});
    recording.tokens.push_back(5);
    recording.labels.push_back(1);
    recording.router_logits.insert(recording.router_logits.end(), {0.0f, wide_logits[i]});
    recording.answers[0].logits.insert(recording.answers[0].logits.end(), {0.5f, i % 2 == 0 ? 1.0f : 0.0f});
    recording.answers[1].logits.insert(recording.answers[1].logits.end(), {0.0f, 1.0f});
  }
  return recording;
}

std::optional<Difficulty> difficulty(const Recording& recording, std::vector<int> answer_of_sample) {
  return difficulty_of(recording, answer_of_sample);
}

TEST(Difficulty, TellsAccuracyAndWidthsOfEachLevel) {
  const auto result = difficulty(two_widths({3, 0, 0, 3, 1}, {2, -1, -1, 3, 0}), {1, 0, 0, 1, 1});
  ASSERT_TRUE(result);
  ASSERT_EQ(result->levels.size(), 3u);
  EXPECT_EQ(result->levels[0].level, 0);
  EXPECT_EQ(result->levels[0].samples, 2);
  EXPECT_EQ(result->levels[0].routed, 0.5);
  EXPECT_THAT(result->levels[0].at_width, ElementsAre(0.5, 1.0));
  EXPECT_THAT(result->levels[0].shares, ElementsAre(1.0, 0.0));
  EXPECT_EQ(result->levels[2].level, 3);
  EXPECT_EQ(result->levels[2].routed, 1);
  EXPECT_THAT(result->levels[2].shares, ElementsAre(0.0, 1.0));
}

TEST(Difficulty, AucComparesTheUpperLevelsWithTheLowerOnes) {
  // Level 2 is the middle of 0 to 4 and takes no side, however its logits are.
  const auto result = difficulty(two_widths({0, 1, 2, 3, 4}, {-1, 2, 9, 1, 3}), {0, 0, 0, 0, 0});
  EXPECT_THAT(result->easy, ElementsAre(0, 1));
  EXPECT_THAT(result->hard, ElementsAre(3, 4));
  EXPECT_DOUBLE_EQ(result->router_auc, 0.75);
}

TEST(Difficulty, HasNoAucWithoutRouter) {
  Recording recording = two_widths({0, 4}, {1, 2});
  recording.router_logits.clear();
  EXPECT_TRUE(std::isnan(difficulty(recording, {0, 1})->router_auc));
}

TEST(Difficulty, HasNoAucWhereAllSamplesAreOfOneLevel) {
  EXPECT_TRUE(std::isnan(difficulty(two_widths({2, 2}, {1, 2}), {0, 1})->router_auc));
}

TEST(Difficulty, IsUnknownWhereOneSampleHasNone) {
  Recording recording = two_widths({0, 4}, {1, 2});
  recording.samples[1].difficulty.reset();
  EXPECT_FALSE(difficulty(recording, {0, 1}));
}

/// Three samples at widths 0.5 and 1, two levels.
Recording three_samples() {
  Recording recording = {
      .outputs = 2,
      .answers = {{.name = "0.5", .width = 0.5, .logits = {0, 1, 0, 1, 0, 1}},
                  {.name = "1", .width = 1, .logits = {0, 1, 1, 0, 0, 1}}},
      .tokens = {1, 1, 1},
      .labels = {1, 0, 0},
      .samples = {{.text = "a", .difficulty = 0}, {.text = "b", .difficulty = 1}, {.text = "c", .difficulty = 1}}};
  return recording;
}

TEST(Difficulty, LevelsHoldSharesAndAccuracies) {
  const auto levels = difficulty(three_samples(), {0, 0, 1})->levels;
  ASSERT_EQ(levels.size(), 2u);
  EXPECT_EQ(levels[1].level, 1);
  EXPECT_EQ(levels[1].samples, 2);
  EXPECT_THAT(levels[1].shares, ElementsAre(0.5, 0.5));
  EXPECT_EQ(levels[1].routed, 0);
  EXPECT_THAT(levels[1].at_width, ElementsAre(0, 0.5));
  EXPECT_EQ(levels[0].routed, 1);
}

TEST(Difficulty, ARegressionsLevelsHoldErrors) {
  Recording recording = three_samples();
  recording.outputs = 1;
  recording.labels.clear();
  recording.targets = {2, 2, 2};
  recording.answers[0].logits = {1, 1, 1};
  recording.answers[1].logits = {2.5f, 2.5f, 2.5f};
  const auto levels = difficulty(recording, {0, 0, 1})->levels;
  EXPECT_EQ(levels[1].routed, 0.75);
  EXPECT_THAT(levels[1].at_width, ElementsAre(1, 0.5));
}

}  // namespace
}  // namespace sharcs::internal::difficulty_test
