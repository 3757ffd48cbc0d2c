#include "train/answer_history.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "expect_error.hpp"
#include "sharcs/error.hpp"

namespace sharcs::internal::answer_history_test {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsNan;

std::vector<float> target(const AnswerHistory& history, Index sample, int widths = 3) {
  std::vector<float> numbers(static_cast<std::size_t>(widths));
  history.write_target(sample, numbers);
  return numbers;
}

void epoch(AnswerHistory& history, Index sample, bool narrow, bool middle) {
  history.record(sample, 0, narrow);
  history.record(sample, 1, middle);
  history.finish_epoch();
}

TEST(AnswerHistory, KnowsNothingBeforeAnEpochIsFinished) {
  AnswerHistory history(2, 3);
  EXPECT_THAT(target(history, 0), Each(IsNan()));
  history.record(0, 0, true);
  EXPECT_THAT(target(history, 0), Each(IsNan()));
}

TEST(AnswerHistory, TheTargetOfFullWidthIsThatTheWidestNarrowOneIsWrong) {
  AnswerHistory history(2, 3);
  epoch(history, 0, false, true);
  EXPECT_THAT(target(history, 0), ElementsAre(0, 1, 0));
  EXPECT_THAT(target(history, 1), Each(IsNan())) << "not trained in this epoch";
}

TEST(AnswerHistory, AnEpochCountsAsMuchAsAllBefore) {
  AnswerHistory history(1, 3);
  epoch(history, 0, true, true);
  epoch(history, 0, false, true);
  EXPECT_THAT(target(history, 0), ElementsAre(0.5f, 1, 0));
  epoch(history, 0, false, false);
  EXPECT_THAT(target(history, 0), ElementsAre(0.25f, 0.5f, 0.5f));
}

TEST(AnswerHistory, AnEpochWithoutTheSampleChangesNothing) {
  AnswerHistory history(2, 3);
  epoch(history, 0, true, false);
  epoch(history, 1, true, true);
  EXPECT_THAT(target(history, 0), ElementsAre(1, 0, 1));
}

TEST(AnswerHistory, TheLastRecordOfAnEpochCounts) {
  AnswerHistory history(1, 3);
  history.record(0, 0, true);
  history.record(0, 0, false);
  history.record(0, 1, true);
  history.finish_epoch();
  EXPECT_THAT(target(history, 0), ElementsAre(0, 1, 0));
}

TEST(AnswerHistory, OfOneWidthHasNothingToLearn) {
  AnswerHistory history(1, 1);
  history.finish_epoch();
  EXPECT_THAT(target(history, 0, 1), ElementsAre(1));
}

TEST(AnswerHistory, GoesOnFromASavedState) {
  AnswerHistory history(1, 3), other(1, 3);
  epoch(history, 0, true, false);
  history.record(0, 0, false);
  other.restore(history.state());
  for (AnswerHistory* each : {&history, &other}) {
    each->record(0, 1, true);
    each->finish_epoch();
    EXPECT_THAT(target(*each, 0), ElementsAre(0.5f, 0.5f, 0.5f));
  }
  EXPECT_THAT(message_of<CheckpointError>([&] { other.restore(AnswerHistory(2, 3).state()); }),
              HasSubstr("answer history: has 4 elements; expected 2"));
}

}  // namespace
}  // namespace sharcs::internal::answer_history_test
