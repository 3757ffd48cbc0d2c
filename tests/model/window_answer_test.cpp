#include "model/window_answer.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "core/random.hpp"
#include "model/predicted_label.hpp"

namespace sharcs::internal::window_answer_test {
namespace {

std::vector<float> random_logits(std::size_t rows, std::uint64_t seed) {
  Random random(seed);
  std::vector<float> logits;
  for (std::size_t i = 0; i < 2 * rows; ++i) logits.push_back(static_cast<float>(2 * random.normal()));
  return logits;
}

TEST(WindowAnswer, IsTheBestOfAllSpansOfAtMostThirtyTokens) {
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    const std::size_t rows = 2 + seed % 20;  // so few that all beginnings and ends are tried
    const std::vector<float> logits = random_logits(rows, seed);
    const WindowAnswer answer = WindowAnswer::of(logits);
    float best = -1e9f;
    for (std::size_t first = 1; first < rows; ++first)
      for (std::size_t last = first; last < rows; ++last)
        best = std::max(best, logits[2 * first] + logits[2 * last + 1]);
    EXPECT_EQ(answer.score, best);
    EXPECT_EQ(answer.none, logits[0] + logits[1]);
    EXPECT_EQ(answer.score, logits[2 * static_cast<std::size_t>(answer.first)] +
                                logits[2 * static_cast<std::size_t>(answer.last) + 1]);
    // Its probability is the product of two softmaxes.
    ModelConfig config;
    config.per_token = config.finds_answers = true;
    const std::vector<float> shares = probabilities_of(config, logits);
    EXPECT_NEAR(
        answer.probability_of_answer(),
        shares[2 * static_cast<std::size_t>(answer.first)] * shares[2 * static_cast<std::size_t>(answer.last) + 1],
        1e-5);
  }
}

TEST(WindowAnswer, IsNoneWhereThatIsSurerByTheThreshold) {
  std::vector<float> logits = {3, 3, 2, 0, 0, 2.5};
  const WindowAnswer answer = WindowAnswer::of(logits);
  EXPECT_EQ(answer.first, 1);
  EXPECT_EQ(answer.last, 2);
  EXPECT_TRUE(answer.says_none(1.4));
  EXPECT_FALSE(answer.says_none(1.6));
  ModelConfig config;
  config.per_token = config.finds_answers = true;
  EXPECT_EQ(predicted_labels(config, logits), (std::vector<int>{0, 0}));
  config.task = TaskSpec{.kind = TaskKind::question_answering, .no_answer_above = 1.6};
  EXPECT_EQ(predicted_labels(config, logits), (std::vector<int>{1, 2}));
  // A window without a token that an answer may have.
  EXPECT_EQ(WindowAnswer::of(std::span(logits).first(2)).last, 0);
  EXPECT_TRUE(WindowAnswer::of(std::span(logits).first(2)).says_none(1e9));
}

TEST(WindowAnswer, LongerOnesThanThirtyTokensAreNone) {
  std::vector<float> logits(2 * 40, 0.0f);
  logits[2 * 1] = 9;
  logits[2 * 31 + 1] = 9;  // 31 tokens from row 1
  logits[2 * 5 + 1] = 1;
  const WindowAnswer answer = WindowAnswer::of(logits);
  EXPECT_EQ(answer.last - answer.first, 4);
  logits[2 * 30 + 1] = 8;
  EXPECT_EQ(WindowAnswer::of(logits).last, 30);
}

TEST(WindowAnswer, ComesBackFromARecordingsNumbers) {
  const WindowAnswer answer = WindowAnswer::of(random_logits(9, 3));
  const auto numbers = answer.as_numbers();
  EXPECT_EQ(WindowAnswer::in(numbers).as_numbers(), numbers);
}

}  // namespace
}  // namespace sharcs::internal::window_answer_test
