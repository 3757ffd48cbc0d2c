#include "train/hardness_history.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "expect_error.hpp"
#include "golden_folder.hpp"
#include "sharcs/error.hpp"

namespace sharcs::internal::hardness_history_test {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

HardnessOptions two_widths(int window = 2) {
  return {.window = window, .widths = {0.25, 1.0}, .thresholds = {{0.8, 1.01}, {0.0, 0.8}}};
}

/// One sample with the given value in each epoch.
HardnessHistory history_of(const std::vector<float>& values, HardnessOptions options) {
  HardnessHistory history(1, std::move(options));
  for (const float value : values) {
    history.record(0, value, 0);
    history.finish_epoch();
  }
  return history;
}

WidthLabel label_of(const std::vector<float>& values, HardnessOptions options) {
  return history_of(values, std::move(options)).label(0);
}

WidthLabel set_of(std::initializer_list<int> widths) {
  WidthLabel label;
  for (const int width : widths) label.add(width);
  return label;
}

class GoldenHardness : public testing::GoldenTest {};
SHARCS_FOR_EACH_GOLDEN_SET(GoldenHardness);

TEST_P(GoldenHardness, LabelsAreThoseOfTheAuthorsCode) {
  const auto numbers = nlohmann::json::parse(std::ifstream(golden("hardness.json")));
  const auto histories = numbers.at("histories").get<std::vector<std::vector<float>>>();
  ASSERT_FALSE(numbers.at("cases").empty());
  std::set<std::size_t> label_sizes;
  for (const auto& golden_case : numbers.at("cases")) {
    std::map<double, Threshold> thresholds;
    for (const auto& [width, pair] : golden_case.at("thresholds").items())
      thresholds[std::stod(width)] = {pair.at(0).get<double>(), pair.at(1).get<double>()};
    HardnessOptions options{.window = golden_case.at("window").get<int>(), .widths = {}, .thresholds = {}};
    for (const auto& [width, pair] : thresholds) {
      options.widths.push_back(width);
      options.thresholds.push_back(pair);
    }
    if (options.thresholds.front().low < options.thresholds.back().low) options.measure = HardnessMeasure::entropy;

    HardnessHistory history(static_cast<Index>(histories.size()), options);
    const auto epochs = golden_case.at("epochs_seen").get<std::size_t>();
    for (std::size_t epoch = 0; epoch < epochs; ++epoch) {
      for (std::size_t i = 0; i < histories.size(); ++i)
        history.record(static_cast<Index>(i), histories[i].at(epoch), 0);
      history.finish_epoch();
    }
    const auto expected = golden_case.at("widths").get<std::vector<std::vector<double>>>();
    ASSERT_EQ(expected.size(), histories.size());
    const std::vector<WidthLabel> labels = history.labels();
    for (std::size_t i = 0; i < histories.size(); ++i) {
      WidthLabel label;
      for (std::size_t width = 0; width < options.widths.size(); ++width)
        for (const double fit : expected[i])
          if (fit == options.widths[width]) label.add(static_cast<int>(width));
      EXPECT_EQ(labels[i], label) << "sample " << i << " with thresholds " << golden_case.at("thresholds")
                                  << ", window " << options.window << ", " << epochs << " epochs";
      label_sizes.insert(expected[i].size());
    }
  }
  EXPECT_GT(label_sizes.size(), 1u) << "the golden cases should hold labels of one width and of several";
}

TEST(HardnessHistory, TrainsTheLargestWidthOnlyUntilTheWindowIsFull) {
  HardnessHistory history(1, two_widths(2));
  EXPECT_TRUE(history.full_width_only());
  for (const bool full_only : {true, false, false}) {
    history.record(0, 0.9f, 0);
    history.finish_epoch();
    EXPECT_EQ(history.full_width_only(), full_only);
    EXPECT_EQ(history.label(0), WidthLabel::only(full_only ? 1 : 0));
  }
  EXPECT_EQ(history.epochs_seen(), 3);
}

TEST(HardnessHistory, LooksAtTheLastEpochsOfTheWindowOnly) {
  EXPECT_EQ(label_of({0.1f, 0.9f, 0.9f}, two_widths(2)), WidthLabel::only(0));
  EXPECT_EQ(label_of({0.9f, 0.1f, 0.9f}, two_widths(2)), WidthLabel::only(1));
}

TEST(HardnessHistory, LowerEndIsClosedAndUpperEndIsOpen) {
  const HardnessOptions options{.window = 1, .widths = {0.5, 1.0}, .thresholds = {{0.7, 1.0}, {0.0, 0.7}}};
  EXPECT_EQ(label_of({0.7f}, options), WidthLabel::only(0));
  EXPECT_EQ(label_of({0.69999f}, options), WidthLabel::only(1));
  EXPECT_EQ(label_of({0.99999f}, options), WidthLabel::only(0));
  EXPECT_EQ(label_of({1.0f}, options), WidthLabel::only(1)) << "a confidence of 1 is outside [0.7, 1)";
}

TEST(HardnessHistory, SampleWithNoFittingWidthGoesToTheLargest) {
  const HardnessOptions gap{
      .window = 1, .widths = {0.25, 0.5, 1.0}, .thresholds = {{0.8, 1.1}, {0.5, 0.7}, {0.0, 0.2}}};
  EXPECT_EQ(label_of({0.75f}, gap), WidthLabel::only(2));
  EXPECT_EQ(label_of({0.3f}, gap), WidthLabel::only(2));
}

TEST(HardnessHistory, OverlappingThresholdsGiveSeveralWidths) {
  const HardnessOptions overlap{
      .window = 1, .widths = {0.25, 0.5, 1.0}, .thresholds = {{0.6, 1.1}, {0.4, 0.9}, {0.0, 0.7}}};
  EXPECT_EQ(label_of({0.65f}, overlap), set_of({0, 1, 2}));
  EXPECT_EQ(label_of({0.8f}, overlap), set_of({0, 1}));
  EXPECT_EQ(label_of({0.1f}, overlap), set_of({2}));
}

TEST(HardnessHistory, LowEntropyIsEasy) {
  const HardnessOptions options{
      .measure = HardnessMeasure::entropy, .window = 2, .widths = {0.25, 1.0}, .thresholds = {{0.0, 0.3}, {0.3, 2.0}}};
  EXPECT_EQ(label_of({0.1f, 0.2f}, options), WidthLabel::only(0));
  EXPECT_EQ(label_of({0.5f, 0.6f}, options), WidthLabel::only(1));
  EXPECT_EQ(label_of({0.1f, 0.6f}, options), WidthLabel::only(1));
}

TEST(HardnessHistory, UnseenSampleKeepsItsLastValue) {
  HardnessHistory history(3, two_widths(2));
  history.record(0, 0.9f, 0);
  history.record(1, 0.9f, 0);
  history.finish_epoch();
  history.record(1, 0.1f, 0);
  history.finish_epoch();
  EXPECT_EQ(history.label(0), WidthLabel::only(0)) << "seen once, easy";
  history.finish_epoch();
  EXPECT_EQ(history.label(1), WidthLabel::only(1)) << "hard when last seen";
  EXPECT_EQ(history.label(2), WidthLabel::only(1)) << "never seen";
  history.record(2, 0.95f, 0);
  history.finish_epoch();
  EXPECT_EQ(history.label(2), WidthLabel::only(0)) << "judged by the epochs that have seen it";
}

TEST(HardnessHistory, OfARepeatedSampleTheLastStepCountsWhateverTheOrderOfCalls) {
  for (const bool reversed : {false, true}) {
    HardnessHistory history(1, two_widths(1));
    history.record(0, reversed ? 0.9f : 0.1f, reversed ? 7 : 3);
    history.record(0, reversed ? 0.1f : 0.9f, reversed ? 3 : 7);
    history.finish_epoch();
    EXPECT_EQ(history.label(0), WidthLabel::only(0));
  }
}

TEST(HardnessHistory, OfSeveralValuesInOneStepTheHardestCounts) {
  HardnessHistory confidence(1, two_widths(1));
  for (const float value : {0.9f, 0.1f, 0.95f}) confidence.record(0, value, 4);
  EXPECT_EQ(confidence.state().current[0], 0.1f);
  HardnessHistory entropy(1,
                          {.measure = HardnessMeasure::entropy, .window = 1, .widths = {1.0}, .thresholds = {{0, 2}}});
  for (const float value : {0.9f, 0.1f, 0.95f}) entropy.record(0, value, 4);
  EXPECT_EQ(entropy.state().current[0], 0.95f);
}

TEST(HardnessHistory, ContinuesFromASavedStateInTheMiddleOfAnEpoch) {
  HardnessHistory whole = history_of({0.9f, 0.85f}, two_widths(2));
  whole.record(0, 0.1f, 5);
  HardnessHistory continued(1, two_widths(2));
  continued.restore(whole.state());
  for (HardnessHistory* history : {&whole, &continued}) {
    history->record(0, 0.95f, 9);
    history->finish_epoch();
  }
  EXPECT_EQ(continued.epochs_seen(), 3);
  EXPECT_EQ(continued.state().values, whole.state().values);
  EXPECT_EQ(continued.label(0), WidthLabel::only(0));
}

TEST(HardnessHistory, RefusesAStateOfOtherSizes) {
  HardnessHistory history(2, two_widths(2));
  EXPECT_THAT(message_of<CheckpointError>([&] { history.restore(HardnessHistory(3, two_widths(2)).state()); }),
              HasSubstr("hardness history: values has 6 elements; expected 4"));
  HardnessState negative = history.state();
  negative.epochs_seen = -1;
  EXPECT_THAT(message_of<CheckpointError>([&] { history.restore(negative); }), HasSubstr("epochs_seen is -1"));
}

TEST(HardnessHistory, RefusesValuesThatAreNotFinite) {
  HardnessHistory history(2, two_widths());
  EXPECT_THAT(message_of<TrainingError>([&] { history.record(1, std::numeric_limits<float>::quiet_NaN(), 12); }),
              HasSubstr("confidence of training sample 1 in step 12 is nan"));
}

TEST(HardnessOptions, ThresholdsOutOfOrderAreRefusedByWidth) {
  HardnessOptions options{.window = 1, .widths = {0.25, 0.5, 1.0}, .thresholds = {{0.8, 1.0}, {0.0, 0.5}, {0.5, 0.8}}};
  EXPECT_THAT(message_of<ConfigError>([&] { options.check(); }),
              HasSubstr("hardness thresholds out of order: width 1 has [0.5, 0.8) after [0, 0.5) of width 0.5"));
  options.measure = HardnessMeasure::entropy;
  EXPECT_THAT(message_of<ConfigError>([&] { options.check(); }),
              HasSubstr("hardness thresholds out of order: width 0.5 has [0, 0.5) after [0.8, 1) of width 0.25"));
  options.thresholds = {{0.0, 0.3}, {0.2, 0.5}, {0.5, 2.0}};
  EXPECT_NO_THROW(options.check());
}

TEST(HardnessOptions, EmptyAndMissingThresholdsAreRefused) {
  HardnessOptions options{.window = 1, .widths = {0.25, 1.0}, .thresholds = {{0.8, 0.8}, {0.0, 0.8}}};
  EXPECT_THAT(message_of<ConfigError>([&] { options.check(); }), HasSubstr("of width 0.25 are [0.8, 0.8)"));
  options.thresholds[0].low = std::numeric_limits<double>::quiet_NaN();
  EXPECT_THAT(message_of<ConfigError>([&] { options.check(); }), HasSubstr("of width 0.25 are [nan, 0.8)"));
  options.thresholds.pop_back();
  EXPECT_THAT(message_of<ConfigError>([&] { options.check(); }),
              AllOf(HasSubstr("for 1 widths"), HasSubstr("the 2 widths")));
  options = two_widths(0);
  EXPECT_THAT(message_of<ConfigError>([&] { options.check(); }), HasSubstr("window is 0"));
  options = {.window = 1, .widths = std::vector<double>(33, 1.0), .thresholds = std::vector<Threshold>(33)};
  EXPECT_THAT(message_of<ConfigError>([&] { options.check(); }), HasSubstr("33 widths"));
}

TEST(WidthLabel, WritesAMultiHotTarget) {
  std::vector<float> target(4, 9.0f);
  set_of({1, 3}).write_multi_hot(std::span(target));
  EXPECT_EQ(target, (std::vector<float>{0, 1, 0, 1}));
}

TEST(WidthLabel, DrawsEachOfItsWidthsEquallyOften) {
  const WidthLabel label = set_of({0, 2, 5});
  Random random(derive_key(1, "test"));
  std::map<int, int> drawn;
  for (int i = 0; i < 6000; ++i) ++drawn[label.draw(random)];
  EXPECT_EQ(drawn.size(), 3u);
  for (const int width : {0, 2, 5}) EXPECT_NEAR(drawn[width], 2000, 150);
}

}  // namespace
}  // namespace sharcs::internal::hardness_history_test
