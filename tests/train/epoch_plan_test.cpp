#include "train/epoch_plan.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <map>
#include <numeric>
#include <set>

#include "expect_error.hpp"
#include "sharcs/error.hpp"

namespace sharcs::internal::epoch_plan_test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const std::vector<double> two = {0.25, 1.0};
const std::vector<double> three = {0.25, 0.5, 1.0};

/// Lengths from 3 to 62, most of them short.
std::vector<std::int32_t> lengths_of(std::size_t samples, std::uint64_t seed = 1) {
  Random random(derive_key(seed, "lengths"));
  std::vector<std::int32_t> lengths(samples);
  for (auto& length : lengths) length = 3 + static_cast<std::int32_t>(60 * random.uniform() * random.uniform());
  return lengths;
}

/// The first sizes[0] samples have width 0, the next sizes[1] width 1, …
std::vector<WidthLabel> labels_of(const std::vector<std::size_t>& sizes) {
  std::vector<WidthLabel> labels;
  for (std::size_t width = 0; width < sizes.size(); ++width)
    labels.insert(labels.end(), sizes[width], WidthLabel::only(static_cast<int>(width)));
  return labels;
}

std::map<Index, Index> occurrences(const EpochPlan& plan) {
  std::map<Index, Index> count;
  for (const PlannedStep& step : plan.steps)
    for (const PlannedBatch& batch : step)
      for (const Index sample : batch.samples) ++count[sample];
  return count;
}

/// The samples of each step's micro-batches are of their width, not empty, and not more than the batch size.
void expect_sound(const EpochPlan& plan, Index batch_size) {
  for (const PlannedStep& step : plan.steps) {
    EXPECT_FALSE(step.empty());
    for (const PlannedBatch& batch : step) {
      EXPECT_EQ(batch.whole_size, static_cast<Index>(batch.samples.size()));
      EXPECT_GE(batch.whole_size, 1);
      EXPECT_LE(batch.whole_size, batch_size);
      for (const Index sample : batch.samples)
        EXPECT_EQ(plan.width_of_sample[static_cast<std::size_t>(sample)], batch.width);
    }
  }
}

std::vector<std::vector<int>> widths_of_steps(const EpochPlan& plan) {
  std::vector<std::vector<int>> widths;
  for (const PlannedStep& step : plan.steps) {
    widths.emplace_back();
    for (const PlannedBatch& batch : step) widths.back().push_back(batch.width);
  }
  return widths;
}

TEST(EpochPlan, WithoutLabelsEverySampleOccursOnceAtTheLargestWidth) {
  for (const std::size_t samples : {1u, 7u, 8u, 9u, 1000u}) {
    for (const StepMode mode : {StepMode::joint, StepMode::alternate}) {
      const EpochPlanOptions options{.step_mode = mode, .batch_size = 8, .shuffle_window = 4};
      const EpochPlan plan = plan_epoch(two, lengths_of(samples), {}, 0, options);
      expect_sound(plan, 8);
      const auto count = occurrences(plan);
      EXPECT_EQ(count.size(), samples);
      for (const auto& [sample, times] : count) EXPECT_EQ(times, 1) << "sample " << sample;
      EXPECT_EQ(static_cast<Index>(plan.steps.size()), steps_at_one_width(static_cast<Index>(samples), options));
      EXPECT_THAT(plan.width_of_sample, ::testing::Each(1));
      EXPECT_THAT(plan.notes, IsEmpty());
      int smaller = 0;
      for (const PlannedStep& step : plan.steps) {
        EXPECT_EQ(step.size(), 1u);
        smaller += step[0].whole_size < 8;
      }
      EXPECT_EQ(smaller, samples % 8 != 0);
    }
  }
}

