// Several ranks train as one process does. Here they are threads; tests/cli/ranks_test.cpp starts processes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <limits>
#include <numeric>

#include "core/threads.hpp"
#include "eval/dataset_runner.hpp"
#include "expect_error.hpp"
#include "formats/model_access.hpp"
#include "temporary_folder.hpp"
#include "train/step_runner.hpp"
#include "train/thread_ranks.hpp"
#include "train/tiny_training.hpp"

namespace sharcs::internal::ranks_test {
namespace {

using ::testing::HasSubstr;
using testing::result_of;
using testing::run_ranks;
using testing::TinyTraining;

TinyTraining with_dropout(TaskKind kind = TaskKind::classification) {
  TinyTraining training(kind);
  training.config.hidden_dropout_prob = 0.2;
  training.config.attention_probs_dropout_prob = 0.3;
  training.options.epochs = 3;
  training.options.window = 1;
  training.options.thresholds = {{0.5, 1.01}, {0, 0.55}};  // few steps are enough for samples at either width
  training.options.learning_rate = 2e-3;
  // Adam's steps are as long for a gradient that is nothing but rounding, unless epsilon is larger: RoBERTa's.
  training.options.adam_epsilon = 1e-6;
  return training;
}

PlannedBatch batch(int width, Index first, Index count) {
  PlannedBatch planned{
      .width = width, .samples = std::vector<Index>(static_cast<std::size_t>(count)), .whole_size = count};
  std::iota(planned.samples.begin(), planned.samples.end(), first);
  return planned;
}

struct AfterSteps {
  std::vector<float> parameters;
  HardnessState hardness;
  std::vector<BatchOutcome> outcomes;
};

/// Some steps of two rounds of both widths, one of a single sample.
AfterSteps steps(const TinyTraining& training, Communicator& ranks) {
  const ThreadScope threads(1);
  Model model = training.model();
  const TokenizedDataset data = tokenize(training.train, training.task, training.tokenizer, 32);
  HardnessHistory history(data.samples(), {.window = 1, .widths = {0.25, 1}, .thresholds = {{0.5, 1.01}, {0, 0.5}}});
  StepRunner runner(network_of(model), training.options, training.step_samples(data), ranks);
  const std::vector<WidthLabel> labels(96, WidthLabel::only(0));
  AfterSteps after;
  for (Index i = 0; i < 4; ++i) {
    const PlannedStep step = {batch(0, 24 * i, 7), batch(1, 24 * i + 7, 9), batch(0, 24 * i + 16, 1),
                              batch(1, 24 * i + 17, 7)};
    after.outcomes = runner.run({.batches = step, .number = i + 1, .learning_rate = 2e-3, .labels = labels}, history);
  }
  runner.catch_up();
  const auto values = network_of(model).values().buffer();
  after.parameters.assign(values.begin(), values.end());
  after.hardness = history.state();
  return after;
}

double greatest_difference(const std::vector<float>& a, const std::vector<float>& b) {
  EXPECT_EQ(a.size(), b.size());
  double greatest = 0;
  for (std::size_t i = 0; i < a.size(); ++i) greatest = std::max(greatest, std::abs(static_cast<double>(a[i] - b[i])));
  return greatest;
}

TEST(Ranks, StepsAreThoseOfOneProcess) {
  for (const auto& [sharding, kind] :
       {std::pair{Sharding::samples, TaskKind::classification}, std::pair{Sharding::samples, TaskKind::regression},
        std::pair{Sharding::micro_batches, TaskKind::classification}}) {
    TinyTraining training = with_dropout(kind);
    training.options.sharding = sharding;
    const AfterSteps alone = steps(training, Communicator::alone());
    for (const int count : {2, 3, 5}) {
      std::vector<AfterSteps> of_rank(static_cast<std::size_t>(count));
      run_ranks(count,
                [&](Communicator& ranks) { of_rank[static_cast<std::size_t>(ranks.rank())] = steps(training, ranks); });
      EXPECT_LT(greatest_difference(of_rank[0].parameters, alone.parameters), 1e-5) << count << " ranks";
      EXPECT_EQ(of_rank[0].hardness.current_steps, alone.hardness.current_steps);
      EXPECT_LT(greatest_difference(of_rank[0].hardness.current, alone.hardness.current), 1e-5) << count << " ranks";
      for (std::size_t i = 0; i < alone.outcomes.size(); ++i) {
        EXPECT_EQ(of_rank[0].outcomes[i].samples, alone.outcomes[i].samples);
        EXPECT_EQ(of_rank[0].outcomes[i].tokens, alone.outcomes[i].tokens);
        EXPECT_NEAR(of_rank[0].outcomes[i].task_loss, alone.outcomes[i].task_loss, 1e-5);
        EXPECT_NEAR(of_rank[0].outcomes[i].router_loss, alone.outcomes[i].router_loss, 1e-5);
      }
      for (const AfterSteps& other : of_rank) {
        EXPECT_EQ(other.parameters, of_rank[0].parameters) << "the ranks' models drift apart";
        EXPECT_EQ(other.hardness.current, of_rank[0].hardness.current);
      }
    }
  }
}

TEST(Ranks, StepsWithoutRouterAreThoseOfOneProcess) {
  TinyTraining training = with_dropout();
  training.config.sharcs = {};
  const auto last = [&](Communicator& ranks) {
    const ThreadScope threads(1);
    Model model = training.model();
    const TokenizedDataset data = tokenize(training.train, training.task, training.tokenizer, 32);
    HardnessHistory history(data.samples(), {.window = 1, .widths = {1}, .thresholds = {{0, 1.01}}});
    StepRunner runner(network_of(model), training.options, training.step_samples(data), ranks);
    const PlannedStep step = {batch(0, 0, 16)};
    runner.run({.batches = step, .number = 1, .learning_rate = 2e-3}, history);
    runner.catch_up();
    const auto values = network_of(model).values().buffer();
    return std::vector<float>(values.begin(), values.end());
  };
  std::vector<float> shared;
  run_ranks(2, [&](Communicator& ranks) {
    const std::vector<float> own = last(ranks);
    if (ranks.is_first()) shared = own;
  });
  EXPECT_LT(greatest_difference(shared, last(Communicator::alone())), 1e-5);
}

TEST(Ranks, LossThatIsNotFiniteOnOneStopsAllWithTheSameMessage) {
  const TinyTraining training = with_dropout();
  std::vector<std::string> messages(2);
  run_ranks(2, [&](Communicator& ranks) {
    const ThreadScope threads(1);
    Model model = training.model();
    network_of(model).values().values("bert.pooler.dense.bias")[0] = std::numeric_limits<float>::quiet_NaN();
    network_of(model).pack();
    const TokenizedDataset data = tokenize(training.train, training.task, training.tokenizer, 32);
    HardnessHistory history(data.samples(), {.window = 1, .widths = {0.25, 1}, .thresholds = {{0.5, 1.01}, {0, 0.5}}});
    StepRunner runner(network_of(model), training.options, training.step_samples(data), ranks);
    // Two micro-batches of one sample each: one rank has the first, the other the second, or neither.
    const PlannedStep step = {batch(0, 3, 1), batch(1, 4, 1)};
    messages[static_cast<std::size_t>(ranks.rank())] =
        message_of<TrainingError>([&] { runner.run({.batches = step, .number = 1, .learning_rate = 1e-3}, history); });
  });
  EXPECT_THAT(messages[0], HasSubstr("step 1, width 0.25: the task's loss is nan"));
  EXPECT_EQ(messages[0], messages[1]);
}

void expect_near(const Evaluation& found, const Evaluation& expected) {
  EXPECT_EQ(found.samples, expected.samples);
  EXPECT_EQ(found.routed, expected.routed);
  EXPECT_EQ(found.full, expected.full);
  EXPECT_EQ(found.cost_fraction, expected.cost_fraction);
}

TEST(Ranks, EvaluationIsThatOfOneProcess) {
  const TinyTraining training = with_dropout();
  const TokenizedDataset dev = tokenize(training.dev, training.task, training.tokenizer, 32);
  const Model model = training.model();
  const auto recorded = [&](Communicator& ranks) {
    const ThreadScope threads(1);
    return DatasetRunner(network_of(model).encoder(), dev, 64, ranks).record(training.task, "dev");
  };
  const auto routed = [](const Recording& recording) { return route(recording, Policy::router()); };
  const Recording alone = recorded(Communicator::alone());
  for (const int count : {2, 3, 50}) {
    run_ranks(count, [&](Communicator& ranks) {
      const Recording shared = recorded(ranks);
      expect_near(evaluate(shared, routed(shared)), evaluate(alone, routed(alone)));
      for (std::size_t width = 0; width < alone.answers.size(); ++width)
        EXPECT_LT(greatest_difference(shared.answers[width].logits, alone.answers[width].logits), 1e-5);
      EXPECT_LT(greatest_difference(shared.router_logits, alone.router_logits), 1e-5);
      EXPECT_EQ(routed(shared).answer_of_sample, routed(alone).answer_of_sample);
    });
  }
}

/// Trains with ranks, each of which is given an output folder of its own, "rank 0" and so on.
void train_with_ranks(
    const TinyTraining& training, int count, const std::filesystem::path& folder,
    const std::function<TrainingCallbacks(int)>& callbacks = [](int) { return TrainingCallbacks{}; }) {
  run_ranks(count, [&](Communicator& ranks) {
    training.run(folder / ("rank " + std::to_string(ranks.rank())), callbacks(ranks.rank()), ranks);
  });
}

void expect_same_training(const std::filesystem::path& found, const std::filesystem::path& expected) {
  const auto records = read_metrics(found / "metrics.jsonl"),
             expected_records = read_metrics(expected / "metrics.jsonl");
  ASSERT_EQ(records.size(), expected_records.size());
  for (std::size_t i = 0; i < records.size(); ++i) {
    EXPECT_EQ(records[i].samples, expected_records[i].samples);
    EXPECT_EQ(records[i].tokens, expected_records[i].tokens);
    EXPECT_EQ(records[i].steps, expected_records[i].steps);
    EXPECT_EQ(records[i].transitions, expected_records[i].transitions);
    EXPECT_NEAR(records[i].loss_task, expected_records[i].loss_task, 1e-5);
    for (std::size_t width = 0; width < records[i].widths.size(); ++width) {
      EXPECT_EQ(records[i].widths[width].samples, expected_records[i].widths[width].samples);
      EXPECT_EQ(records[i].widths[width].labelled, expected_records[i].widths[width].labelled);
    }
    expect_near(records[i].evaluations[0], expected_records[i].evaluations[0]);
  }
  const Model model = Model::load(found), expected_model = Model::load(expected);
  const auto values = network_of(model).values().buffer(),
             expected_values = network_of(expected_model).values().buffer();
  EXPECT_LT(greatest_difference({values.begin(), values.end()}, {expected_values.begin(), expected_values.end()}),
            1e-5);
}

TEST(Ranks, TrainingIsThatOfOneProcessAndTheFirstRankAloneWritesAndCallsBack) {
  for (const Sharding sharding : {Sharding::samples, Sharding::micro_batches}) {
    TinyTraining training = with_dropout();
    training.options.sharding = sharding;
    training.options.accumulation = 2;
    training.options.batch_size = 8;
    training.options.token_dropout = 0.1;
    training.options.full_width_share = 0.2;
    const TemporaryFolder folder;
    training.run(folder / "alone");
    const auto last = read_metrics(folder / "alone" / "metrics.jsonl").back();
    for (const WidthTraining& width : last.widths) ASSERT_GT(width.samples, 0) << "the widths take no part";
    int steps = 0, epochs = 0;
    train_with_ranks(training, 2, folder.path(), [&](int rank) {
      if (rank == 0)
        return TrainingCallbacks{.on_step = [&](const TrainingProgress&) { ++steps; },
                                 .on_epoch = [&](const EpochRecord&) { ++epochs; }};
      return TrainingCallbacks{.on_step = [](const TrainingProgress&) { ADD_FAILURE(); },
                               .on_epoch = [](const EpochRecord&) { ADD_FAILURE(); },
                               .on_note = [](std::string_view) { ADD_FAILURE(); }};
    });
    EXPECT_EQ(steps, last.total_steps);
    EXPECT_EQ(epochs, 3);
    expect_same_training(folder / "rank 0", folder / "alone");
    EXPECT_FALSE(std::filesystem::exists(folder / "rank 1"));
  }
}

TEST(Ranks, DistilledTrainingIsThatOfOneProcess) {
  for (const Sharding sharding : {Sharding::samples, Sharding::micro_batches}) {
    TinyTraining training = with_dropout();
    training.config.sharcs->exits = {1};
    training.config.sharcs->exit_scores = true;
    training.options.recipe = Recipe::distilled;
    training.options.hidden_loss_weight = 0.1;
    training.options.sharding = sharding;
    training.options.accumulation = 2;
    training.options.batch_size = 8;
    const TemporaryFolder folder;
    training.run(folder / "alone");
    train_with_ranks(training, 2, folder.path());
    expect_same_training(folder / "rank 0", folder / "alone");
  }
}

TEST(Ranks, StopOfOneStopsAllAfterTheSameStepAndAnyNumberResumes) {
  const TinyTraining training = with_dropout();
  const TemporaryFolder folder;
  training.run(folder / "alone");
  train_with_ranks(training, 2, folder / "never stopped");
  for (const int count : {1, 2, 3}) {
    const auto stopped = folder / ("resumed with " + std::to_string(count));
    run_ranks(2, [&](Communicator& ranks) {
      TrainingCallbacks callbacks;
      if (!ranks.is_first()) callbacks.should_stop = [left = 9]() mutable { return --left <= 0; };
      const TrainingOutcome outcome = training.run(stopped, callbacks, ranks);
      EXPECT_TRUE(outcome.stopped);
      EXPECT_EQ(outcome.steps, 9);
    });
    run_ranks(count, [&](Communicator& ranks) { training.resume(stopped, {}, ranks); });
    if (count == 2)
      EXPECT_EQ(result_of(stopped), result_of(folder / "never stopped" / "rank 0"));
    else
      expect_same_training(stopped, folder / "alone");
  }
}

}  // namespace
}  // namespace sharcs::internal::ranks_test
