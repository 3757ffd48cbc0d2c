#include "report/findings.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "eval/bootstrap.hpp"
#include "report/synthetic_run.hpp"

namespace sharcs::internal::findings_test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;
using testing::synthetic_run;

/// Three samples at widths 0.5 and 1.
RecordedEvaluation three_samples() {
  return {.recording = {.classes = {"no", "yes"},
                        .outputs = 2,
                        .answers = {{.name = "0.5", .width = 0.5, .logits = {0, 1, 0, 1, 0, 1}},
                                    {.name = "1", .width = 1, .logits = {0, 1, 1, 0, 0, 1}}},
                        .router_logits = {2, -1, 0.5, 0.25, -1, 3},
                        .tokens = {1, 1, 1},
                        .labels = {1, 0, 0}},
          .answer_of_sample = {0, 0, 1}};
}

TEST(Findings, TheBestEpochIsTheLastThatSaysSo) {
  RunFolder run = synthetic_run({.samples = 20});
  for (EpochRecord& epoch : run.epochs) epoch.best = epoch.epoch == 2 || epoch.epoch == 5;
  EXPECT_EQ(best_epoch(run)->epoch, 5);
  run.recorded.reset();
  EXPECT_EQ(best_evaluation(run), &run.epochs[4].evaluations[0]);
  for (EpochRecord& epoch : run.epochs) epoch.evaluations.clear();
  EXPECT_EQ(best_epoch(run), nullptr);
  EXPECT_EQ(best_evaluation(run), nullptr);
  EXPECT_FALSE(headline_of(run).has_value());
}

TEST(Findings, TheHeadlineComesFromTheEvaluationWhereThereIsOne) {
  const RunFolder run = synthetic_run({.samples = 50});
  const Headline headline = *headline_of(run);
  EXPECT_EQ(headline.score, "accuracy");
  EXPECT_TRUE(headline.is_share);
  EXPECT_EQ(headline.data, "50 samples of data/dev.tsv");
  EXPECT_EQ(headline.routed.value, run.recorded->points[0].score.value);
  EXPECT_EQ(headline.routed.interval.low, run.recorded->points[0].score.interval.low);
  EXPECT_EQ(headline.full.value, run.recorded->evaluation.full.at("accuracy"));
  ASSERT_TRUE(headline.lead.has_value());
  EXPECT_NEAR(headline.lead->value, headline.routed.value - headline.full.value, 1e-12);
}

TEST(Findings, WithoutComparedPointsAnAccuracyHasWilsonsInterval) {
  RunFolder run = synthetic_run({.samples = 50});
  run.recorded->points.clear();
  const Headline headline = *headline_of(run);
  const double routed = run.recorded->evaluation.routed.at("accuracy");
  const Interval expected = wilson_interval(static_cast<std::size_t>(std::lround(50 * routed)), 50);
  EXPECT_EQ(headline.routed.interval.low, expected.low);
  EXPECT_EQ(headline.routed.interval.high, expected.high);
  EXPECT_FALSE(headline.lead.has_value());
}

TEST(Findings, WithoutAnEvaluationTheHeadlineComesFromTheBestEpoch) {
  RunFolder run = synthetic_run({.samples = 50});
  run.recorded.reset();
  const EpochRecord& best = *best_epoch(run);
  const Headline headline = *headline_of(run);
  EXPECT_EQ(headline.data, "50 samples of dev, epoch " + std::to_string(best.epoch));
  EXPECT_EQ(headline.routed.value, best.evaluations[0].routed.at("accuracy"));
}

TEST(Findings, TheScoreIsTheMeanOfTheMetrics) {
  RunFolder run = synthetic_run({.samples = 50});
  run.recorded->points.clear();
  run.recorded->evaluation.routed =
      run.recorded->evaluation.full = {{"accuracy", 0.75}, {"f1", 0.25}, {"macro_f1", 0.5}};
  const Headline headline = *headline_of(run);
  EXPECT_EQ(headline.score, "mean of accuracy, f1 and macro f1");
  EXPECT_FALSE(headline.is_share);
  EXPECT_EQ(headline.routed.value, 0.5);
  EXPECT_TRUE(std::isnan(headline.routed.interval.low));
}

