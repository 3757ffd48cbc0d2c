#include "train/step_runner.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/threads.hpp"
#include "expect_error.hpp"
#include "formats/model_access.hpp"
#include "model/training_pass.hpp"
#include "train/tiny_training.hpp"

namespace sharcs::internal::step_runner_test {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using testing::TinyTraining;

/// A model without dropout, its data, and a runner.
struct Bench {
  TinyTraining training;
  Model model;
  TokenizedDataset data;
  HardnessHistory history;
  StepRunner runner;
  ThreadScope threads{1};

  explicit Bench(const TrainingOptions& options = {.recipe = Recipe::sharcs, .max_grad_norm = 0})
      : training(without_dropout()),
        model(training.model()),
        data(tokenize(training.train, training.task, training.tokenizer, 32)),
        history(data.samples(), {.window = 1, .widths = {0.25, 1}, .thresholds = {{0.5, 1.01}, {0, 0.5}}}),
        runner(network_of(model), options, training.step_samples(data)) {}

  static TinyTraining without_dropout() {
    TinyTraining tiny;
    tiny.config.hidden_dropout_prob = tiny.config.attention_probs_dropout_prob = 0;
    return tiny;
  }

  /// Steps once and returns the parameters.
  std::vector<float> after(const PlannedStep& step, std::span<const WidthLabel> labels = {}, double rate = 1e-3) {
    runner.run({.batches = step, .number = 1, .learning_rate = rate, .labels = labels}, history);
    runner.catch_up();
    const auto values = network_of(model).values().buffer();
    return {values.begin(), values.end()};
  }
};

PlannedBatch batch(int width, Index first, Index count) {
  PlannedBatch planned{
      .width = width, .samples = std::vector<Index>(static_cast<std::size_t>(count)), .whole_size = count};
  std::iota(planned.samples.begin(), planned.samples.end(), first);
  return planned;
}

double greatest_difference(const std::vector<float>& a, const std::vector<float>& b) {
  double greatest = 0;
  for (std::size_t i = 0; i < a.size(); ++i) greatest = std::max(greatest, std::abs(static_cast<double>(a[i] - b[i])));
  return greatest;
}

TEST(StepRunner, MicroBatchesOfAStepWeighAsOneLargerBatch) {
  const auto large = Bench().after({batch(1, 0, 16)});
  const auto accumulated = Bench().after({batch(1, 0, 8), batch(1, 8, 8)});
  // Adam divides by the gradient's size: where that is near zero, rounding becomes visible.
  EXPECT_LT(greatest_difference(large, accumulated), 1e-5);
  EXPECT_GT(greatest_difference(large, Bench().after({batch(1, 0, 8)})), 1e-4);
}

TEST(StepRunner, LongGradientsAreCutToTheGreatestLength) {
  // One step of SGD would show the length; one step of Adam hardly does, unless epsilon dwarfs the gradient.
  const auto moved = [](double max_grad_norm) {
    Bench bench({.weight_decay = 0, .adam_beta1 = 0, .adam_epsilon = 1e6, .max_grad_norm = max_grad_norm});
    const auto values = network_of(bench.model).values().buffer();
    const std::vector<float> before(values.begin(), values.end());
    const auto after = bench.after({batch(1, 0, 16)}, {}, 1e6);
    double sum = 0;
    for (std::size_t i = 0; i < before.size(); ++i) sum += std::pow(static_cast<double>(after[i] - before[i]), 2);
    return std::sqrt(sum);
  };
  const double whole = moved(0);
  const double length = whole / std::sqrt(1 - 0.999);  // the first step's bias correction
  EXPECT_NEAR(moved(2 * length), whole, 1e-3 * whole);
  EXPECT_NEAR(moved(length / 2), whole / 2, 1e-3 * whole);
  EXPECT_NEAR(moved(length / 10), whole / 10, 1e-3 * whole);
}

TEST(StepRunner, RecordsTheConfidenceOfEverySampleOfTheStep) {
  Bench bench;
  const PlannedStep step = {batch(0, 0, 4), batch(1, 4, 4)};
  bench.runner.run({.batches = step, .number = 7, .learning_rate = 1e-3}, bench.history);
  const HardnessState& state = bench.history.state();
  for (std::size_t i = 0; i < state.current.size(); ++i) {
    EXPECT_EQ(state.current_steps[i], i < 8 ? 7 : -1);
    if (i < 8) {
      EXPECT_TRUE(state.current[i] > 0 && state.current[i] < 1);
    }
  }
}

TEST(StepRunner, RecordsOfARegressionHowLargeTheErrorsAreBesideTheScale) {
  TinyTraining training(TaskKind::regression);
  training.config.hidden_dropout_prob = training.config.attention_probs_dropout_prob = 0;
  const TokenizedDataset data = tokenize(training.train, training.task, training.tokenizer, 32);
  const PlannedStep step = {batch(1, 0, 16)};
  for (const double scale : {0.5, 2.0}) {
    Model model = training.model();
    Workspace workspace;
    TrainingPass<float> pass(network_of(model).encoder(), workspace);
    const RaggedBatch tokens = data.gather(step[0].samples);
    pass.forward(tokens, model.widths()[1], {});
    std::vector<double> expected;
    for (std::size_t i = 0; i < 16; ++i)
      expected.push_back(std::exp(-std::abs(static_cast<double>(pass.logits().data[i] - data.targets[i])) / scale));

    HardnessHistory history(data.samples(), {.window = 1, .widths = {0.25, 1}, .thresholds = {{0.5, 1.01}, {0, 0.5}}});
    StepRunner runner(network_of(model), training.options, training.step_samples(data, scale));
    runner.run({.batches = step, .number = 1, .learning_rate = 1e-3}, history);
    for (std::size_t i = 0; i < 16; ++i) EXPECT_NEAR(history.state().current[i], expected[i], 1e-5) << scale;
  }
}

TEST(StepRunner, RouterIsTrainedOnlyWhereThereAreLabels) {
  const auto moves_router = [](std::span<const WidthLabel> labels) {
    Bench bench;
    const ParameterStore<float>& values = network_of(bench.model).values();
    const auto router = static_cast<std::size_t>(values.layout().find("bert.encoder.layer.0.output.router.0.weight"));
    const std::vector<float> before(values.values(router).begin(), values.values(router).end());
    const PlannedStep step = {batch(1, 0, 16)};
    const auto outcomes =
        bench.runner.run({.batches = step, .number = 1, .learning_rate = 1e-3, .labels = labels}, bench.history);
    EXPECT_EQ(outcomes.at(0).router_loss > 0, !labels.empty());
    return !std::ranges::equal(before, values.values(router));
  };
  EXPECT_FALSE(moves_router({}));
  EXPECT_TRUE(moves_router(std::vector<WidthLabel>(96, WidthLabel::only(0))));
}

TEST(StepRunner, ReorderingMovesTheMomentsAlongAndLeavesTheTrainingOfFullWidthAsItIs) {
  for (const Reordering what : {Reordering::heads_and_neurons, Reordering::all}) {
    const auto logits_after = [&](bool reorders) {
      Bench bench({.adam_epsilon = 1e-6});
      const std::vector<PlannedStep> steps = {{batch(1, 0, 16)}, {batch(1, 16, 16)}, {batch(1, 32, 16)}};
      bench.after(steps[0]);
      const std::vector<float> before = bench.after(steps[1]);
      if (reorders) bench.runner.reorder(steps, what);
      const auto values = network_of(bench.model).values().buffer();
      EXPECT_EQ(std::ranges::equal(before, values), !reorders);
      bench.after(steps[1]);
      bench.after(steps[2]);
      Workspace workspace;
      TrainingPass<float> pass(network_of(bench.model).encoder(), workspace);
      const RaggedBatch tokens = bench.data.gather(steps[0][0].samples);
      pass.forward(tokens, bench.model.widths()[1], {});
      const MatrixView<const float> logits = pass.logits();
      return std::vector<float>(logits.data, logits.data + logits.rows * logits.cols);
    };
    EXPECT_LT(greatest_difference(logits_after(true), logits_after(false)), 2e-4);
  }
}

TEST(StepRunner, NamesStepWidthAndSamplesWhenTheLossIsNotFinite) {
  Bench bench;
  network_of(bench.model).values().values("bert.pooler.dense.bias")[0] = std::numeric_limits<float>::quiet_NaN();
  network_of(bench.model).pack();
  EXPECT_THAT(message_of<TrainingError>([&] { bench.after({batch(0, 3, 2)}); }),
              AllOf(HasSubstr("step 1, width 0.25: the task's loss is nan"),
                    HasSubstr("2 samples of train.tsv, on lines 5, 6")));
}

}  // namespace
}  // namespace sharcs::internal::step_runner_test
