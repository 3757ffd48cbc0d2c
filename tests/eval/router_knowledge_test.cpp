#include "eval/router_knowledge.hpp"

#include <gtest/gtest.h>

#include "eval/simulated_recordings.hpp"

namespace sharcs::internal::router_knowledge_test {
namespace {

using testing::recording_of;

/// Width 0.5 is right for the samples with 1; the router's logit for it is as given, for width 1 it is 0.
Recording with_router(const std::string& right, const std::vector<float>& logits) {
  Recording recording = recording_of({right, std::string(right.size(), '1')});
  for (const float logit : logits) recording.router_logits.insert(recording.router_logits.end(), {logit, 0});
  return recording;
}

TEST(RouterKnowledge, IsHowOftenASampleThatIsAnsweredRightIsPreferred) {
  // Pairs of a right and a wrong sample: 2 · 2; the router orders three of them well. Right ones are the shorter ones
  // in one pair and a half: lengths 1, 4 against 2, 3.
  const auto known = router_knowledge(with_router("1001", {3, 1, 0, 0.5}), {.resamples = 50});
  ASSERT_EQ(known.size(), 1u);
  EXPECT_EQ(known[0].width, 0.5);
  EXPECT_EQ(known[0].right, 0.5);
  EXPECT_EQ(known[0].router.value, 0.75);
  EXPECT_EQ(known[0].length, 0.5);
  EXPECT_EQ(known[0].confidence.value, 0.5) << "all are equally sure";
  EXPECT_LE(known[0].router.interval.low, 0.75);
  EXPECT_GE(known[0].router.interval.high, 0.75);
}

TEST(RouterKnowledge, OfAnInformedRouterIsAboveChanceForEachNarrowWidth) {
  const Recording recording = testing::simulated_answers(1000);
  const auto known = router_knowledge(recording, {.resamples = 100});
  ASSERT_EQ(known.size(), 2u) << "exits are no widths";
  for (const RouterKnowledge& width : known) {
    EXPECT_GT(width.router.interval.low, 0.5);
    EXPECT_GT(width.confidence.interval.low, 0.5);
    EXPECT_NEAR(width.length, 0.5, 0.1);
  }
}

TEST(RouterKnowledge, IsNothingWithoutARouterOrWithoutBothKindsOfSamples) {
  EXPECT_TRUE(router_knowledge(recording_of({"10", "11"})).empty());
  EXPECT_TRUE(router_knowledge(with_router("11", {1, 2})).empty());
  EXPECT_TRUE(router_knowledge(with_router("00", {1, 2})).empty());
  EXPECT_TRUE(router_knowledge(testing::simulated_answers(20, 5, true)).empty());
}

}  // namespace
}  // namespace sharcs::internal::router_knowledge_test
