// EM and F1 of answers, beside SQuAD's scripts (tests/golden/make_answer_scores.py).
#include "data/answer_scores.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <sstream>

#include "golden_folder.hpp"
#include "io/file.hpp"

namespace sharcs::internal::answer_scores_test {
namespace {

TEST(AnswerScores, AreThoseOfSquadsScripts) {
  std::istringstream lines(read_text_file(testing::small_golden_set().folder / "answer_scores.jsonl"));
  std::size_t count = 0;
  for (std::string line; std::getline(lines, line); ++count) {
    const auto expected = nlohmann::json::parse(line);
    const auto answer = expected["answer"].get<std::string>();
    const auto truths = expected["truths"].get<std::vector<std::string>>();
    EXPECT_EQ(normalized_answer(answer), expected["normal"].get<std::string>()) << line;
    for (const auto& [key, may_have_none] : {std::pair("v1", false), {"v2", true}}) {
      if (expected[key].is_null()) continue;
      const AnswerScore score = score_answer(answer, truths, may_have_none);
      EXPECT_EQ(score.exact, expected[key][0].get<double>()) << key << ": " << line;
      EXPECT_NEAR(score.f1, expected[key][1].get<double>(), 1e-12) << key << ": " << line;
    }
  }
  EXPECT_EQ(count, 1500u);
}

TEST(AnswerScores, WhereThereIsNoAnswerNoneIsRight) {
  EXPECT_EQ(score_answer("", {}, true), (AnswerScore{1, 1}));
  EXPECT_EQ(score_answer("Paris", {}, true), (AnswerScore{0, 0}));
  const std::vector<std::string> truths = {"in the old Paris", "Paris"};
  EXPECT_EQ(score_answer("", truths, true), (AnswerScore{0, 0}));
  EXPECT_EQ(score_answer("the Paris!", truths, true), (AnswerScore{1, 1}));
  EXPECT_NEAR(score_answer("old Paris", truths, true).f1, 0.8, 1e-12);
}

}  // namespace
}  // namespace sharcs::internal::answer_scores_test
