// Masked-language pre-training, by both recipes, and what its recordings say.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "data/text_blocks.hpp"
#include "data/token_masking.hpp"
#include "data/tokenized_dataset.hpp"
#include "eval/recorded_evaluation.hpp"
#include "eval/recording_metrics.hpp"
#include "expect_error.hpp"
#include "formats/model_access.hpp"
#include "model/mask_guess.hpp"
#include "model/small_models.hpp"
#include "sharcs/calibration.hpp"
#include "sharcs/classifier.hpp"
#include "temporary_folder.hpp"
#include "train/gradient_accumulator.hpp"
#include "train/thread_ranks.hpp"
#include "train/tiny_training.hpp"

namespace sharcs::internal::mask_training_test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::TinyTraining;

/// Texts that say the words of one of three lists, each a document: a hidden word follows from its neighbours.
Dataset lists(std::size_t count, std::uint64_t seed, const std::string& file) {
  const std::vector<std::vector<std::string>> all = {
      {"one", "two", "three", "four", "five", "six"},
      {"red", "blue", "green", "black", "white", "brown"},
      {"cat", "dog", "cow", "hen", "pig", "fox"},
  };
  Random random(seed);
  Dataset dataset;
  dataset.file = file;
  for (std::size_t i = 0; i < count; ++i) {
    const std::vector<std::string>& list = all[random.below(all.size())];
    std::size_t word = random.below(list.size());
    std::string text;
    for (int w = 0; w < 9; ++w) text += (w > 0 ? " " : "") + list[word++ % list.size()];
    dataset.samples.push_back({.text = text, .document = i, .line = 2 * i + 1});
  }
  return dataset;
}

TinyTraining training_of_masks() {
  TinyTraining training;
  training.task = Task::named("masked-lm");
  training.train = lists(400, 1, "train.txt");
  training.dev = lists(60, 2, "dev.txt");
  training.tokenizer =
      Tokenizer::train_wordpiece(testing::texts_of(training.train), {.vocab_size = 100, .min_frequency = 1});
  training.config.vocab_size = static_cast<int>(training.tokenizer.vocab_size());
  training.task.store_in(training.config);
  training.grow_for_words();
  training.options.recipe = Recipe::distilled;
  training.options.learning_rate = 2e-3;
  training.options.epochs = 40;
  return training;
}

TEST(MaskTraining, SlowTeachesAllAnswers) {
  TinyTraining training = training_of_masks();
  training.options.epochs = 60;
  const TemporaryFolder folder;
  const TrainingOutcome outcome = training.run(folder.path());
  const Classifier classifier = Classifier::load(folder.path());
  EXPECT_EQ(Task::of(classifier.engine().config())->kind(), TaskKind::masked_lm);
  const Evaluation dev = evaluate(classifier, training.task, training.dev);
  ASSERT_EQ(dev.answers.size(), 4u);
  for (const AnswerMetrics& answer : dev.answers) {
    EXPECT_LE(answer.all.at("perplexity"), 2) << answer.name;
    EXPECT_GE(answer.all.at("token_accuracy"), 0.9) << answer.name;
  }
  // The best epoch is that of the least perplexity; of the last ones, exits and widths count as much as full width.
  EXPECT_LT(outcome.best_score, 0);
  const std::vector<std::string> texts = {"one two [MASK] four", "[MASK] dog cow [MASK] pig"};
  const std::vector<FilledText> filled = classifier.fill(texts, 3, {.policy = Policy::fixed(1)});
  ASSERT_EQ(filled.size(), 2u);
  ASSERT_EQ(filled[1].masks.size(), 2u);
  EXPECT_EQ(filled[0].masks[0].size(), 3u);
  EXPECT_EQ(filled[0].masks[0][0].token, "three");
  EXPECT_EQ(filled[1].masks[0][0].token, "cat");
  EXPECT_EQ(filled[1].masks[1][0].token, "hen");
  EXPECT_GT(filled[0].masks[0][0].probability, filled[0].masks[0][1].probability);
  EXPECT_EQ(*training.tokenizer.id("three"), filled[0].masks[0][0].id);
  EXPECT_EQ(filled[0].prediction.answer, "1");
}

TEST(MaskTraining, SlowByThePapersRecipeTeachesTheRouter) {
  TinyTraining training = training_of_masks();
  training.config.sharcs->exits.clear();
  training.options.recipe = Recipe::sharcs;
  const TemporaryFolder folder;
  training.run(folder.path());
  const Classifier classifier = Classifier::load(folder.path());
  EXPECT_LE(evaluate(classifier, training.task, training.dev).routed.at("perplexity"), 3);
  EXPECT_EQ(classifier.engine().policy().name(), "router");
}

