#include "sharcs/dataset.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "expect_error.hpp"

namespace sharcs::internal::dataset_test {
namespace {

Dataset labelled_samples(const std::vector<int>& counts) {
  Dataset dataset;
  dataset.file = "train.tsv";
  for (std::size_t label = 0; label < counts.size(); ++label)
    for (int i = 0; i < counts[label]; ++i)
      dataset.samples.push_back({.text = std::to_string(label) + " " + std::to_string(i),
                                 .label = static_cast<int>(label),
                                 .line = dataset.size() + 1});
  return dataset;
}

std::vector<std::size_t> lines_of(const Dataset& dataset) {
  std::vector<std::size_t> lines;
  for (const Sample& sample : dataset.samples) lines.push_back(sample.line);
  return lines;
}

TEST(StratifiedSplit, KeepsTheShareOfEveryLabelAndTheOrder) {
  const TrainAndDev parts = split_stratified(labelled_samples({100, 37, 4, 1}), {.dev_share = 0.2, .seed = 5});
  EXPECT_THAT(label_counts(parts.dev, 4), ::testing::ElementsAre(20u, 7u, 1u, 0u));
  EXPECT_THAT(label_counts(parts.train, 4), ::testing::ElementsAre(80u, 30u, 3u, 1u));
  EXPECT_TRUE(std::is_sorted(parts.train.samples.begin(), parts.train.samples.end(),
                             [](const Sample& a, const Sample& b) { return a.line < b.line; }));
  std::vector<std::size_t> all = lines_of(parts.train);
  for (const std::size_t line : lines_of(parts.dev)) all.push_back(line);
  std::sort(all.begin(), all.end());
  for (std::size_t i = 0; i < all.size(); ++i) ASSERT_EQ(all[i], i + 1);
}

TEST(StratifiedSplit, DependsOnTheSeedAlone) {
  const Dataset dataset = labelled_samples({50, 50});
  EXPECT_EQ(lines_of(split_stratified(dataset, {.seed = 1}).dev), lines_of(split_stratified(dataset, {.seed = 1}).dev));
  EXPECT_NE(lines_of(split_stratified(dataset, {.seed = 1}).dev), lines_of(split_stratified(dataset, {.seed = 2}).dev));
}

TEST(StratifiedSplit, SpreadsRegressionTargets) {
  Dataset dataset;
  for (int i = 0; i < 100; ++i)
    dataset.samples.push_back(
        {.text = "t", .targets = {static_cast<double>((i * 37) % 100)}, .line = static_cast<std::size_t>(i) + 1});
  for (const double share : {0.1, 0.25, 0.3}) {
    const TrainAndDev parts = split_stratified(dataset, {.dev_share = share});
    EXPECT_EQ(parts.dev.size(), static_cast<std::size_t>(std::lround(100 * share)));
    std::vector<double> targets;
    for (const Sample& sample : parts.dev.samples) targets.push_back(sample.targets.at(0));
    std::sort(targets.begin(), targets.end());
    for (std::size_t i = 1; i < targets.size(); ++i) EXPECT_LT(targets[i] - targets[i - 1], 3 / share);
  }
  dataset.samples.resize(3);
  EXPECT_EQ(split_stratified(dataset, {.dev_share = 0.01}).dev.size(), 1u);
}

TEST(StratifiedSplit, RefusesWhatCannotBeSplit) {
  EXPECT_EQ(message_of<DataError>([] {
              split_stratified(labelled_samples({1, 1}));
            }),
            "train.tsv: 2 samples are too few to split off a dev set; expected at least 2 of one label");
  EXPECT_EQ(message_of<DataError>([] { split_stratified(labelled_samples({1})); }),
            "train.tsv: 1 sample is too few to split off a dev set; expected at least 2 of one label");
  Dataset unlabelled = labelled_samples({3});
  unlabelled.samples[1].label.reset();
  EXPECT_EQ(message_of<DataError>([&] { split_stratified(unlabelled); }),
            "train.tsv:2: has no label; a dev set can be split off labelled data only");
  EXPECT_EQ(message_of<ConfigError>([] { split_stratified(labelled_samples({9}), {.dev_share = 1}); }),
            "the dev share is 1.000000; expected a number between 0 and 1");
}

}  // namespace
}  // namespace sharcs::internal::dataset_test
