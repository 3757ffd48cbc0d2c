#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "model/small_models.hpp"
#include "train/epoch.hpp"

namespace sharcs::internal::epoch_phase_test {
namespace {

using ::testing::ElementsAre;

ModelConfig with_exits() {
  ModelConfig config = testing::small_config();
  config.sharcs->exits = {1};
  return config;
}

ModelConfig plain() {
  ModelConfig config = testing::small_config();
  config.sharcs.reset();
  return config;
}

int epochs_of(Recipe recipe, Index samples) {
  return resolved({.recipe = recipe}, samples, testing::small_config()).epochs;
}

TEST(ResolvedOptions, EpochsAreThoseThatShow120000Samples) {
  EXPECT_EQ(epochs_of(Recipe::distilled, 5'000), 24);
  EXPECT_EQ(epochs_of(Recipe::distilled, 67'000), 4) << "but no less";
  EXPECT_EQ(epochs_of(Recipe::distilled, 100), 30) << "and no more";
  EXPECT_EQ(epochs_of(Recipe::sharcs, 67'000), 10) << "the paper's labels need more epochs";
  EXPECT_EQ(resolved({.epochs = 7}, 100, testing::small_config()).epochs, 7);
}

TEST(ResolvedOptions, AQuarterOfTheEpochsWarmsUp) {
  const auto warmup = [](const TrainingOptions& options) {
    return resolved(options, 100, testing::small_config()).warmup_epochs;
  };
  EXPECT_EQ(warmup({.epochs = 8}), 2);
  EXPECT_EQ(warmup({.epochs = 1}), 1);
  EXPECT_EQ(warmup({.epochs = 8, .warmup_epochs = 5}), 5);
}

TEST(ResolvedOptions, ExitsHaveEpochsOfTheirOwnWhereTheyAreTrainedAtTheEnd) {
  const auto exit_epochs = [](ExitTraining how, const ModelConfig& config, int given = 0) {
    return resolved({.epochs = 8, .exit_training = how, .exit_epochs = given}, 100, config).exit_epochs;
  };
  EXPECT_EQ(exit_epochs(ExitTraining::two_stage, with_exits()), 2);
  EXPECT_EQ(exit_epochs(ExitTraining::self_distilled, with_exits()), 2);
  EXPECT_EQ(exit_epochs(ExitTraining::two_stage, with_exits(), 3), 3);
  EXPECT_EQ(exit_epochs(ExitTraining::joint, with_exits(), 3), 0);
  EXPECT_EQ(exit_epochs(ExitTraining::alternating, with_exits(), 3), 0);
  EXPECT_EQ(exit_epochs(ExitTraining::two_stage, testing::small_config()), 0) << "there are no exits";
  EXPECT_EQ(
      resolved({.recipe = Recipe::sharcs, .epochs = 8, .exit_training = ExitTraining::two_stage}, 100, with_exits())
          .exit_epochs,
      0);
}

std::vector<EpochPhase> phases(const TrainingOptions& options, const ModelConfig& config) {
  const TrainingOptions all = resolved(options, 100, config);
  std::vector<EpochPhase> list;
  for (int number = 1; number <= all.epochs; ++number) list.push_back(phase_of(number, all, config));
  return list;
}

TEST(EpochPhase, OfThePapersRecipeChangesAfterTheWindow) {
  EXPECT_THAT(phases({.recipe = Recipe::sharcs, .epochs = 3, .window = 2}, testing::small_config()),
              ElementsAre(EpochPhase::full_width, EpochPhase::full_width, EpochPhase::all_widths));
}

TEST(EpochPhase, OfDistillationFollowsTheWarmUp) {
  EXPECT_THAT(phases({.epochs = 4}, testing::small_config()),
              ElementsAre(EpochPhase::full_width, EpochPhase::distillation, EpochPhase::distillation,
                          EpochPhase::distillation));
}

TEST(EpochPhase, OfTheExitsAloneComesLast) {
  EXPECT_THAT(
      phases({.epochs = 4, .exit_training = ExitTraining::two_stage}, with_exits()),
      ElementsAre(EpochPhase::full_width, EpochPhase::distillation, EpochPhase::distillation, EpochPhase::exits_alone));
}

TEST(EpochPhase, OfAPlainEncoderIsFullWidthThroughout) {
  for (const Recipe recipe : {Recipe::distilled, Recipe::sharcs})
    EXPECT_THAT(phases({.recipe = recipe, .epochs = 4, .window = 1}, plain()), ::testing::Each(EpochPhase::full_width));
}

}  // namespace
}  // namespace sharcs::internal::epoch_phase_test