TEST(MaskTraining, SlowExitsCanBeTrainedAtTheEnd) {
  for (const ExitTraining exits : {ExitTraining::two_stage, ExitTraining::self_distilled}) {
    TinyTraining training = training_of_masks();
    training.options.exit_training = exits;
    training.options.exit_epochs = 10;
    const TemporaryFolder folder;
    training.run(folder.path());
    const Evaluation dev = evaluate(Classifier::load(folder.path()), training.task, training.dev);
    EXPECT_LE(dev.answers[0].all.at("perplexity"), 10) << dev.answers[0].name;  // one layer that was made for others
    EXPECT_LE(dev.answers[2].all.at("perplexity"), 4) << dev.answers[2].name;
    EXPECT_LE(dev.answers.back().all.at("perplexity"), 2);
  }
}

TEST(MaskTraining, ARecordingRoutesAndTellsAsTheModelDoes) {
  TinyTraining training = training_of_masks();
  training.options.epochs = 6;
  const TemporaryFolder folder;
  training.run(folder.path());
  const Classifier classifier = Classifier::load(folder.path());
  const Recording recording = record(classifier, training.task, training.dev);
  const Dataset blocks = blocks_of(training.dev, training.tokenizer, classifier.max_tokens());
  ASSERT_EQ(recording.size(), blocks.size());
  const TokenizedDataset masked = tokenize(blocks, training.task, training.tokenizer, classifier.max_tokens());
  std::vector<TokenSequence> inputs;
  for (Index i = 0; i < masked.samples(); ++i) {
    const auto first = static_cast<std::size_t>(masked.tokens.offsets[i]);
    inputs.push_back(
        {.ids = std::span(masked.tokens.ids).subspan(first, static_cast<std::size_t>(masked.tokens.tokens(i))),
         .labelled = masked.tokens.head_tokens_of(i)});
  }
  for (const Policy& policy :
       {Policy::combined(0.6, 0.7), Policy::router(), Policy::exits(2, Confidence("patience")), Policy::fixed(0.25)}) {
    const Routing routing = route(recording, policy);
    const std::vector<Prediction> predictions = classifier.engine().run(inputs, policy);
    const Evaluation evaluation = evaluate(recording, routing);
    double log_likelihood = 0, right = 0, count = 0;
    for (std::size_t i = 0; i < predictions.size(); ++i) {
      EXPECT_EQ(recording.answers[static_cast<std::size_t>(routing.answer_of_sample[i])].name, predictions[i].answer)
          << policy.name();
      EXPECT_EQ(predictions[i].multiply_adds, std::llround(routing.cost_of_sample[i])) << policy.name();
      const auto truths = masked.labels_of(static_cast<Index>(i));
      const auto vocabulary = static_cast<std::size_t>(training.config.vocab_size);
      for (std::size_t t = 0; t < truths.size(); ++t) {
        log_likelihood += std::log(
            static_cast<double>(predictions[i].probabilities[t * vocabulary + static_cast<std::size_t>(truths[t])]));
        right += predictions[i].labels[t] == truths[t];
        ++count;
      }
    }
    EXPECT_NEAR(evaluation.routed.at("perplexity"), std::exp(-log_likelihood / count), 1e-3) << policy.name();
    EXPECT_NEAR(evaluation.routed.at("token_accuracy"), right / count, 1e-9) << policy.name();
  }
  EXPECT_THAT(message_of<ConfigError>([&] { route(recording, Policy::cascade(0.7, Confidence("entropy"))); }),
              HasSubstr("entropy; expected max-probability or patience for masked tokens"));
  // To a file and back.
  RecordedEvaluation file = {.recording = recording,
                             .answer_of_sample = std::vector<int>(recording.size(), recording.full_width()),
                             .evaluation = evaluate(recording, route(recording, Policy::fixed(1)))};
  const Recording again = RecordedEvaluation::parse(file.to_json(), "recording.json").recording;
  EXPECT_EQ(again.labels, recording.labels);
  EXPECT_EQ(again.first_words, recording.first_words);
  for (std::size_t a = 0; a < recording.answers.size(); ++a) {
    EXPECT_EQ(again.answers[a].logits, recording.answers[a].logits);
    EXPECT_EQ(again.answers[a].texts, recording.answers[a].texts);
  }
  EXPECT_EQ(evaluate(again, route(again, Policy::fixed(1))).full, file.evaluation.full);
  const auto budget = CalibrationTarget{.budget = 0.7};
  const Calibration calibration = calibrate(again, CostModel::multiply_adds(again), budget);
  EXPECT_LE(cost_fraction(again, calibration.fitted), 0.7 + 1e-9);
  EXPECT_FALSE(compare(again, calibration.fitted, {.bootstrap = {.resamples = 20}, .draws = 5}).empty());
  EXPECT_THROW(calibrate(again, CostModel::multiply_adds(again), budget, {.confidence = "entropy"}), ConfigError);
}