TEST(EpochPlan, JointStepHasOneMicroBatchOfEachWidth) {
  const EpochPlan plan = plan_epoch(three, lengths_of(130), labels_of({40, 50, 40}), 3, {.batch_size = 16});
  expect_sound(plan, 16);
  EXPECT_EQ(plan.steps.size(), 4u);
  for (const auto& widths : widths_of_steps(plan)) EXPECT_THAT(widths, ElementsAre(0, 1, 2));
  EXPECT_THAT(plan.bucket_sizes, ElementsAre(40, 50, 40));
}

TEST(EpochPlan, SmallerBucketsAreRepeatedEvenlyUpToTheLargest) {
  const std::vector<std::size_t> sizes = {3, 45, 100};
  const EpochPlan plan =
      plan_epoch(three, lengths_of(148), labels_of(sizes), 0, {.batch_size = 10, .shuffle_window = 3});
  expect_sound(plan, 10);
  const auto count = occurrences(plan);
  std::vector<Index> total(3);
  for (Index sample = 0; sample < 148; ++sample) {
    const auto width = static_cast<std::size_t>(plan.width_of_sample[static_cast<std::size_t>(sample)]);
    const auto size = static_cast<Index>(sizes[width]);
    ASSERT_TRUE(count.contains(sample));
    EXPECT_GE(count.at(sample), 100 / size);
    EXPECT_LE(count.at(sample), (100 + size - 1) / size);
    total[width] += count.at(sample);
  }
  EXPECT_THAT(total, ElementsAre(100, 100, 100));
  EXPECT_EQ(plan.steps.size(), 10u);
}

TEST(EpochPlan, CopiesOfARepeatedSampleDoNotFillABatch) {
  const EpochPlan plan = plan_epoch(two, lengths_of(1050), labels_of({50, 1000}), 0, {.batch_size = 16});
  for (const PlannedStep& step : plan.steps) {
    const std::vector<Index>& samples = step[0].samples;
    EXPECT_GE(std::set<Index>(samples.begin(), samples.end()).size(), samples.size() / 2);
  }
}

TEST(EpochPlan, WithoutRepetitionEverySampleOccursOnceAndLateStepsHoldFewerWidths) {
  const EpochPlan plan = plan_epoch(three, lengths_of(75), labels_of({10, 25, 40}), 0,
                                    {.batch_size = 10, .repeat_smaller_buckets = false});
  expect_sound(plan, 10);
  EXPECT_THAT(widths_of_steps(plan),
              ElementsAre(ElementsAre(0, 1, 2), ElementsAre(1, 2), ElementsAre(1, 2), ElementsAre(2)));
  const auto count = occurrences(plan);
  EXPECT_EQ(count.size(), 75u);
  for (const auto& [sample, times] : count) EXPECT_EQ(times, 1) << "sample " << sample;
}

TEST(EpochPlan, AShareOfTheEasierSamplesTrainsFullWidth) {
  const auto labels = labels_of({2000, 1000});
  const EpochPlanOptions options = {.batch_size = 10, .full_width_share = 0.25};
  const EpochPlan plan = plan_epoch(two, lengths_of(3000), labels, 0, options);
  EXPECT_NEAR(static_cast<double>(plan.bucket_sizes[0]), 1500, 75);
  EXPECT_NE(plan_epoch(two, lengths_of(3000), labels, 1, options).width_of_sample, plan.width_of_sample);
  const EpochPlan all = plan_epoch(two, lengths_of(3000), labels, 0, {.batch_size = 10, .full_width_share = 1});
  EXPECT_THAT(all.bucket_sizes, ElementsAre(0, 3000));
}

TEST(EpochPlan, AlternateStepsTakeTheWidthsInTurn) {
  const EpochPlan repeated =
      plan_epoch(two, lengths_of(30), labels_of({10, 20}), 0, {.step_mode = StepMode::alternate, .batch_size = 10});
  EXPECT_THAT(widths_of_steps(repeated), ElementsAre(ElementsAre(0), ElementsAre(1), ElementsAre(0), ElementsAre(1)));
  const EpochPlan once =
      plan_epoch(two, lengths_of(30), labels_of({10, 20}), 0,
                 {.step_mode = StepMode::alternate, .batch_size = 10, .repeat_smaller_buckets = false});
  EXPECT_THAT(widths_of_steps(once), ElementsAre(ElementsAre(0), ElementsAre(1), ElementsAre(1)));
}

