// Training of a model that finds answers, by both recipes, and what its recordings say.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "data/answer_scores.hpp"
#include "data/context_windows.hpp"
#include "data/metrics.hpp"
#include "eval/recorded_evaluation.hpp"
#include "eval/recording_metrics.hpp"
#include "expect_error.hpp"
#include "model/small_models.hpp"
#include "sharcs/calibration.hpp"
#include "sharcs/classifier.hpp"
#include "temporary_folder.hpp"
#include "train/gradient_accumulator.hpp"
#include "train/thread_ranks.hpp"
#include "train/tiny_training.hpp"

namespace sharcs::internal::question_training_test {
namespace {

using ::testing::HasSubstr;
using testing::TinyTraining;

/// What the film was: "good", "dull" and their like, and the word behind it where that is the same. A quarter of the
/// questions ask for what the text does not say.
Dataset asked(Dataset dataset) {
  for (std::size_t i = 0; i < dataset.size(); ++i) {
    Sample& sample = dataset.samples[i];
    sample.label.reset();
    sample.id = "q" + std::to_string(i);
    const bool has_none = i % 4 == 3;
    std::string context;
    sample.answers.emplace();
    std::istringstream words(sample.text);
    for (std::string word; words >> word;) {
      const bool decides = std::string("bad dull poor good fine great").find(word) != std::string::npos && word != "a";
      if (decides && (has_none || !sample.answers->empty())) continue;
      if (!context.empty()) context += ' ';
      if (decides) sample.answers->push_back({context.size(), context.size() + word.size()});
      context += word;
    }
    sample.text = "the film is";
    sample.pair = context;
  }
  return dataset;
}

TinyTraining training_of_answers() {
  TinyTraining training;
  training.task = Task::custom({.kind = TaskKind::question_answering, .no_answer_above = 0});
  training.train = asked(training.train);
  training.dev = asked(training.dev);
  training.task.store_in(training.config);
  training.grow_for_words();
  return training;
}

std::vector<TextPair> pairs_of(const Dataset& dataset) {
  std::vector<TextPair> pairs;
  for (const Sample& sample : dataset.samples) pairs.push_back({sample.text, *sample.pair});
  return pairs;
}

TEST(QuestionTraining, TeachesAllAnswers) {
  TinyTraining training = training_of_answers();
  training.options.recipe = Recipe::distilled;
  training.options.hidden_loss_weight = 0.1;
  const TemporaryFolder folder;
  training.run(folder.path());
  const Classifier classifier = Classifier::load(folder.path());
  EXPECT_EQ(Task::of(classifier.engine().config())->kind(), TaskKind::question_answering);
  const Evaluation dev = evaluate(classifier, training.task, training.dev);
  ASSERT_EQ(dev.answers.size(), 4u);
  for (const AnswerMetrics& answer : dev.answers) {
    EXPECT_GE(answer.all.at("answer_f1"), 0.85) << answer.name;
    EXPECT_GE(answer.all.at("answer_exact_match"), 0.85) << answer.name;
  }
  std::size_t right = 0;
  const std::vector<FoundAnswer> found = classifier.answer(pairs_of(training.dev));
  for (std::size_t i = 0; i < found.size(); ++i) {
    const std::vector<std::string> truths = texts_of(training.dev.samples[i]);
    right += found[i].text == (truths.empty() ? "" : truths.front());
    EXPECT_EQ(found[i].text, training.dev.samples[i].pair->substr(found[i].range.begin, found[i].text.size()));
    EXPECT_TRUE(found[i].probability > 0 && found[i].probability <= 1);
  }
  EXPECT_GE(right, found.size() * 85 / 100);
}

TEST(QuestionTraining, ByThePapersRecipeTeachesTheRouter) {
  TinyTraining training = training_of_answers();
  training.config.sharcs->exits.clear();
  training.options.recipe = Recipe::sharcs;
  const TemporaryFolder folder;
  training.run(folder.path());
  const Classifier classifier = Classifier::load(folder.path());
  EXPECT_GE(evaluate(classifier, training.task, training.dev).routed.at("answer_f1"), 0.8);
  EXPECT_EQ(classifier.engine().policy().name(), "router");
}

TEST(QuestionTraining, ARecordingRoutesAndAnswersAsTheModelDoes) {
  TinyTraining training = training_of_answers();
  training.options.recipe = Recipe::distilled;
  training.options.epochs = 4;
  const TemporaryFolder folder;
  training.run(folder.path());
  // Windows of four tokens of context, so that most questions have several.
  for (const std::size_t length : {std::size_t{0}, std::size_t{10}}) {
    const Classifier classifier = Classifier::load(folder.path(), {.max_length = length});
    const Recording recording = record(classifier, training.task, training.dev);
    EXPECT_EQ(recording.size() > training.dev.size(), length > 0);
    for (const Policy& policy : {Policy::combined(0.8, 0.9), Policy::router(), Policy::exits(2, Confidence("patience")),
                                 Policy::fixed(0.25)}) {
      const Routing routing = route(recording, policy);
      const std::vector<FoundAnswer> found = classifier.answer(pairs_of(training.dev), {.policy = policy});
      const Evaluation evaluation = evaluate(recording, routing);
      TagCounts counts;
      std::size_t window = 0;
      for (std::size_t i = 0; i < found.size(); ++i) {
        double cost = 0;
        const std::size_t first = window;
        for (std::size_t w = 0; w < found[i].windows; ++w) cost += routing.cost_of_sample[window++];
        EXPECT_EQ(found[i].prediction.multiply_adds, std::llround(cost)) << policy.name();
        EXPECT_EQ(recording.questions[first], i);
        const AnswerScore score = score_answer(found[i].text, texts_of(training.dev.samples[i]), true);
        counts += TagCounts{.questions = 1, .exact_answers = score.exact, .f1_sum = score.f1};
      }
      EXPECT_EQ(window, recording.size());
      EXPECT_NEAR(evaluation.routed.at("answer_exact_match"), counts.answer_exact_match(), 1e-9) << policy.name();
      EXPECT_NEAR(evaluation.routed.at("answer_f1"), counts.answer_f1(), 1e-6) << policy.name();
    }
    EXPECT_THAT(message_of<ConfigError>([&] { route(recording, Policy::cascade(0.7, Confidence("entropy"))); }),
                HasSubstr("entropy; expected max-probability or patience for answers in a text"));
    // To a file and back.
    RecordedEvaluation file = {.recording = recording,
                               .answer_of_sample = std::vector<int>(recording.size(), recording.full_width()),
                               .evaluation = evaluate(recording, route(recording, Policy::fixed(1)))};
    const Recording again = RecordedEvaluation::parse(file.to_json(), "recording.json").recording;
    EXPECT_EQ(again.labels, recording.labels);
    EXPECT_EQ(again.questions, recording.questions);
    for (std::size_t a = 0; a < recording.answers.size(); ++a) {
      EXPECT_EQ(again.answers[a].logits, recording.answers[a].logits);
      EXPECT_EQ(again.answers[a].texts, recording.answers[a].texts);
      EXPECT_EQ(again.answers[a].f1, recording.answers[a].f1);
    }
    const auto budget = CalibrationTarget{.budget = 0.6};
    const Calibration calibration = calibrate(again, CostModel::multiply_adds(again), budget);
    EXPECT_LE(cost_fraction(again, calibration.fitted), 0.6 + 1e-9);
    EXPECT_FALSE(compare(again, calibration.fitted, {.bootstrap = {.resamples = 20}, .draws = 5}).empty());
    EXPECT_THROW(calibrate(again, CostModel::multiply_adds(again), budget, {.confidence = "entropy"}), ConfigError);
  }
}

TEST(QuestionTraining, RanksTrainTheSameModelAndARunResumes) {
  TinyTraining training = training_of_answers();
  training.options.recipe = Recipe::distilled;
  training.options.epochs = 3;
  training.options.warmup_epochs = 1;
  const TemporaryFolder alone, two, stopped;
  const TrainingOutcome one = training.run(alone.path());
  double score_of_two = 0;
  testing::run_ranks(2, [&](Communicator& ranks) {
    const TrainingOutcome outcome = training.run(two.path(), {}, ranks);
    if (ranks.is_first()) score_of_two = outcome.best_score;
  });
  EXPECT_NEAR(one.best_score, score_of_two, 0.03);
  int steps = 0;
  training.run(stopped.path(), {.should_stop = [&] { return ++steps == 5; }});
  training.resume(stopped.path());
  EXPECT_EQ(testing::result_of(stopped.path()), testing::result_of(alone.path()));
}

TEST(QuestionTraining, TheLossIsTheMeanOverTheWindowsHoweverTheBatchIsCut) {
  ModelConfig config = testing::small_config();
  config.per_token = config.finds_answers = true;
  config.labels = {"start", "end"};
  config.hidden_dropout_prob = 0.2;
  config.sharcs->exits = {1, 2};
  Network<float> network(config);
  testing::randomise(network);
  const RaggedBatch batch = testing::random_batch(config, {4, 6, 3, 9, 1});
  std::vector<std::int32_t> ends;
  Random random(3);
  for (Index s = 0; s < batch.samples(); ++s)
    for (int end = 0; end < 2; ++end)
      ends.push_back(static_cast<std::int32_t>(random.below(batch.head_tokens_of(s).size())));
  const auto run = [&](Index piece) {
    GradientAccumulator<float> accumulator(network, {.piece_tokens = piece});
    const MicroBatchOutcome outcome = accumulator.add({.width = network.widths().widest(),
                                                       .tokens = batch,
                                                       .labels = ends,
                                                       .targets = {},
                                                       .distillation = Distillation{},
                                                       .exits = ExitLosses::joint,
                                                       .task_weight = 0.2,
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
  for (std::size_t i = 0; i < gradients.size(); ++i) EXPECT_NEAR(gradients[i], same[i], 2e-4) << i;
}

TEST(QuestionTraining, WhatItDoesNotHaveIsRefused) {
  TinyTraining training = training_of_answers();
  const TemporaryFolder folder;
  training.options.recipe = Recipe::sharcs;
  training.options.hardness_measure = HardnessMeasure::entropy;
  EXPECT_THAT(message_of<ConfigError>([&] { training.run(folder.path()); }), HasSubstr("question_answering; expected"));
  const Classifier classifier(Engine(training.model()), training.tokenizer);
  EXPECT_EQ(message_of<ConfigError>([&] { classifier.classify("the film"); }),
            "the model finds answers to questions; expected Classifier::answer()");
  const std::vector<std::vector<std::string>> words = {{"the"}};
  EXPECT_THROW(classifier.tag(words), ConfigError);
  const std::vector<TextPair> empty = {{"what", " "}};
  EXPECT_EQ(message_of<DataError>([&] { classifier.answer(empty); }), "a question's context is empty; expected a text");
  EXPECT_THROW(Classifier(Engine(training.model(), {.long_text = LongText::head_tail}), training.tokenizer),
               ConfigError);
  const Classifier texts(Engine(TinyTraining().model()), TinyTraining().tokenizer);
  EXPECT_EQ(message_of<ConfigError>([&] { texts.answer(empty); }),
            "the model labels texts; expected one that finds answers (…ForQuestionAnswering)");
}

}  // namespace
}  // namespace sharcs::internal::question_training_test
