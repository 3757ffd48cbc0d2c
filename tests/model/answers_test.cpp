#include "model/answers.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "model/small_models.hpp"
#include "sharcs/model.hpp"

namespace sharcs::internal::answers_test {
namespace {

using ::testing::ElementsAre;

/// Six layers, the router after the second, exits after layers 1, 2, 3 and 5.
ModelConfig config_of_seven_answers() {
  ModelConfig config = testing::small_config();
  config.num_hidden_layers = 6;
  config.sharcs->adaptive_layer_idx = 2;
  config.sharcs->exits = {1, 2, 3, 5};
  return config;
}

std::vector<std::string> names_of(const std::vector<Answer>& answers) {
  std::vector<std::string> names;
  for (const Answer& answer : answers) names.push_back(answer.name);
  return names;
}

TEST(Answers, StandInTheOrderInWhichTheyCanBeAsked) {
  const std::vector<Answer> answers = answers_of(config_of_seven_answers());
  EXPECT_THAT(names_of(answers),
              ElementsAre("exit 1", "exit 2", "0.3333333333333333", "0.6666666666666666", "exit 3", "exit 5", "1"));
  EXPECT_TRUE(answers[1].is_exit());
  EXPECT_FALSE(answers[2].is_exit());
  EXPECT_EQ(answers[4].exit_layer, 3);
  EXPECT_EQ(answer_of_exit(answers, 3), 4);
  EXPECT_EQ(answer_of_exit(answers, 4), -1);
  EXPECT_EQ(answer_of_width(answers, 1), 3);
  EXPECT_EQ(answer_of_width(answers, 2), 6);
}

TEST(Answers, OfAPlainEncoderAreOne) {
  ModelConfig config = testing::small_config();
  config.sharcs.reset();
  const std::vector<Answer> answers = answers_of(config);
  EXPECT_THAT(names_of(answers), ElementsAre("1"));
  EXPECT_EQ(answers[0].path.of(7), static_cast<double>(multiply_adds(config, WidthSet(config).full(), 7)));
}

TEST(Answers, WithoutAFullWidthTheLastIsANarrowOne) {
  ModelConfig config = config_of_seven_answers();
  config.sharcs->width_mult_list = {1.0 / 3, 2.0 / 3};
  config.sharcs->exits = {1, 2};
  config.sharcs->full_width_norm = FullWidthNorm::private_;
  EXPECT_THAT(names_of(answers_of(config)),
              ElementsAre("exit 1", "exit 2", "0.3333333333333333", "0.6666666666666666"));
  EXPECT_FALSE(ends_at_full_width(config));
  EXPECT_TRUE(ends_at_full_width(testing::small_config()));
}

TEST(Answers, AWidthAloneCostsItsMultiplyAdds) {
  for (ModelConfig config : {config_of_seven_answers(), testing::small_config()}) {
    for (const std::vector<double>& depths : {std::vector<double>{}, std::vector<double>{0.5, 0.75, 1}}) {
      config.sharcs->depth_mult_list = depths;
      const WidthSet widths(config);
      for (const Answer& answer : answers_of(config)) {
        if (answer.is_exit()) continue;
        for (const int tokens : {1, 2, 7, 9})
          EXPECT_DOUBLE_EQ(answer.path.of(tokens) + answer.own.of(tokens),
                           static_cast<double>(multiply_adds(config, widths[answer.width_index], tokens)))
              << answer.name;
      }
    }
  }
}

TEST(Answers, NarrowWidthsShareTheStemAndTheRouter) {
  const ModelConfig config = config_of_seven_answers();
  for (const Answer& answer : answers_of(config))
    if (!answer.is_exit() && answer.width_index < 2) {
      EXPECT_EQ(answer.path.of(7), static_cast<double>(stem_multiply_adds(config, 7))) << answer.name;
    }
}

TEST(Answers, AnExitCostsTheLayersUpToItTheRouterWhereItIsPassedAndItsHead) {
  ModelConfig config = config_of_seven_answers();
  const std::int64_t router = 12 * 5 + 5 * 3, full = multiply_adds(config, WidthSet(config).full(), 7);
  const std::int64_t layer = (full - router) / 6;
  const std::vector<Answer> answers = answers_of(config);
  const double head = 12 * 12 + 12 * 3;
  EXPECT_EQ(answers[0].path.of(7), static_cast<double>(layer));
  EXPECT_EQ(answers[1].path.of(7), static_cast<double>(2 * layer));
  EXPECT_EQ(answers[4].path.of(7), static_cast<double>(3 * layer + router));
  EXPECT_EQ(answers[5].path.of(7), static_cast<double>(5 * layer + router));
  EXPECT_EQ(answers[6].path.of(7), static_cast<double>(full));
  for (const std::size_t exit : {0u, 1u, 4u, 5u}) EXPECT_EQ(answers[exit].own.of(7), head);
  config.sharcs->exit_scores = true;
  EXPECT_EQ(answers_of(config)[0].own.of(7), head + 12);
}

}  // namespace
}  // namespace sharcs::internal::answers_test
