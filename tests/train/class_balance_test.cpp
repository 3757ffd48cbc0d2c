#include "train/class_balance.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>

namespace sharcs::internal::class_balance_test {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::FloatNear;
using ::testing::IsEmpty;

/// counts[c] samples of class c.
std::vector<std::int32_t> labels_of(const std::vector<int>& counts) {
  std::vector<std::int32_t> labels;
  for (std::size_t c = 0; c < counts.size(); ++c)
    labels.insert(labels.end(), static_cast<std::size_t>(counts[c]), static_cast<std::int32_t>(c));
  return labels;
}

TEST(ClassBalance, ARareClassComesOftenAndWeighsTheRest) {
  const ClassBalance balance = class_balance(labels_of({990, 10}), 2, ClassWeights::automatic);
  EXPECT_THAT(balance.copies, ElementsAre(1, 10));
  // An epoch shows 990 + 100; each class weighs 545 in all.
  EXPECT_THAT(balance.weights, ElementsAre(FloatNear(545.0f / 990, 1e-6f), FloatNear(5.45f, 1e-6f)));
  EXPECT_THAT(class_balance(labels_of({960, 40}), 2, ClassWeights::automatic).copies, ElementsAre(1, 3));
}

TEST(ClassBalance, AClassWithoutSamplesChangesNothing) {
  const ClassBalance balance = class_balance(labels_of({99, 0, 1}), 3, ClassWeights::automatic);
  EXPECT_THAT(balance.copies, ElementsAre(1, 1, 7));
  EXPECT_EQ(balance.weights[1], 0.0f);
  EXPECT_NEAR(99 * balance.weights[0] + 7 * balance.weights[2], 106, 1e-4);
}

TEST(ClassBalance, ManyEvenClassesAreLeftAlone) {
  const std::vector<int> even(40, 25);
  const ClassBalance balance = class_balance(labels_of(even), 40, ClassWeights::automatic);
  EXPECT_THAT(balance.copies, Each(1));
  EXPECT_THAT(balance.weights, Each(FloatNear(1, 1e-6f)));
}

TEST(ClassBalance, OnlyRareClassesOrAWishChangeAnything) {
  EXPECT_THAT(class_balance(labels_of({70, 30}), 2, ClassWeights::automatic).weights, IsEmpty());
  EXPECT_THAT(class_balance(labels_of({999, 1}), 2, ClassWeights::none).copies, IsEmpty());
  const ClassBalance wished = class_balance(labels_of({75, 25}), 2, ClassWeights::balanced);
  EXPECT_THAT(wished.copies, ElementsAre(1, 1));
  EXPECT_THAT(wished.weights, ElementsAre(FloatNear(50.0f / 75, 1e-6f), FloatNear(2, 1e-6f)));
  EXPECT_THAT(class_balance({}, 2, ClassWeights::balanced).weights, IsEmpty()) << "a regression";
}

TEST(ClassBalance, SamplesHaveTheCopiesOfTheirClass) {
  const ClassBalance balance = {.copies = {1, 4}};
  EXPECT_THAT(balance.copies_of(std::vector<std::int32_t>{1, 0, 1}), ElementsAre(4, 1, 4));
  EXPECT_THAT(ClassBalance().copies_of(std::vector<std::int32_t>{1, 0}), IsEmpty());
}

}  // namespace
}  // namespace sharcs::internal::class_balance_test