TEST(MaskTraining, RanksTrainTheSameModelAndARunResumes) {
  TinyTraining training = training_of_masks();
  training.options.epochs = 3;
  training.options.warmup_epochs = 1;
  const TemporaryFolder alone, two, stopped;
  const TrainingOutcome one = training.run(alone.path());
  double score_of_two = 0;
  testing::run_ranks(2, [&](Communicator& ranks) {
    const TrainingOutcome outcome = training.run(two.path(), {}, ranks);
    if (ranks.is_first()) score_of_two = outcome.best_score;
  });
  EXPECT_NEAR(one.best_score, score_of_two, 0.05);
  int steps = 0;
  training.run(stopped.path(), {.should_stop = [&] { return ++steps == 30; }});
  training.resume(stopped.path());
  EXPECT_EQ(testing::result_of(stopped.path()), testing::result_of(alone.path()));
}

TEST(MaskTraining, TheLossIsTheMeanOverTheMaskedTokensHoweverTheBatchIsCut) {
  ModelConfig config = testing::small_config();
  config.per_token = config.fills_masks = true;
  config.labels.clear();
  config.hidden_dropout_prob = 0.2;
  config.sharcs->exits = {1, 2};
  Network<float> network(config);
  testing::randomise(network);
  const RaggedBatch batch = testing::random_batch(config, {4, 6, 3, 9, 1});
  std::vector<std::int32_t> truths;
  Random random(3);
  for (std::size_t i = 0; i < batch.head_tokens.size(); ++i)
    truths.push_back(static_cast<std::int32_t>(random.below(static_cast<std::uint64_t>(config.vocab_size))));
  const auto run = [&](Index piece, bool dropout) {
    GradientAccumulator<float> accumulator(network, {.dropout = dropout, .piece_tokens = piece});
    const MicroBatchOutcome outcome = accumulator.add({.width = network.widths().widest(),
                                                       .tokens = batch,
                                                       .labels = truths,
                                                       .targets = {},
                                                       .distillation = Distillation{},
                                                       .exits = ExitLosses::joint,
                                                       .task_weight = 0.2,
                                                       .dropout_key = 5});
    const auto values = accumulator.gradients().values().buffer();
    EXPECT_EQ(std::ssize(accumulator.gradients().words().rows()), config.vocab_size);
    return std::pair(outcome, std::vector<float>(values.begin(), values.end()));
  };
  const auto [whole, gradients] = run(4096, true);
  const auto [cut, same] = run(7, true);
  EXPECT_EQ(whole.confidence_or_error.size(), 5u);
  EXPECT_NEAR(whole.task_loss, cut.task_loss, 1e-4);
  EXPECT_EQ(whole.confidence_or_error, cut.confidence_or_error);
  EXPECT_EQ(whole.narrow_right, cut.narrow_right);
  for (std::size_t i = 0; i < gradients.size(); ++i) EXPECT_NEAR(gradients[i], same[i], 2e-4) << i;
  // It is minus the logarithm of what the true tokens get.
  std::vector<TokenSequence> inputs;
  for (Index s = 0; s < batch.samples(); ++s) {
    const auto first = static_cast<std::size_t>(batch.offsets[s]), tokens = static_cast<std::size_t>(batch.tokens(s));
    inputs.push_back({.ids = std::span(batch.ids).subspan(first, tokens),
                      .token_types = std::span(batch.token_types).subspan(first, tokens),
                      .labelled = batch.head_tokens_of(s)});
  }
  Model model = Model::create(config);
  std::ranges::copy(network.values().buffer(), network_of(model).values().buffer().begin());
  network_of(model).pack();
  double loss = 0;
  std::size_t row = 0;
  for (const Prediction& prediction : Engine(model).run(inputs, Policy::fixed(1)))
    for (std::size_t t = 0; t * 17 < prediction.probabilities.size(); ++t)
      loss -= std::log(static_cast<double>(prediction.probabilities[t * 17 + static_cast<std::size_t>(truths[row++])]));
  EXPECT_NEAR(run(4096, false).first.task_loss, loss, 1e-3);
}

