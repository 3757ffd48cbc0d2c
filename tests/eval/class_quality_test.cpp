#include "eval/class_quality.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sharcs::internal::class_quality_test {
namespace {

using ::testing::ElementsAre;

/// A recording with one answer.
Recording recording_of(const std::vector<std::vector<float>>& logits, const std::vector<int>& labels,
                       bool multi_label = false) {
  Recording recording;
  recording.outputs = logits.front().size();
  recording.classes.resize(recording.outputs);
  recording.config.labels.resize(recording.outputs);
  recording.config.multi_label = multi_label;
  recording.answers.emplace_back();
  for (const auto& row : logits)
    recording.answers[0].logits.insert(recording.answers[0].logits.end(), row.begin(), row.end());
  recording.labels = labels;
  recording.tokens.assign(labels.size(), 5);
  return recording;
}

std::vector<std::size_t> counts(const ClassQuality& quality) {
  return {quality.samples, quality.predicted, quality.right};
}

TEST(ClassQuality, EachClassHasItsSamplesWhatIsPredictedAndWhatIsRight) {
  const Recording recording = recording_of({{1, 0, 0}, {0, 1, 0}, {0, 1, 0}, {0, 0, 1}}, {0, 1, 0, 0});
  const auto classes = class_qualities(recording, std::vector<int>{0, 0, 0, 0});
  ASSERT_EQ(classes.size(), 3);
  EXPECT_THAT(counts(classes[0]), ElementsAre(3, 1, 1));
  EXPECT_THAT(counts(classes[1]), ElementsAre(1, 2, 1));
  EXPECT_THAT(counts(classes[2]), ElementsAre(0, 1, 0));
  EXPECT_DOUBLE_EQ(classes[0].recall(), 1.0 / 3);
  EXPECT_DOUBLE_EQ(classes[1].precision(), 0.5);
}

TEST(ClassQuality, OfSeveralLabelsEachIsCountedByItself) {
  // Said: {0, 1}, {}, {1}; true: {0}, {1}, {1, 2}.
  const Recording recording = recording_of({{1, 1, -1}, {-1, -1, -1}, {-1, 1, -1}}, {0b001, 0b010, 0b110}, true);
  const auto classes = class_qualities(recording, std::vector<int>{0, 0, 0});
  ASSERT_EQ(classes.size(), 3);
  EXPECT_THAT(counts(classes[0]), ElementsAre(1, 1, 1));
  EXPECT_THAT(counts(classes[1]), ElementsAre(2, 2, 1));
  EXPECT_THAT(counts(classes[2]), ElementsAre(1, 0, 0));
}

}  // namespace
}  // namespace sharcs::internal::class_quality_test
