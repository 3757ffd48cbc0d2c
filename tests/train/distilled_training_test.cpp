// The recipe `distilled`: full width first, then all widths on the same samples, and exits.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>

#include "data/metrics.hpp"
#include "formats/safetensors.hpp"
#include "sharcs/classifier.hpp"
#include "sharcs/evaluation.hpp"
#include "temporary_folder.hpp"
#include "train/tiny_training.hpp"

namespace sharcs::internal::distilled_training_test {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::result_of;
using testing::TinyTraining;

/// Four layers, the router after the second, exits after layers 1 and 3.
TinyTraining distilled(TaskKind kind = TaskKind::classification) {
  TinyTraining training(kind);
  training.config.num_hidden_layers = 4;
  training.config.sharcs->adaptive_layer_idx = 2;
  training.config.sharcs->exits = {1, 3};
  training.options.recipe = Recipe::distilled;
  training.options.epochs = 8;
  return training;
}

/// The score of every answer of the model on dev, each for everything.
std::vector<double> scores_of(const TinyTraining& training, const std::filesystem::path& folder) {
  const Evaluation dev = evaluate(Classifier::load(folder), training.task, training.dev);
  std::vector<double> scores;
  for (const AnswerMetrics& answer : dev.answers) scores.push_back(score(answer.all));
  return scores;
}

TEST(DistilledTraining, TeachesAllAnswersAndTellsItsPhases) {
  const TinyTraining training = distilled();
  const TemporaryFolder folder;
  const TrainingOutcome outcome = training.run(folder.path());
  EXPECT_FALSE(outcome.best.full_width_only);
  for (const double score : scores_of(training, folder.path())) EXPECT_GE(score, 0.85);
  const auto records = read_metrics(folder / "metrics.jsonl");
  ASSERT_EQ(records.size(), 8u);
  for (const EpochRecord& record : records) {
    EXPECT_EQ(record.full_width_only, record.epoch <= 2) << "a quarter warms up";
    EXPECT_EQ(std::isnan(record.loss_router), record.epoch <= 2);
    EXPECT_EQ(record.samples, 96);
    EXPECT_EQ(record.widths[0].samples, record.epoch <= 2 ? 0 : 96) << "narrow widths run the same samples";
    EXPECT_EQ(record.widths[1].samples, 96);
    EXPECT_EQ(record.evaluations[0].answers.size(), 4u);
  }
  EXPECT_LT(records[7].widths[0].loss_task, records[2].widths[0].loss_task);
}

TEST(DistilledTraining, OfARegressionLearnsToo) {
  TinyTraining training = distilled(TaskKind::regression);
  training.options.hidden_loss_weight = 0.1;
  training.options.epochs = 16;
  const TemporaryFolder folder;
  training.run(folder.path());
  for (const double score : scores_of(training, folder.path())) EXPECT_GE(score, 0.7);
}

TEST(DistilledTraining, WhatIsSavedIsTheBestEpochsModelWithAPolicyThatUsesWhatWasTrained) {
  const TinyTraining training = distilled();
  const TemporaryFolder folder;
  const TrainingOutcome outcome = training.run(folder.path());
  const EpochRecord best = read_metrics(folder / "metrics.jsonl").at(static_cast<std::size_t>(outcome.best_epoch - 1));
  const Classifier classifier = Classifier::load(folder.path());
  const Evaluation saved = evaluate(classifier, training.task, training.dev);
  EXPECT_EQ(saved.routed, best.evaluations.at(0).routed);
  EXPECT_EQ(saved.full, best.evaluations.at(0).full);
  EXPECT_EQ(saved.cost_fraction, best.evaluations.at(0).cost_fraction);
  EXPECT_LT(saved.cost_fraction, 1);
  const PolicyRule& rule = classifier.engine().config().sharcs->policy.value();
  EXPECT_EQ(rule.kind, "combined");
  EXPECT_THAT(rule.thresholds, ::testing::ElementsAre(0.9, 0.9, 0.9, 0));
}

class ExitTrainings : public ::testing::TestWithParam<ExitTraining> {};

TEST_P(ExitTrainings, TeachTheExits) {
  TinyTraining training = distilled();
  training.options.exit_training = GetParam();
  training.options.epochs = 12;
  const TemporaryFolder folder;
  training.run(folder.path());
  const std::vector<double> scores = scores_of(training, folder.path());
  ASSERT_EQ(scores.size(), 4u);
  for (std::size_t a = 0; a < 4; ++a) EXPECT_GE(scores[a], 0.75) << "answer " << a;
}

TEST_P(ExitTrainings, TeachTheExitsWithScoresAndWithoutNarrowWidths) {
  TinyTraining training = distilled();
  training.options.exit_training = GetParam();
  training.config.sharcs->width_mult_list = {1};
  training.config.sharcs->exit_scores = true;
  const TemporaryFolder folder;
  training.run(folder.path());
  const Classifier classifier = Classifier::load(folder.path());
  const Recording recording = record(classifier, training.task, training.dev);
  ASSERT_EQ(recording.answers.size(), 3u);
  EXPECT_EQ(recording.answers[0].scores.size(), training.dev.size());
  EXPECT_GE(scores_of(training, folder.path())[1], 0.7);
}

INSTANTIATE_TEST_SUITE_P(All, ExitTrainings,
                         ::testing::Values(ExitTraining::joint, ExitTraining::alternating, ExitTraining::two_stage,
                                           ExitTraining::self_distilled));

TEST(DistilledTraining, ExitsTrainedAtTheEndLeaveTheEncoderAsItIs) {
  TinyTraining training = distilled();
  training.options.epochs = 4;
  training.options.weight_decay = 0.1;
  const TemporaryFolder folder;
  const auto encoder_after = [&](const std::string& name, ExitTraining how, int exit_epochs) {
    training.options.exit_training = how;
    training.options.exit_epochs = exit_epochs;
    training.run(folder / name);
    const TensorSource source = open_safetensors(folder / name / "model.safetensors");
    std::vector<float> all;
    for (const TensorInfo& tensor : source.tensors()) {
      if (tensor.name.starts_with("exits.")) continue;
      const auto values = source.read<float>(tensor.name);
      all.insert(all.end(), values.begin(), values.end());
    }
    return all;
  };
  training.options.schedule = ScheduleShape::constant;
  training.options.warmup_ratio = 0;
  training.options.warmup_epochs = 1;
  const auto long_end = encoder_after("three", ExitTraining::two_stage, 2);
  training.options.epochs = 3;  // one epoch of exits less, the others are the same
  const auto short_end = encoder_after("two", ExitTraining::two_stage, 1);
  EXPECT_EQ(read_metrics(folder / "three" / "metrics.jsonl").size(), 4u);
  EXPECT_EQ(long_end, short_end);
}

TEST(DistilledTraining, SameSeedGivesTheSameBits) {
  TinyTraining training = distilled();
  training.options.epochs = 4;
  const TemporaryFolder folder;
  training.run(folder / "a");
  training.run(folder / "b");
  EXPECT_EQ(result_of(folder / "a"), result_of(folder / "b"));
}

TEST(DistilledTraining, RecomputedActivationsChangeNothing) {
  TinyTraining training = distilled();
  training.options.epochs = 4;
  const TemporaryFolder folder;
  training.run(folder / "kept");
  training.options.recompute_activations = true;
  training.run(folder / "recomputed");
  EXPECT_EQ(result_of(folder / "kept"), result_of(folder / "recomputed"));
}

TEST(DistilledTraining, WithoutExitsTheRouterLearnsFromEitherTarget) {
  for (const RouterTarget target : {RouterTarget::past_answers, RouterTarget::hardness}) {
    TinyTraining training = distilled();
    training.config.sharcs->exits.clear();
    training.options.router_target = target;
    const TemporaryFolder folder;
    training.run(folder.path());
    const auto records = read_metrics(folder / "metrics.jsonl");
    EXPECT_TRUE(std::isfinite(records.back().loss_router));
    EXPECT_LT(records.back().loss_router, 0.69) << "less than of a router that knows nothing";
  }
}

TEST(DistilledTraining, SaysWhenANarrowWidthHasLearnedNothing) {
  TinyTraining training = distilled();
  for (Sample& sample : training.train.samples) sample.label = &sample == &training.train.samples.front() ? 0 : 1;
  const TemporaryFolder folder;
  std::vector<std::string> notes;
  training.run(folder.path(), {.on_note = [&](std::string_view text) { notes.emplace_back(text); }});
  EXPECT_THAT(notes, Contains(HasSubstr(": width 0.25 has learned nothing yet: it calls all of dev \"yes\"")));
  notes.clear();
  const TemporaryFolder other;
  distilled().run(other.path(), {.on_note = [&](std::string_view text) { notes.emplace_back(text); }});
  EXPECT_THAT(notes, Not(Contains(HasSubstr("has learned nothing"))));
}

TEST(DistilledTraining, OfAPlainEncoderIsFineTuning) {
  TinyTraining training = distilled();
  training.config.sharcs.reset();
  const TemporaryFolder folder;
  const TrainingOutcome outcome = training.run(folder.path());
  EXPECT_GE(outcome.best_score, 0.85);
  EXPECT_TRUE(outcome.best.full_width_only);
}

/// Trains and expects the model to run at full width and the training to say so.
void expect_full_width(const TinyTraining& training) {
  const TemporaryFolder folder;
  std::vector<std::string> notes;
  training.run(folder.path(), {.on_note = [&](std::string_view text) { notes.emplace_back(text); }});
  EXPECT_THAT(
      notes, Contains(HasSubstr("the router and the narrow widths are not trained; the model will run at full width")));
  const Classifier classifier = Classifier::load(folder.path());
  EXPECT_EQ(classifier.engine().policy().name(), "full width");
  for (const Prediction& prediction : classifier.classify(testing::texts_of(training.dev))) {
    EXPECT_EQ(prediction.answer, "1");
    EXPECT_EQ(prediction.asked, 1);
  }
}

TEST(UntrainedRouter, IsNotUsedWherePaperEpochsEndWithinTheWindow) {
  TinyTraining training;
  training.options.epochs = training.options.window;
  expect_full_width(training);
}

TEST(UntrainedRouter, IsNotUsedWhereDistillationDoesNotBegin) {
  TinyTraining training = distilled();
  training.config.sharcs->exits.clear();
  training.options.epochs = 2;
  training.options.warmup_epochs = 2;
  expect_full_width(training);
}

TEST(EarlyStopping, EndsAfterSoManyEpochsWithoutABetterOne) {
  TinyTraining training = distilled();
  training.config.sharcs->exits.clear();
  training.options.learning_rate = 1e-12;  // no epoch is better than the first one of its kind
  training.options.warmup_epochs = 3;
  training.options.epochs = 10;
  training.options.early_stopping = 2;
  const TemporaryFolder folder;
  const TrainingOutcome outcome = training.run(folder.path());
  EXPECT_FALSE(outcome.stopped);
  EXPECT_EQ(outcome.epochs, 6) << "not within the warm-up, whose epochs are no better either";
  EXPECT_EQ(outcome.best_epoch, 4);
  EXPECT_EQ(training.resume(folder.path()).epochs, 6) << "nor does it go on";
}

TEST(EarlyStopping, GoesOnWhileEpochsGetBetter) {
  TinyTraining training = distilled();
  training.options.early_stopping = 8;
  const TemporaryFolder folder;
  EXPECT_EQ(training.run(folder.path()).epochs, 8);
}

}  // namespace
}  // namespace sharcs::internal::distilled_training_test
