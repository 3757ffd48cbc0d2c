#include "sharcs/trainer.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <map>

#include "core/half.hpp"
#include "expect_error.hpp"
#include "formats/model_access.hpp"
#include "formats/safetensors.hpp"
#include "sharcs/classifier.hpp"
#include "sharcs/evaluation.hpp"
#include "temporary_folder.hpp"
#include "train/tiny_training.hpp"

namespace sharcs::internal::trainer_test {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using testing::result_of;
using testing::TinyTraining;

std::vector<float> parameters_in(const std::filesystem::path& output) {
  const TensorSource source = open_safetensors(output / "model.safetensors");
  std::vector<float> all;
  for (const TensorInfo& tensor : source.tensors()) {
    const auto values = source.read<float>(tensor.name);
    all.insert(all.end(), values.begin(), values.end());
  }
  return all;
}

double greatest_difference(const std::vector<float>& a, const std::vector<float>& b) {
  EXPECT_EQ(a.size(), b.size());
  double greatest = 0;
  for (std::size_t i = 0; i < a.size(); ++i)
    greatest = std::max(greatest, std::abs(static_cast<double>(a[i]) - static_cast<double>(b[i])));
  return greatest;
}

TEST(Trainer, LearnsAndSavesTheBestModelAndAllEpochs) {
  const TinyTraining training;
  const TemporaryFolder folder;
  const TrainingOutcome outcome = training.run(folder.path());
  EXPECT_FALSE(outcome.stopped);
  EXPECT_EQ(outcome.epochs, 5);
  EXPECT_GE(outcome.best_score, 0.9);
  EXPECT_FALSE(outcome.best.full_width_only);

  const auto records = read_metrics(folder / "metrics.jsonl");
  ASSERT_EQ(records.size(), 5u);
  std::int64_t steps = 0;
  for (const EpochRecord& record : records) {
    EXPECT_EQ(record.full_width_only, record.epoch <= training.options.window);
    EXPECT_EQ(record.settings, "training.json");
    EXPECT_EQ(std::isnan(record.loss_router), record.full_width_only);
    EXPECT_EQ(record.widths.at(0).samples + record.widths.at(1).samples, 96);
    EXPECT_EQ(record.transitions.empty(), record.epoch == 1);
    steps += record.steps;
    EXPECT_EQ(record.total_steps, steps);
  }
  EXPECT_EQ(outcome.steps, steps);
  EXPECT_EQ(records[0].widths[0].samples, 0);
  EXPECT_EQ(records[0].samples, 96);
  EXPECT_LT(records[4].loss_task, records[0].loss_task);
  EXPECT_GT(records[4].widths[0].samples, 0);
  EXPECT_GT(records[4].widths[0].labelled, 0);

  // What was saved is the best epoch's model, and stands on its own.
  const EpochRecord& best = records.at(static_cast<std::size_t>(outcome.best_epoch - 1));
  EXPECT_TRUE(best.best);
  const Classifier classifier = Classifier::load(folder.path());
  const Evaluation saved = evaluate(classifier, training.task, training.dev);
  EXPECT_EQ(saved.routed, best.evaluations.at(0).routed);
  EXPECT_EQ(saved.full, best.evaluations.at(0).full);
  EXPECT_EQ(saved.cost_fraction, best.evaluations.at(0).cost_fraction);
  EXPECT_TRUE(std::filesystem::exists(folder / "training.json"));
  EXPECT_EQ(Task::of(classifier.engine().config())->name(), training.task.name());
}

TEST(Trainer, FirstEpochWithATrainedRouterIsBetterThanAnyWithout) {
  TinyTraining training;
  training.options.epochs = 3;
  training.options.learning_rate = 2e-2;
  const TemporaryFolder folder;
  EXPECT_EQ(training.run(folder.path()).best_epoch, 3);
  const auto records = read_metrics(folder / "metrics.jsonl");
  double sum = 0;
  for (const auto& [name, value] : records[0].evaluations[0].full) sum += value;
  EXPECT_NEAR(records[0].score, sum / static_cast<double>(records[0].evaluations[0].full.size()), 1e-12);
}

TEST(Trainer, SameSeedGivesTheSameBitsAndAnotherSeedOthers) {
  TinyTraining training;
  const TemporaryFolder folder;
  training.run(folder / "a");
  training.run(folder / "b");
  EXPECT_EQ(result_of(folder / "a"), result_of(folder / "b"));
  training.options.seed = 2;
  training.run(folder / "c");
  EXPECT_NE(result_of(folder / "a"), result_of(folder / "c"));
}

TEST(Trainer, MemoryOptionsChangeNothingBeyondRounding) {
  TinyTraining training;
  training.options.epochs = 3;
  training.options.learning_rate = 1e-3;
  const TemporaryFolder folder;
  training.run(folder / "whole");
  training.options.recompute_activations = true;
  training.run(folder / "recomputed");
  EXPECT_EQ(result_of(folder / "whole"), result_of(folder / "recomputed"));
  training.options.micro_batch_tokens = 40;
  training.run(folder / "pieces");
  EXPECT_LT(greatest_difference(parameters_in(folder / "whole"), parameters_in(folder / "pieces")), 1e-4);
}

TEST(Trainer, AnotherNumberOfThreadsChangesNothingBeyondRounding) {
  TinyTraining training;
  training.options.epochs = 3;
  training.options.learning_rate = 1e-3;
  const TemporaryFolder folder;
  training.run(folder / "one");
  training.options.threads = 2;
  training.run(folder / "two");
  EXPECT_LT(greatest_difference(parameters_in(folder / "one"), parameters_in(folder / "two")), 1e-4);
}

TEST(Trainer, WithBf16ProductsKeepsFp32ParametersAndLearnsAsWell) {
  TinyTraining training;
  training.options.epochs = 3;
  training.options.learning_rate = 1e-3;
  const TemporaryFolder folder;
  training.run(folder / "fp32");
  training.options.precision = TrainingPrecision::bf16;
  Model model = training.model();
  Trainer(model, training.options).train(training.inputs(folder / "bf16"));
  const std::vector<float> found = parameters_in(folder / "bf16");
  const double difference = greatest_difference(parameters_in(folder / "fp32"), found);
  EXPECT_LT(difference, 0.02);
  EXPECT_GT(difference, 0);
  // Most parameters are no bf16 numbers: what is updated is not what is multiplied.
  const auto rounded = std::ranges::count_if(found, [](float x) { return x == float_of_bf16(bf16_of_float(x)); });
  EXPECT_LT(static_cast<double>(rounded), 0.5 * static_cast<double>(found.size()));
  // After the training the model is an fp32 model.
  for_each_linear(network_of(model).encoder().weights,
                  [](const Linear<float>& linear) { EXPECT_EQ(linear.packed.numbers(), kernels::Numbers::whole); });
}

TEST(Trainer, AlternateStepsLearnToo) {
  TinyTraining training;
  training.options.step_mode = StepMode::alternate;
  const TemporaryFolder folder;
  EXPECT_GE(training.run(folder.path()).best_score, 0.9);
  const auto records = read_metrics(folder / "metrics.jsonl");
  // One step a micro-batch: with two widths of equal repeated buckets, twice as many as in joint steps.
  EXPECT_EQ(records[0].steps, 6);
  EXPECT_GT(records[4].steps, records[0].steps);
}

TEST(Trainer, PlainEncodersAreFineTunedAtFullWidth) {
  TinyTraining training;
  training.config.sharcs.reset();
  const TemporaryFolder folder;
  const TrainingOutcome outcome = training.run(folder.path());
  EXPECT_GE(outcome.best_score, 0.9);
  EXPECT_TRUE(outcome.best.full_width_only);
}

TEST(Trainer, RegressionsAreRouted) {
  TinyTraining training(TaskKind::regression);
  training.options.epochs = 8;
  training.options.thresholds = {{0.6, 1.01}, {0, 0.6}};
  const TemporaryFolder folder;
  const TrainingOutcome outcome = training.run(folder.path());
  EXPECT_GE(outcome.best.evaluations.at(0).routed.at("pearson"), 0.8);
  EXPECT_GT(read_metrics(folder / "metrics.jsonl").back().widths[0].samples, 0);
}

TEST(Trainer, EntropyCanDecideTheHardness) {
  TinyTraining training;
  training.options.hardness_measure = HardnessMeasure::entropy;
  const TemporaryFolder folder;
  EXPECT_GE(training.run(folder.path()).best_score, 0.9);
  EXPECT_GT(read_metrics(folder / "metrics.jsonl").back().widths[0].samples, 0);
}

TEST(Trainer, SaysWhenAWidthHasNoSamplesAndGoesOn) {
  TinyTraining training;
  training.options.epochs = 3;
  training.options.thresholds = {{1.005, 1.01}, {0, 1.01}};
  const TemporaryFolder folder;
  std::vector<std::string> notes;
  const TrainingOutcome outcome =
      training.run(folder.path(), {.on_note = [&](std::string_view text) { notes.emplace_back(text); }});
  EXPECT_EQ(outcome.epochs, 3);
  EXPECT_THAT(notes, ::testing::Contains(HasSubstr("epoch 3: no training sample has width 0.25")));
}

TEST(Trainer, ReportsProgressAfterEveryStepAndEveryEpoch) {
  TinyTraining training;
  training.options.epochs = 3;
  const TemporaryFolder folder;
  std::vector<TrainingProgress> steps;
  std::vector<int> epochs;
  const TrainingOutcome outcome =
      training.run(folder.path(), {.on_step = [&](const TrainingProgress& progress) { steps.push_back(progress); },
                                   .on_epoch = [&](const EpochRecord& record) { epochs.push_back(record.epoch); }});
  EXPECT_EQ(epochs, (std::vector<int>{1, 2, 3}));
  ASSERT_EQ(static_cast<std::int64_t>(steps.size()), outcome.steps);
  EXPECT_EQ(steps.front().epoch, 1);
  EXPECT_EQ(steps.front().step, 1);
  EXPECT_EQ(steps.front().learning_rate, 0);  // the warm-up starts at 0
  EXPECT_EQ(steps.front().width_shares, (std::vector<double>{0, 1}));
  EXPECT_TRUE(std::isnan(steps.front().loss_router));
  EXPECT_EQ(steps.back().step, steps.back().steps);
  EXPECT_FALSE(std::isnan(steps.back().loss_router));
  EXPECT_GT(steps.back().samples_per_second, 0);
  EXPECT_LT(steps.back().learning_rate, training.options.learning_rate / 3);
}

TEST(Trainer, DropsThePolicyThatTheModelWasCalibratedTo) {
  TinyTraining training;
  training.options.epochs = 1;
  const TemporaryFolder folder;
  Model model = training.model();
  model.set_policy(
      PolicyRule{.router = RoutingRule{.weights = {{1, 0}, {0, 1}}, .offsets = {9, 0}, .costs = {{}, {}}}});
  Trainer(model, training.options).train(training.inputs(folder / ""));
  EXPECT_FALSE(model.config().sharcs->policy);
  EXPECT_EQ(ModelConfig::load(folder / "config.json").sharcs->policy->kind, "full width");
}

TEST(Trainer, WritesEventsForTensorboardWhenAsked) {
  TinyTraining training;
  training.options.epochs = 1;
  training.options.tensorboard = true;
  const TemporaryFolder folder;
  training.run(folder.path());
  EXPECT_FALSE(std::filesystem::is_empty(folder / "tensorboard"));
}

TEST(Trainer, WidthLossWeightsAndLambdasWeigh) {
  TinyTraining training;
  training.options.epochs = 3;
  training.options.weight_decay = 0;
  training.options.task_loss_weight = 0;
  training.options.router_loss_weight = 0;
  Model model = training.model();
  const TemporaryFolder folder;
  model.save(folder / "before");
  training.run(folder / "run");
  EXPECT_EQ(greatest_difference(parameters_in(folder / "before"), parameters_in(folder / "run")), 0);
  training.options.task_loss_weight = 1;
  training.options.width_loss_weights = {1, 0};
  training.options.epochs = 1;  // full width only
  training.run(folder / "narrow only");
  EXPECT_EQ(greatest_difference(parameters_in(folder / "before"), parameters_in(folder / "narrow only")), 0);
}

std::string error_of(const TinyTraining& training, const std::filesystem::path& output) {
  return message_of([&] { training.run(output); });
}

TEST(Trainer, RefusesWhatDoesNotFitTogether) {
  const TemporaryFolder folder;
  const auto refused = [&](const auto& change) {
    TinyTraining training;
    change(training);
    const std::string message = error_of(training, folder / "run");
    EXPECT_FALSE(std::filesystem::exists(folder / "run")) << message;
    return message;
  };
  EXPECT_THAT(refused([](auto& t) {
                t.config.labels = {"yes", "no"};
              }),
              HasSubstr("label 0 of task own data is \"no\", of the model \"yes\""));
  EXPECT_THAT(refused([](auto& t) {
                t.config.labels = {"no", "yes", "maybe"};
              }),
              HasSubstr("label 2 of task own data is none, of the model \"maybe\""));
  EXPECT_THAT(refused([](auto& t) { t.config.labels = {"score"}; }),
              HasSubstr("is a classification, the model is made for a regression"));
  EXPECT_THAT(refused([](auto& t) { t.config.vocab_size = 20; }), HasSubstr("tokens, the model embeddings for 20"));
  EXPECT_THAT(refused([](auto& t) { t.options.max_length = 33; }),
              HasSubstr("\"max_length\" is 33, but the model has only 32 positions"));
  EXPECT_THAT(refused([](auto& t) { t.dev.samples[3].label.reset(); }), HasSubstr("dev.tsv: expected dev samples"));
  EXPECT_THAT(refused([](auto& t) { t.dev.samples.clear(); }), HasSubstr("dev.tsv: expected dev samples"));
  EXPECT_THAT(refused([](auto& t) { t.train.samples[3].label.reset(); }), HasSubstr("train.tsv:5: has no label"));
  EXPECT_THAT(refused([](auto& t) { t.train.samples.clear(); }), HasSubstr("train.tsv: 0 samples"));
  EXPECT_THAT(refused([](auto& t) { t.options.epochs = -1; }), HasSubstr("\"epochs\" is -1"));
  EXPECT_THAT(refused([](auto& t) { t.options.thresholds = {{0, 0.5}, {0.5, 1}}; }), HasSubstr("out of order"));

  TinyTraining regression(TaskKind::regression);
  regression.options.hardness_measure = HardnessMeasure::entropy;
  EXPECT_THAT(error_of(regression, folder / "run"), HasSubstr("is a regression, whose predictions have none"));
}

TEST(Trainer, StopsAtALossThatIsNotANumberAndKeepsTheCheckpoints) {
  TinyTraining training;
  training.options.learning_rate = 1e30;
  training.options.max_grad_norm = 0;
  training.options.warmup_ratio = 0.5;
  training.options.checkpoint_every_steps = 1;
  const TemporaryFolder folder;
  EXPECT_THAT(message_of<TrainingError>([&] { training.run(folder.path()); }),
              AllOf(HasSubstr("step "), HasSubstr("width 1: "), HasSubstr("loss is nan"),
                    HasSubstr("16 samples of train.tsv, on lines ")));
  EXPECT_FALSE(std::filesystem::is_empty(folder / "checkpoints"));
}

}  // namespace
}  // namespace sharcs::internal::trainer_test
