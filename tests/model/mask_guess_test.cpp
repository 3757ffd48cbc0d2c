#include "model/mask_guess.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

namespace sharcs::internal::mask_guess_test {
namespace {

using ::testing::ElementsAre;

TEST(MaskGuess, IsTheLikeliestTokenAndWhatTheTruthGets) {
  const std::vector<float> logits = {0, std::log(3.0f), 0, 0};  // shares 1/6, 3/6, 1/6, 1/6
  const MaskGuess guess = MaskGuess::of(logits, 2);
  EXPECT_EQ(guess.token, 1);
  EXPECT_FLOAT_EQ(guess.log_probability, std::log(0.5f));
  EXPECT_FLOAT_EQ(guess.log_truth, std::log(1 / 6.0f));
  EXPECT_EQ(MaskGuess::of(logits, -1).log_truth, 0);
}

TEST(MaskGuess, OfLargeLogitsIsFinite) {
  const MaskGuess guess = MaskGuess::of(std::vector<float>{1000, -1000}, 1);
  EXPECT_EQ(guess.log_probability, 0);
  EXPECT_EQ(guess.log_truth, -2000);
}

TEST(MaskGuess, IsThreeNumbersOfARecording) {
  const std::vector<float> logits = {0, std::log(3.0f), std::log(3.0f), 0};
  const std::vector<std::int32_t> truths = {1, 1};
  const std::vector<float> recorded = mask_guesses(logits, 2, truths);
  EXPECT_EQ(recorded.size(), 2 * MaskGuess::numbers);
  EXPECT_THAT(guessed_tokens(recorded), ElementsAre(1, 0));
  EXPECT_FLOAT_EQ(mean_probability(recorded), 0.75f);
  EXPECT_FLOAT_EQ(MaskGuess::in(std::span(recorded).subspan(3)).log_truth, std::log(0.25f));
}

}  // namespace
}  // namespace sharcs::internal::mask_guess_test