TEST(MaskTraining, StartsAClassifierThatKeepsTheOrderOfItsWidths) {
  TinyTraining training = training_of_masks();
  training.options.epochs = 4;
  const TemporaryFolder folder, classifier;
  training.run(folder.path());
  TinyTraining texts;
  LoadReport report;
  Model model = Model::load(folder.path(), {.labels = texts.task.labels()}, &report);
  EXPECT_FALSE(model.config().per_token);
  EXPECT_EQ(model.config().sharcs->exits, training.config.sharcs->exits);
  for (const std::string& name : report.initialised)
    EXPECT_TRUE(name.starts_with("exits.") || name.starts_with("classifier.") || name.starts_with("bert.pooler."))
        << name;
  texts.options.epochs = 1;
  const TrainingInputs inputs = {.task = texts.task,
                                 .tokenizer = training.tokenizer,
                                 .train = texts.train,
                                 .dev = texts.dev,
                                 .output = classifier.path()};
  EXPECT_EQ(Trainer(model, texts.options).train(inputs).epochs, 1);
  EXPECT_EQ(Task::of(ModelConfig::load(classifier / "config.json"))->kind(), TaskKind::classification);
}

TEST(MaskTraining, WhatItDoesNotHaveIsRefused) {
  const TemporaryFolder folder;
  TinyTraining training = training_of_masks();
  training.options.token_dropout = 0.1;
  EXPECT_EQ(message_of<ConfigError>([&] { training.run(folder.path()); }),
            "\"token_dropout\" is 0.1, but task masked-lm hides tokens itself (masked_share); expected 0");
  training = training_of_masks();
  training.options.mask_token_share = 0.95;
  EXPECT_THAT(message_of<ConfigError>([&] { training.run(folder.path()); }), HasSubstr("expected at most 1 together"));
  training = training_of_masks();
  training.options.hardness_measure = HardnessMeasure::entropy;
  EXPECT_THAT(message_of<ConfigError>([&] { training.run(folder.path()); }), HasSubstr("masked_lm; expected"));
  training = training_of_masks();
  training.options.class_weights = ClassWeights::balanced;
  EXPECT_THAT(message_of<ConfigError>([&] { training.run(folder.path()); }), HasSubstr("\"none\""));

  const Classifier classifier(Engine(training.model()), training.tokenizer);
  EXPECT_EQ(message_of<ConfigError>([&] { classifier.classify("one"); }),
            "the model tells masked tokens; expected Classifier::fill()");
  const std::vector<std::vector<std::string>> words = {{"one"}};
  EXPECT_EQ(message_of<ConfigError>([&] { classifier.tag(words); }),
            "the model tells masked tokens; expected Classifier::fill()");
  const std::vector<std::string> no_mask = {"one [MASK]", "two"};
  EXPECT_EQ(message_of<DataError>([&] { classifier.fill(no_mask); }),
            "text 2 has no mask among the tokens that are read; expected [MASK]");
  EXPECT_THROW(Classifier(Engine(training.model(), {.long_text = LongText::windows}), training.tokenizer), ConfigError);
  write_file_atomically(folder / "vocab.txt", "[PAD]\n[UNK]\n[CLS]\n[SEP]\na\nb\n");
  const Tokenizer without = Tokenizer::wordpiece(folder / "vocab.txt");
  EXPECT_EQ(message_of<ConfigError>([&] { Classifier(Engine(training.model()), without); }),
            "the vocabulary has no mask token; expected [MASK] or <mask>");
  EXPECT_EQ(message_of<ConfigError>([&] { require_vocabulary(training.config, without, "runs/masks"); }),
            "runs/masks: the vocabulary has no mask token; expected [MASK] or <mask>");
  const Classifier texts(Engine(TinyTraining().model()), TinyTraining().tokenizer);
  EXPECT_EQ(message_of<ConfigError>([&] { texts.fill(no_mask); }),
            "the model labels texts; expected one that fills masks (…ForMaskedLM)");
}

}  // namespace
}  // namespace sharcs::internal::mask_training_test