TEST(EpochPlan, AccumulationJoinsRoundsOrMicroBatches) {
  const auto labels = labels_of({50, 50});
  const EpochPlan joint = plan_epoch(two, lengths_of(100), labels, 0, {.batch_size = 10, .accumulation = 2});
  EXPECT_THAT(widths_of_steps(joint), ElementsAre(ElementsAre(0, 1, 0, 1), ElementsAre(0, 1, 0, 1), ElementsAre(0, 1)));
  const EpochPlan alternate = plan_epoch(two, lengths_of(100), labels, 0,
                                         {.step_mode = StepMode::alternate, .batch_size = 10, .accumulation = 4});
  EXPECT_THAT(widths_of_steps(alternate),
              ElementsAre(ElementsAre(0, 1, 0, 1), ElementsAre(0, 1, 0, 1), ElementsAre(0, 1)));
  const EpochPlanOptions options{.batch_size = 10, .accumulation = 4};
  EXPECT_EQ(static_cast<Index>(plan_epoch(two, lengths_of(101), {}, 0, options).steps.size()),
            steps_at_one_width(101, options));
}

TEST(EpochPlan, AlternateWithAsManyAccumulationsAsWidthsEqualsJoint) {
  const auto labels = labels_of({33, 70});
  const auto lengths = lengths_of(103);
  const EpochPlan joint = plan_epoch(two, lengths, labels, 5, {.batch_size = 8});
  const EpochPlan alternate =
      plan_epoch(two, lengths, labels, 5, {.step_mode = StepMode::alternate, .batch_size = 8, .accumulation = 2});
  EXPECT_EQ(joint.steps, alternate.steps);
}

TEST(EpochPlan, DependsOnSeedAndEpochOnly) {
  const auto lengths = lengths_of(200);
  std::vector<WidthLabel> labels(200, WidthLabel::only(0));
  for (auto& label : labels) label.add(1);
  const EpochPlanOptions options{.batch_size = 8, .seed = 3};
  EpochPlanOptions other_seed = options;
  other_seed.seed = 4;
  const EpochPlan plan = plan_epoch(two, lengths, labels, 6, options);
  EXPECT_EQ(plan.steps, plan_epoch(two, lengths, labels, 6, options).steps);
  for (const EpochPlan& other :
       {plan_epoch(two, lengths, labels, 7, options), plan_epoch(two, lengths, labels, 6, other_seed)}) {
    EXPECT_NE(plan.steps, other.steps);
    EXPECT_NE(plan.width_of_sample, other.width_of_sample);
  }
}

TEST(EpochPlan, SampleFitForSeveralWidthsIsTrainedAtEachOfThemInSomeEpochs) {
  std::vector<WidthLabel> labels = labels_of({500, 500, 500});
  for (std::size_t i = 0; i < 500; ++i) labels[i].add(2);
  std::map<int, int> drawn;
  for (std::int64_t epoch = 0; epoch < 8; ++epoch) {
    const EpochPlan plan = plan_epoch(three, lengths_of(1500), labels, epoch, {});
    for (std::size_t i = 0; i < labels.size(); ++i) {
      EXPECT_TRUE(labels[i].contains(plan.width_of_sample[i]));
      if (i < 500) ++drawn[plan.width_of_sample[i]];
    }
    EXPECT_EQ(std::accumulate(plan.bucket_sizes.begin(), plan.bucket_sizes.end(), Index{0}), 1500);
  }
  EXPECT_NEAR(drawn[0], 2000, 160);
  EXPECT_EQ(drawn[0] + drawn[2], 4000);
}

