#include "eval/threshold_search.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>

#include "eval/simulated_recordings.hpp"

namespace sharcs::internal::threshold_search_test {
namespace {

using testing::simulated_answers;

std::vector<std::size_t> all_of(const Recording& recording) {
  std::vector<std::size_t> samples(recording.size());
  std::iota(samples.begin(), samples.end(), std::size_t{0});
  return samples;
}

struct Mean {
  double cost = 0, gain = 0, worth = 0;
};
Mean mean_of(const PolicyTable& table, const GainEstimate& gains, const CandidatePolicy& policy) {
  Mean mean;
  const double full = table.costs().full(table.recording());
  const auto count = static_cast<double>(table.recording().size());
  for (std::size_t i = 0; i < table.recording().size(); ++i) {
    const PolicyTable::Outcome outcome = table.run(policy, i);
    mean.cost += outcome.cost / full / count;
    mean.gain += gains.of(i, outcome.answer) / count;
    mean.worth += table.worth(i, outcome.answer) / count;
  }
  return mean;
}

TEST(GainEstimate, IsNothingWhereAnAnswerSaysWhatFullWidthSays) {
  const Recording recording = simulated_answers(400);
  const CostModel costs = CostModel::multiply_adds(recording);
  const PolicyTable table(recording, costs, Confidence(), 0);
  const GainEstimate gains(table, all_of(recording));
  const int full = recording.full_width();
  int differing = 0;
  for (std::size_t i = 0; i < recording.size(); ++i)
    for (int a = 0; a <= full; ++a)
      if (recording.label_of(i, a) == recording.label_of(i, full)) {
        EXPECT_EQ(gains.of(i, a), 0);
      } else {
        EXPECT_LT(std::abs(gains.of(i, a)), 1);
        ++differing;
      }
  EXPECT_GT(differing, 20);
}

TEST(GainEstimate, OfASampleIsTheChanceThatTheAnswerIsRightMinusThatOfFullWidth) {
  // Samples are put into groups by their estimated gain; what the labels of the group say in the mean is near it.
  const Recording recording = simulated_answers(20000, 9);
  const CostModel costs = CostModel::multiply_adds(recording);
  const PolicyTable table(recording, costs, Confidence(), 0);
  const GainEstimate gains(table, all_of(recording));
  std::map<int, std::vector<double>> errors;
  for (std::size_t i = 0; i < recording.size(); ++i)
    for (int a = 0; a < recording.full_width(); ++a)
      if (gains.of(i, a) != 0)
        errors[static_cast<int>(std::floor(4 * gains.of(i, a)))].push_back(
            gains.of(i, a) - (table.worth(i, a) - table.worth(i, recording.full_width())));
  int groups = 0;
  for (const auto& [group, list] : errors) {
    if (list.size() < 300) continue;
    ++groups;
    EXPECT_NEAR(std::accumulate(list.begin(), list.end(), 0.0) / static_cast<double>(list.size()), 0, 0.1) << group;
  }
  EXPECT_GE(groups, 3);
}

TEST(GainEstimate, OfFewDifferingAnswersOrARegressionIsWhatTheLabelsSay) {
  for (const bool regression : {false, true}) {
    const Recording recording = simulated_answers(regression ? 50 : 8, 5, regression);
    const CostModel costs = CostModel::multiply_adds(recording);
    const PolicyTable table(recording, costs, Confidence(), 0);
    const GainEstimate gains(table, all_of(recording));
    for (std::size_t i = 0; i < recording.size(); ++i)
      for (int a = 0; a < recording.full_width(); ++a)
        EXPECT_EQ(gains.of(i, a), table.worth(i, a) - table.worth(i, recording.full_width()));
  }
}

TEST(ThresholdSearch, HasACandidateAsGoodAsAnyOfAllThresholds) {
  // Exits only, of which there are three: every combination of 10 thresholds each can be tried.
  const Recording recording = simulated_answers(300);
  const CostModel costs = CostModel::multiply_adds(recording);
  const PolicyTable table(recording, costs, Confidence(), 0);
  const auto samples = all_of(recording);
  const GainEstimate gains(table, samples);
  std::vector<Mean> found;
  for (const TriedPolicy& tried : search_thresholds(table, gains, samples, {.exits = true}))
    found.push_back({tried.cost, tried.gain});
  std::vector<std::size_t> exits;
  std::vector<std::vector<double>> levels;
  for (int a = 0; a < table.answers(); ++a) {
    if (!table.is_exit(a)) continue;
    exits.push_back(static_cast<std::size_t>(a));
    std::vector<double> sure;
    for (const std::size_t i : samples) sure.push_back(table.confidence(i, a));
    levels.push_back(levels_between(sure, 10));
    levels.back().push_back(PolicyRule::never);
  }
  ASSERT_EQ(exits.size(), 3u);
  std::vector<Mean> every;
  for (const double first : levels[0])
    for (const double second : levels[1])
      for (const double third : levels[2]) {
        CandidatePolicy policy = {.thresholds = std::vector<double>(6, PolicyRule::never)};
        policy.thresholds[exits[0]] = first, policy.thresholds[exits[1]] = second, policy.thresholds[exits[2]] = third;
        every.push_back(mean_of(table, gains, policy));
      }
  for (const double lambda : {0.0, 0.5, 2.0, 5.0, 20.0}) {
    const auto loss = [&](const Mean& mean) { return mean.cost - lambda * mean.gain; };
    EXPECT_LE(loss(*std::ranges::min_element(found, {}, loss)), loss(*std::ranges::min_element(every, {}, loss)) + 0.01)
        << lambda;
  }
}

TEST(ThresholdSearch, SaysOfEachCandidateWhatItDoesWithTheSamples) {
  for (const bool regression : {false, true})
    for (const char* confidence : {"max-probability", "entropy", "patience"})
      for (const bool one_threshold : {false, true}) {
        if (regression && std::string(confidence) == "entropy") continue;
        SCOPED_TRACE(std::string(confidence) + (regression ? ", regression" : ""));
        const Recording recording = simulated_answers(150, 3, regression);
        const CostModel costs = CostModel::multiply_adds(recording);
        const PolicyTable table(recording, costs, Confidence(confidence), 4);
        const auto samples = all_of(recording);
        const GainEstimate gains(table, samples);
        const std::vector<TriedPolicy> found = search_thresholds(
            table, gains, samples, {.narrow = true, .exits = true, .router = true, .one_threshold = one_threshold});
        EXPECT_GT(found.size(), 20u);
        for (const TriedPolicy& tried : found) {
          const Mean mean = mean_of(table, gains, tried.policy);
          ASSERT_NEAR(tried.cost, mean.cost, 1e-9);
          ASSERT_NEAR(tried.gain, mean.gain, 1e-9);
          ASSERT_NEAR(tried.worth, mean.worth, 1e-9);
        }
      }
}

TEST(ThresholdSearch, AlwaysHasFullWidthAndTheCheapestPolicy) {
  const Recording recording = simulated_answers(100);
  const CostModel costs = CostModel::multiply_adds(recording);
  const PolicyTable table(recording, costs, Confidence(), 4);
  const auto samples = all_of(recording);
  const GainEstimate gains(table, samples);
  for (const bool one_threshold : {false, true}) {
    const std::vector<TriedPolicy> found = search_thresholds(
        table, gains, samples, {.narrow = true, .exits = true, .router = true, .one_threshold = one_threshold});
    EXPECT_THAT(found.front().policy.thresholds, ::testing::Each(PolicyRule::never));
    double least = 1;
    for (const TriedPolicy& tried : found) least = std::min(least, tried.cost);
    EXPECT_NEAR(least, costs.answers[0].of(10) / costs.answers.back().of(10), 0.01);
  }
}

TEST(ThresholdSearch, WithOneThresholdAllExitsAndAllNarrowWidthsShareTheirs) {
  const Recording recording = simulated_answers(100);
  const CostModel costs = CostModel::multiply_adds(recording);
  const PolicyTable table(recording, costs, Confidence("entropy"), 0);
  const auto samples = all_of(recording);
  for (const TriedPolicy& tried : search_thresholds(table, GainEstimate(table, samples), samples,
                                                    {.narrow = true, .exits = true, .one_threshold = true})) {
    std::vector<double> of_exits, of_narrow;
    for (int a = 0; a < recording.full_width(); ++a)
      (table.is_exit(a) ? of_exits : of_narrow).push_back(tried.policy.thresholds[static_cast<std::size_t>(a)]);
    EXPECT_THAT(of_exits, ::testing::Each(of_exits.front()));
    EXPECT_THAT(of_narrow, ::testing::Each(of_narrow.front()));
  }
}

}  // namespace
}  // namespace sharcs::internal::threshold_search_test