TEST(Findings, WordsTellDifferencesWithTheirIntervals) {
  Headline headline = {.data = "100 samples of dev.tsv",
                       .score = "accuracy",
                       .is_share = true,
                       .samples = 100,
                       .routed = {0.87, {0.85, 0.89}},
                       .full = {0.876, {0.86, 0.9}},
                       .lead = Estimate{-0.006, {-0.012, 0.001}},
                       .policy = "router",
                       .cost_fraction = 0.48,
                       .seconds_routed = 1.5,
                       .seconds_full = 3};
  EXPECT_EQ(in_words(headline),
            "With its router the model reaches accuracy 87.0 % (95 % interval 85.0 % to 89.0 %), and 87.6 % (95 % "
            "interval 86.0 % to 90.0 %) when everything runs at full width: a difference of −0.6 points, which may be "
            "chance (95 % interval −1.2 points to +0.1 points). It spends 48.0 % of the multiply-adds of full width, "
            "and took 1.50 s instead of 3.00 s: 2.00 times as fast.");
  headline.lead->interval.high = -0.001;
  EXPECT_THAT(in_words(headline), HasSubstr("which is more than chance (95 % interval −1.2 points to −0.1 points)"));
  headline.lead = Estimate{0, {0, 0}};
  EXPECT_THAT(in_words(headline), HasSubstr("full width: no difference in any resample. It spends"));
  headline.is_share = false;
  headline.lead.reset();
  headline.seconds_routed = std::nan("");
  headline.routed.interval = {std::nan(""), std::nan("")};
  EXPECT_THAT(in_words(headline), HasSubstr("reaches accuracy 0.870, and 0.876 (95 % interval 0.860 to 0.900) when"));
  EXPECT_THAT(in_words(headline), HasSubstr("of full width."));
}

TEST(Findings, WordsNameThePolicyThatWasEvaluated) {
  RunFolder run = synthetic_run({.samples = 20});
  EXPECT_THAT(in_words(*headline_of(run)), StartsWith("With its router the model reaches accuracy "));
  run.recorded->policy = "fixed 0.25";
  EXPECT_THAT(in_words(*headline_of(run)), StartsWith("With the policy \"fixed 0.25\" the model reaches accuracy "));
  run.recorded->recording.config.sharcs.reset();
  EXPECT_THAT(in_words(*headline_of(run)), StartsWith("Without a router the model reaches accuracy "));
  run.recorded.reset();
  EXPECT_THAT(in_words(*headline_of(run)), StartsWith("With its router the model reaches accuracy "));
}

TEST(Findings, DifferencesHaveASignUnlessTheyRoundToNothing) {
  EXPECT_EQ(difference_text(0.0123, true), "+1.2 points");
  EXPECT_EQ(difference_text(-0.0004, true), "0.0 points");
  EXPECT_EQ(difference_text(-0.0123, false), "−0.012");
  EXPECT_EQ(difference_text(std::nan(""), false), "-");
}

TEST(Findings, NeedIsTheNarrowestWidthThatIsRight) {
  EXPECT_THAT(need_against_choice(three_samples()),
              ElementsAre(ElementsAre(1, 0), ElementsAre(1, 0), ElementsAre(0, 1)));
}

TEST(Findings, RoutersMarginIsItsLeaningTowardsFullWidth) {
  Recording recording = three_samples().recording;
  EXPECT_EQ(router_margin(recording, 0), -3);
  EXPECT_EQ(router_margin(recording, 2), 4);
  recording.router_logits.clear();
  recording.answers[0].logits = {0, std::log(3.0f), 0, 0, 0, 0};  // 0.75 for the true class
  EXPECT_NEAR(router_margin(recording, 0), 0.25, 1e-6);
  recording.outputs = 1;
  recording.targets = {3, 3, 3};
  recording.answers[0].logits = {1, 1, 1};
  EXPECT_EQ(router_margin(recording, 0), 2);
}

}  // namespace
}  // namespace sharcs::internal::findings_test