TEST(EpochPlan, DrawOfASampleDoesNotDependOnTheLabelsOfOthers) {
  std::vector<WidthLabel> labels(300, WidthLabel::only(0));
  for (auto& label : labels) label.add(1);
  const EpochPlan before = plan_epoch(two, lengths_of(300), labels, 0, {});
  for (std::size_t i = 0; i < 300; i += 3) labels[i] = WidthLabel::only(1);
  const EpochPlan after = plan_epoch(two, lengths_of(300), labels, 0, {});
  for (std::size_t i = 0; i < 300; ++i) {
    if (i % 3 == 0) continue;
    EXPECT_EQ(before.width_of_sample[i], after.width_of_sample[i]);
  }
}

/// Mean over the batches of (longest − shortest).
double spread(const EpochPlan& plan, const std::vector<std::int32_t>& lengths) {
  double sum = 0;
  for (const PlannedStep& step : plan.steps) {
    std::int32_t shortest = std::numeric_limits<std::int32_t>::max(), longest = 0;
    for (const Index sample : step[0].samples) {
      shortest = std::min(shortest, lengths[static_cast<std::size_t>(sample)]);
      longest = std::max(longest, lengths[static_cast<std::size_t>(sample)]);
    }
    sum += longest - shortest;
  }
  return sum / static_cast<double>(plan.steps.size());
}

TEST(EpochPlan, SamplesOfABatchAreAboutEquallyLong) {
  const auto lengths = lengths_of(3000);
  const double sorted = spread(plan_epoch(two, lengths, {}, 0, {.batch_size = 16, .shuffle_window = 50}), lengths);
  const double unsorted = spread(plan_epoch(two, lengths, {}, 0, {.batch_size = 16, .shuffle_window = 1}), lengths);
  EXPECT_LT(sorted, 4);
  EXPECT_GT(unsorted, 30);
}

TEST(EpochPlan, BatchesDoNotComeInOrderOfLength) {
  const auto lengths = lengths_of(1600);
  const EpochPlan plan = plan_epoch(two, lengths, {}, 0, {.batch_size = 16});
  int falls = 0;
  for (std::size_t i = 1; i < plan.steps.size(); ++i)
    falls += lengths[static_cast<std::size_t>(plan.steps[i][0].samples[0])] <
             lengths[static_cast<std::size_t>(plan.steps[i - 1][0].samples[0])];
  EXPECT_GT(falls, 25);
}

TEST(EpochPlan, SmallerBatchIsNotAlwaysThatOfTheLongestSamples) {
  const auto lengths = lengths_of(325);
  int of_the_longest = 0;
  for (std::int64_t epoch = 0; epoch < 40; ++epoch) {
    const EpochPlan plan = plan_epoch(two, lengths, {}, epoch, {.batch_size = 32});
    for (const PlannedStep& step : plan.steps)
      if (step[0].whole_size == 5)
        of_the_longest += std::all_of(step[0].samples.begin(), step[0].samples.end(),
                                      [&](Index i) { return lengths[static_cast<std::size_t>(i)] > 40; });
  }
  EXPECT_LT(of_the_longest, 15);
}

TEST(EpochPlan, WidthWithoutSamplesIsSkippedAndNoted) {
  const EpochPlan plan = plan_epoch(three, lengths_of(40), labels_of({0, 15, 25}), 4, {.batch_size = 10});
  expect_sound(plan, 10);
  for (const auto& widths : widths_of_steps(plan)) EXPECT_THAT(widths, ElementsAre(1, 2));
  EXPECT_THAT(plan.notes,
              ElementsAre("epoch 5: no training sample has width 0.25, which is not trained in this epoch"));
  EXPECT_THAT(plan.bucket_sizes, ElementsAre(0, 15, 25));
  const EpochPlan narrow_only = plan_epoch(two, lengths_of(5), labels_of({5, 0}), 4, {.batch_size = 10});
  EXPECT_THAT(widths_of_steps(narrow_only), ElementsAre(ElementsAre(0)));
}

