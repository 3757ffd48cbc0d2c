// Training of a model that labels words, by both recipes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "data/metrics.hpp"
#include "eval/recorded_evaluation.hpp"
#include "model/small_models.hpp"
#include "nn/loss.hpp"
#include "sharcs/classifier.hpp"
#include "sharcs/evaluation.hpp"
#include "temporary_folder.hpp"
#include "train/thread_ranks.hpp"
#include "train/tiny_training.hpp"

namespace sharcs::internal::tag_training_test {
namespace {

using testing::result_of;
using testing::TinyTraining;

/// "good" and its like are entities, "bad" and its like some of another type, other words none.
Dataset tagged(Dataset dataset) {
  for (Sample& sample : dataset.samples) {
    std::istringstream words(sample.text);
    for (std::string word; words >> word;) {
      const bool good = word == "good" || word == "fine" || word == "great";
      const bool bad = word == "bad" || word == "dull" || word == "poor";
      const int tag = good ? 0 : bad ? 1 : 4;
      sample.words.push_back(word);
      sample.tags.push_back(tag);
    }
    sample.label.reset();
  }
  return dataset;
}

TinyTraining training_of_tags() {
  TinyTraining training;
  training.task = Task::custom({.kind = TaskKind::token_classification, .labels = {"B-G", "B-N", "I-G", "I-N", "O"}});
  training.train = tagged(training.train);
  training.dev = tagged(training.dev);
  training.config.labels = training.task.labels();
  training.config.per_token = true;
  training.grow_for_words();
  return training;
}

TEST(TagTraining, TeachesAllAnswers) {
  TinyTraining training = training_of_tags();
  training.options.recipe = Recipe::distilled;
  training.options.hidden_loss_weight = 0.1;
  const TemporaryFolder folder;
  training.run(folder.path());
  const Classifier classifier = Classifier::load(folder.path());
  EXPECT_TRUE(Task::of(classifier.engine().config()).has_value());
  const Evaluation dev = evaluate(classifier, training.task, training.dev);
  ASSERT_EQ(dev.answers.size(), 4u);
  for (const AnswerMetrics& answer : dev.answers) EXPECT_GE(answer.all.at("entity_f1"), 0.85) << answer.name;
}

TEST(TagTraining, ByThePapersRecipeTeachesTheRouter) {
  TinyTraining training = training_of_tags();
  training.config.sharcs->exits.clear();
  training.options.recipe = Recipe::sharcs;
  const TemporaryFolder folder;
  training.run(folder.path());
  const Classifier classifier = Classifier::load(folder.path());
  const Evaluation dev = evaluate(classifier, training.task, training.dev);
  EXPECT_GE(dev.routed.at("entity_f1"), 0.8);
  EXPECT_EQ(classifier.engine().policy().name(), "router");
}

TEST(TagTraining, ARecordingRoutesAsTheModelDoes) {
  TinyTraining training = training_of_tags();
  training.options.recipe = Recipe::distilled;
  training.options.epochs = 4;
  const TemporaryFolder folder;
  training.run(folder.path());
  const Classifier classifier = Classifier::load(folder.path());
  const Recording recording = record(classifier, training.task, training.dev);
  std::vector<std::vector<std::string>> texts;
  for (const Sample& sample : training.dev.samples) texts.push_back(sample.words);
  for (const Policy& policy : {Policy::combined(0.8, 0.9), Policy::router(), Policy::exits(2, Confidence("patience")),
                               Policy::cascade(0.7, Confidence("entropy"))}) {
    const Routing routing = route(recording, policy);
    const std::vector<Prediction> predictions = classifier.tag(texts, {.policy = policy});
    for (std::size_t i = 0; i < texts.size(); ++i) {
      const auto answer = static_cast<std::size_t>(routing.answer_of_sample[i]);
      ASSERT_EQ(predictions[i].answer, recording.answers[answer].name) << policy.name();
      EXPECT_EQ(predictions[i].labels, recording.tags_of(i, static_cast<int>(answer)));
      EXPECT_EQ(predictions[i].multiply_adds, std::llround(routing.cost_of_sample[i]));
    }
  }
}

TEST(TagTraining, RanksTrainTheSameModel) {
  TinyTraining training = training_of_tags();
  training.options.recipe = Recipe::distilled;
  training.options.epochs = 3;
  training.options.warmup_epochs = 1;
  const TemporaryFolder alone, two;
  const TrainingOutcome one = training.run(alone.path());
  double score_of_two = 0;
  testing::run_ranks(2, [&](Communicator& ranks) {
    const TrainingOutcome outcome = training.run(two.path(), {}, ranks);
    if (ranks.is_first()) score_of_two = outcome.best_score;
  });
  EXPECT_NEAR(one.best_score, score_of_two, 0.02);
}

TEST(TagTraining, TheLossIsTheMeanOverTheWordsHoweverTheBatchIsCut) {
  ModelConfig config = testing::small_config();
  config.per_token = true;
  config.hidden_dropout_prob = 0.2;
  Network<float> network(config);
  testing::randomise(network);
  const RaggedBatch batch = testing::random_batch(config, {4, 6, 3, 9, 1});
  std::vector<std::int32_t> labels;
  Random random(3);
  for (std::size_t i = 0; i < batch.head_tokens.size(); ++i)
    labels.push_back(static_cast<std::int32_t>(random.below(3)));
  const auto run = [&](Index piece) {
    GradientAccumulator<float> accumulator(network, {.piece_tokens = piece});
    const MicroBatchOutcome outcome = accumulator.add({.width = network.widths().widest(),
                                                       .tokens = batch,
                                                       .labels = labels,
                                                       .targets = {},
                                                       .distillation = Distillation{.hidden_weight = 0.3},
                                                       .exits = ExitLosses::none,
                                                       .task_weight = 1.0 / static_cast<double>(labels.size()),
                                                       .dropout_key = 5});
    const auto values = accumulator.gradients().values().buffer();
    return std::pair(outcome, std::vector<float>(values.begin(), values.end()));
  };
  const auto [whole, gradients] = run(4096);
  const auto [cut, same] = run(7);
  EXPECT_EQ(whole.confidence_or_error.size(), 5u);
  EXPECT_NEAR(whole.task_loss, cut.task_loss, 1e-4);
  EXPECT_EQ(whole.confidence_or_error, cut.confidence_or_error);
  EXPECT_EQ(whole.narrow_right, cut.narrow_right);
  for (const std::vector<float>& shares : whole.narrow_right)
    for (const float share : shares) EXPECT_TRUE(share >= 0 && share <= 1);
}

}  // namespace
}  // namespace sharcs::internal::tag_training_test