TEST(EpochPlan, OneSampleMakesOneStep) {
  const EpochPlan plan = plan_epoch(two, std::vector<std::int32_t>{5}, labels_of({1, 0}), 9, {});
  ASSERT_EQ(plan.steps.size(), 1u);
  EXPECT_THAT(plan.steps[0][0].samples, ElementsAre(0));
}

TEST(EpochPlan, HugeBatchesAndWindowsHoldEverything) {
  constexpr Index huge = std::numeric_limits<Index>::max();
  const EpochPlanOptions options{.batch_size = huge, .shuffle_window = huge, .accumulation = huge};
  const EpochPlan plan = plan_epoch(two, lengths_of(20), labels_of({5, 15}), 0, options);
  ASSERT_EQ(plan.steps.size(), 1u);
  EXPECT_EQ(plan.steps[0][0].whole_size, 15);
  EXPECT_EQ(steps_at_one_width(20, options), 1);
}

TEST(EpochPlan, RefusesWhatCannotBePlanned) {
  EXPECT_THAT(message_of<TrainingError>([] { plan_epoch(two, {}, {}, 0, {}); }), HasSubstr("no training samples"));
  EXPECT_THAT(message_of<ShapeError>([] {
                plan_epoch(two, lengths_of(4), labels_of({1, 2}), 0, {});
              }),
              HasSubstr("3 hardness labels for 4 training samples"));
  EXPECT_THAT(message_of<ConfigError>([] { plan_epoch(two, lengths_of(4), {}, 0, {.batch_size = 0}); }),
              HasSubstr("batch size is 0; expected at least 1"));
  EXPECT_THAT(message_of<ConfigError>([] { plan_epoch(two, lengths_of(4), {}, 0, {.shuffle_window = 0}); }),
              HasSubstr("shuffle window is 0"));
  EXPECT_THAT(message_of<ConfigError>([] { steps_at_one_width(4, {.accumulation = -1}); }),
              HasSubstr("accumulation is -1"));
}

TEST(PartOf, RanksTogetherHaveEverySampleOfEveryMicroBatchOnceAndInItsPlace) {
  const std::vector<std::int32_t> lengths = lengths_of(95);
  const EpochPlan plan = plan_epoch(three, lengths, labels_of({20, 35, 40}), 0, {.batch_size = 7});
  for (const Sharding sharding : {Sharding::samples, Sharding::micro_batches}) {
    for (int ranks = 1; ranks <= 9; ++ranks) {
      for (const PlannedStep& step : plan.steps) {
        std::vector<std::vector<Index>> together(step.size());
        std::vector<Index> tokens(step.size(), 0);
        for (int rank = 0; rank < ranks; ++rank) {
          const PlannedStep part = part_of(step, rank, ranks, sharding, lengths);
          ASSERT_EQ(part.size(), step.size());
          for (std::size_t i = 0; i < step.size(); ++i) {
            EXPECT_EQ(part[i].width, step[i].width);
            EXPECT_EQ(part[i].whole_size, step[i].whole_size);
            if (part[i].samples.empty()) continue;
            EXPECT_EQ(part[i].first_sample, static_cast<Index>(together[i].size()));
            EXPECT_EQ(part[i].first_token, tokens[i]);
            for (const Index sample : part[i].samples) {
              together[i].push_back(sample);
              tokens[i] += lengths[static_cast<std::size_t>(sample)];
            }
          }
        }
        for (std::size_t i = 0; i < step.size(); ++i) EXPECT_EQ(together[i], step[i].samples);
      }
    }
  }
}

TEST(PartOf, BySamplesEveryRankHasItsShareOfTheTokensOfEveryMicroBatch) {
  std::vector<std::int32_t> lengths(20, 3);
  lengths[12] = 9;
  const PlannedStep step = {{.width = 1, .samples = {10, 11, 12, 13, 14}, .whole_size = 5}};
  const auto part = [&](int rank, int ranks) { return part_of(step, rank, ranks, Sharding::samples, lengths)[0]; };
  EXPECT_THAT(part(0, 2).samples, ElementsAre(10, 11));
  EXPECT_THAT(part(1, 2).samples, ElementsAre(12, 13, 14));
  EXPECT_EQ(part(0, 1), step[0]);
  int without = 0;
  for (int rank = 0; rank < 7; ++rank) without += part(rank, 7).samples.empty();
  EXPECT_EQ(without, 2);
}

TEST(PartOf, ByMicroBatchesEveryRankHasAWidthAndSpareRanksHelpTheLargest) {
  const std::vector<std::int32_t> lengths(20, 4);
  const PlannedStep step = {{.width = 0, .samples = {1, 2, 3, 4}, .whole_size = 4},
                            {.width = 1, .samples = {5, 6, 7, 8}, .whole_size = 4}};
  const auto samples = [&](int rank, int ranks, std::size_t micro_batch) {
    return part_of(step, rank, ranks, Sharding::micro_batches, lengths)[micro_batch].samples;
  };
  EXPECT_THAT(samples(0, 2, 1), ElementsAre(5, 6, 7, 8));
  EXPECT_THAT(samples(0, 2, 0), IsEmpty());
  EXPECT_THAT(samples(1, 2, 0), ElementsAre(1, 2, 3, 4));
  EXPECT_THAT(samples(0, 3, 1), ElementsAre(5, 6));
  EXPECT_THAT(samples(2, 3, 1), ElementsAre(7, 8));
  EXPECT_THAT(samples(1, 3, 0), ElementsAre(1, 2, 3, 4));
}

TEST(WidthTransitions, CountHowSamplesMove) {
  const std::vector<int> before = {0, 0, 1, 2, 2, 2}, after = {0, 1, 1, 2, 0, 0};
  EXPECT_THAT(width_transitions(before, after, 3),
              ElementsAre(ElementsAre(1, 1, 0), ElementsAre(0, 1, 0), ElementsAre(2, 0, 1)));
  EXPECT_THAT(message_of<ShapeError>([&] { width_transitions(before, std::vector<int>{1}, 3); }),
              HasSubstr("6 and 1 samples"));
}

TEST(EpochPlan, CopiesOfASampleAreSpreadOverTheEpoch) {
  std::vector<int> copies(320, 1);
  for (std::size_t i = 0; i < 320; i += 100) copies[i] = 10;
  const EpochPlan plan = plan_epoch(two, lengths_of(320), {}, 0, {.batch_size = 8, .shuffle_window = 5}, copies);
  EXPECT_THAT(plan.bucket_sizes, ElementsAre(0, 320));
  const std::map<Index, Index> count = occurrences(plan);
  for (std::size_t i = 0; i < 320; ++i) EXPECT_EQ(count.at(static_cast<Index>(i)), copies[i]);
  std::set<std::size_t> steps_with_copies;
  for (std::size_t step = 0; step < plan.steps.size(); ++step)
    for (const Index sample : plan.steps[step].front().samples)
      if (sample == 100) steps_with_copies.insert(step);
  EXPECT_GE(steps_with_copies.size(), 5u);
}

TEST(EpochPlan, FirstBatchesAreCountedOverAllSteps) {
  std::vector<PlannedStep> steps(5);
  for (Index step = 0; step < 5; ++step)
    for (const Index batch : {0, 1, 2})
      steps[static_cast<std::size_t>(step)].push_back({.width = 0, .samples = {3 * step + batch}, .whole_size = 1});
  const auto samples_of = [&](std::size_t most) {
    std::vector<Index> samples;
    for (const PlannedBatch& batch : first_batches(steps, most)) samples.push_back(batch.samples.front());
    return samples;
  };
  EXPECT_THAT(samples_of(4), ElementsAre(0, 1, 2, 3)) << "the last of them in the middle of a step";
  EXPECT_THAT(samples_of(0), IsEmpty());
  EXPECT_EQ(samples_of(100).size(), 15u);
}

}  // namespace
}  // namespace sharcs::internal::epoch_plan_test
