#include "train/gradient_accumulator.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "model/small_models.hpp"

namespace sharcs::internal::gradient_accumulator_test {
namespace {

using testing::random_batch;
using testing::randomise;
using testing::small_config;

ModelConfig config_with_dropout() {
  ModelConfig config = small_config();
  config.hidden_dropout_prob = 0.2;
  config.attention_probs_dropout_prob = 0.3;
  return config;
}

struct Result {
  MicroBatchOutcome outcome;
  std::vector<float> gradients;
};

/// One micro-batch of five samples at the second width.
Result run(const ModelConfig& config, const AccumulatorOptions& options, bool with_width_labels = true) {
  Network<float> network(config);
  randomise(network);
  const RaggedBatch batch = random_batch(config, {4, 6, 3, 9, 1});
  const std::vector<std::int32_t> labels = {0, 2, 1, 1, 0};
  const std::vector<float> targets = {0.5f, -1, 2, 0.25f, 0, 1, 3, -0.5f, 0.75f, -2};
  const std::vector<float> width_labels = {1, 0, 0, 1, 1, 0, 0, 0, 1, 0, 1, 1, 1, 0, 0};
  GradientAccumulator<float> accumulator(network, options);
  Result result;
  result.outcome =
      accumulator.add({.width = network.widths()[1],
                       .tokens = batch,
                       .labels = labels,
                       .targets = targets,
                       .width_labels = with_width_labels ? MatrixView<const float>(width_labels.data(), 5, 3)
                                                         : MatrixView<const float>(),
                       .task_weight = 0.2,
                       .router_weight = 0.4,
                       .dropout_key = 5});
  const auto values = accumulator.gradients().values().buffer();
  result.gradients.assign(values.begin(), values.end());
  return result;
}

TEST(GradientAccumulator, RecomputedActivationsGiveTheSameBits) {
  const Result kept = run(config_with_dropout(), {});
  const Result recomputed = run(config_with_dropout(), {.activations = Activations::recompute});
  EXPECT_EQ(kept.gradients, recomputed.gradients);
  EXPECT_EQ(kept.outcome.task_loss, recomputed.outcome.task_loss);
}

TEST(GradientAccumulator, PiecesAddUpToTheWholeMicroBatch) {
  const Result whole = run(config_with_dropout(), {});
  for (const Index piece_tokens : {1, 10, 14}) {
    const Result pieces = run(config_with_dropout(), {.piece_tokens = piece_tokens});
    EXPECT_NEAR(pieces.outcome.task_loss, whole.outcome.task_loss, 1e-5);
    EXPECT_NEAR(pieces.outcome.router_loss, whole.outcome.router_loss, 1e-5);
    for (std::size_t i = 0; i < 5; ++i)
      EXPECT_NEAR(pieces.outcome.confidence_or_error.at(i), whole.outcome.confidence_or_error.at(i), 1e-5);
    ASSERT_EQ(pieces.gradients.size(), whole.gradients.size());
    for (std::size_t i = 0; i < whole.gradients.size(); ++i)
      ASSERT_NEAR(pieces.gradients[i], whole.gradients[i], 1e-5 * std::max(1.0f, std::abs(whole.gradients[i])));
  }
}

TEST(GradientAccumulator, ReportsTheTrueClassAndTheEntropyOfEachSample) {
  const Result result = run(small_config(), {});
  double loss = 0;
  for (std::size_t i = 0; i < 5; ++i) {
    loss -= std::log(static_cast<double>(result.outcome.confidence_or_error.at(i)));
    EXPECT_GE(result.outcome.entropy.at(i), 0);
    EXPECT_LE(result.outcome.entropy.at(i), std::log(3.0) + 1e-6);
  }
  EXPECT_NEAR(loss, result.outcome.task_loss, 1e-5);
}

ModelConfig multi_label_config() {
  ModelConfig config = small_config();
  config.multi_label = true;
  config.sharcs->exits = {1, 2};
  return config;
}

/// Two samples with the sets {0, 2} and {} in double, the widths distilled and the exits trained.
double multi_label_loss(const Network<double>& network, std::vector<double>* gradients) {
  const RaggedBatch batch = random_batch(network.config(), {4, 6});
  const std::vector<std::int32_t> sets = {0b101, 0};
  GradientAccumulator<double> accumulator(network, {.dropout = false});
  const MicroBatchOutcome outcome = accumulator.add(
      {.width = network.widths().widest(), .tokens = batch, .labels = sets, .targets = {}, .task_weight = 1});
  const auto values = accumulator.gradients().values().buffer();
  if (gradients != nullptr) gradients->assign(values.begin(), values.end());
  return outcome.task_loss;
}

TEST(GradientAccumulator, GradientsOfAMultiLabelModelAreTheFiniteDifferences) {
  Network<double> network(multi_label_config());
  randomise(network);
  std::vector<double> gradients;
  multi_label_loss(network, &gradients);
  const auto parameters = network.values().buffer();
  Random random(3);
  for (int i = 0; i < 120; ++i) {
    const auto at = static_cast<std::size_t>(random.below(parameters.size()));
    const double before = parameters[at], h = 1e-5;
    const auto loss_at = [&](double value) {
      parameters[at] = value;
      network.pack();
      return multi_label_loss(network, nullptr);
    };
    const double above = loss_at(before + h), below = loss_at(before - h);
    loss_at(before);
    EXPECT_NEAR(gradients[at], (above - below) / (2 * h), 1e-6) << at;
  }
}

TEST(GradientAccumulator, TellsWhichSetsOfLabelsAreRight) {
  const ModelConfig config = multi_label_config();
  Network<float> network(config);
  randomise(network);
  const RaggedBatch batch = random_batch(config, {4, 6, 3, 9, 1});
  const auto add = [&](const std::vector<std::int32_t>& sets) {
    GradientAccumulator<float> accumulator(network, {.dropout = false});
    return accumulator.add({.width = network.widths().widest(),
                            .tokens = batch,
                            .labels = sets,
                            .targets = {},
                            .distillation = Distillation{},
                            .exits = ExitLosses::joint,
                            .task_weight = 1});
  };
  // Each sample's set is found by trying all eight: a narrow width is right about one of them.
  for (std::size_t width = 0; width < 2; ++width)
    for (std::size_t sample = 0; sample < 5; ++sample) {
      int right = 0;
      for (std::int32_t set = 0; set < 8; ++set)
        right += add({set, set, set, set, set}).narrow_right[width][sample] > 0;
      EXPECT_EQ(right, 1);
    }
  const MicroBatchOutcome outcome = add({0b101, 0, 0b010, 0b111, 0});
  EXPECT_TRUE(outcome.entropy.empty());
  for (const float confidence : outcome.confidence_or_error) {
    EXPECT_GT(confidence, 0);
    EXPECT_LT(confidence, 1);
  }
}

TEST(GradientAccumulator, ReportsTheErrorsOfARegression) {
  ModelConfig config = small_config();
  config.labels = {"score"};
  const Result result = run(config, {});
  double loss = 0;
  for (const float error : result.outcome.confidence_or_error)
    loss += static_cast<double>(error) * static_cast<double>(error);
  EXPECT_NEAR(loss, result.outcome.task_loss, 1e-4);
  EXPECT_TRUE(result.outcome.entropy.empty());
}

TEST(GradientAccumulator, ReportsTheDistancesOfARegressionWithSeveralOutputs) {
  ModelConfig config = small_config();
  config.labels = {"joy", "anger"};
  config.multi_output = true;
  const Result result = run(config, {});
  double loss = 0;
  for (const float error : result.outcome.confidence_or_error)
    loss += static_cast<double>(error) * static_cast<double>(error);
  EXPECT_NEAR(loss, result.outcome.task_loss, 1e-4);
}

/// The same samples at all widths, with two exits.
Result distil(const AccumulatorOptions& options, ExitLosses exits, bool targets_are_known = true) {
  ModelConfig config = config_with_dropout();
  config.sharcs->exits = {1, 2};
  config.sharcs->exit_scores = true;
  Network<float> network(config);
  randomise(network);
  const RaggedBatch batch = random_batch(config, {4, 6, 3, 9, 1});
  const std::vector<std::int32_t> labels = {0, 2, 1, 1, 0};
  const std::vector<float> class_weights = {0.5f, 1, 2};
  std::vector<float> width_labels = {1, 0, 0, 1, 1, 0, 0, 0, 1, 0, 1, 1, 1, 0, 0};
  if (!targets_are_known) width_labels.assign(15, std::nanf(""));
  GradientAccumulator<float> accumulator(network, options);
  Result result;
  result.outcome = accumulator.add({.width = network.widths().widest(),
                                    .tokens = batch,
                                    .labels = labels,
                                    .targets = {},
                                    .class_weights = class_weights,
                                    .distillation = Distillation{.hidden_weight = 0.1},
                                    .exits = exits,
                                    .width_labels = {width_labels.data(), 5, 3},
                                    .task_weight = 0.2,
                                    .router_weight = 0.4,
                                    .dropout_key = 5});
  const auto values = accumulator.gradients().values().buffer();
  result.gradients.assign(values.begin(), values.end());
  return result;
}

TEST(GradientAccumulator, PiecesOfADistilledMicroBatchAddUpToTheWhole) {
  for (const bool targets_are_known : {true, false}) {
    const Result whole = distil({}, ExitLosses::joint, targets_are_known);
    ASSERT_EQ(whole.outcome.narrow_losses.size(), 2u);
    for (const Index piece_tokens : {1, 10, 14}) {
      const Result pieces = distil({.piece_tokens = piece_tokens}, ExitLosses::joint, targets_are_known);
      EXPECT_NEAR(pieces.outcome.task_loss, whole.outcome.task_loss, 1e-5);
      EXPECT_NEAR(pieces.outcome.router_loss, whole.outcome.router_loss, 1e-5);
      EXPECT_EQ(pieces.outcome.narrow_right, whole.outcome.narrow_right);
      for (std::size_t w = 0; w < 2; ++w)
        EXPECT_NEAR(pieces.outcome.narrow_losses[w], whole.outcome.narrow_losses[w], 1e-5);
      for (std::size_t i = 0; i < whole.gradients.size(); ++i)
        ASSERT_NEAR(pieces.gradients[i], whole.gradients[i], 1e-5 * std::max(1.0f, std::abs(whole.gradients[i])));
    }
  }
}

TEST(GradientAccumulator, RecomputedActivationsOfADistilledMicroBatchGiveTheSameBits) {
  EXPECT_EQ(distil({}, ExitLosses::joint).gradients,
            distil({.activations = Activations::recompute}, ExitLosses::joint).gradients);
}

TEST(GradientAccumulator, TellsForEachNarrowWidthWhichSamplesItHasRight) {
  const Result result = distil({.dropout = false}, ExitLosses::none, false);
  ASSERT_EQ(result.outcome.narrow_right.size(), 2u);
  for (const std::vector<float>& right : result.outcome.narrow_right) {
    ASSERT_EQ(right.size(), 5u);
    for (const float each : right) EXPECT_TRUE(each == 0 || each == 1);
  }
}

TEST(GradientAccumulator, ExitsAloneAreReachedByNothingElseAndReachNothingElse) {
  ModelConfig config = small_config();
  config.sharcs->exits = {1, 2};
  for (const ExitLosses exits : {ExitLosses::alone, ExitLosses::alone_from_full_width}) {
    Network<float> network(config);
    randomise(network);
    const RaggedBatch batch = random_batch(config, {4, 6});
    GradientAccumulator<float> accumulator(network, {});
    const std::vector<std::int32_t> labels = {0, 2};
    accumulator.add(
        {.width = network.widths().widest(), .tokens = batch, .labels = labels, .targets = {}, .exits = exits});
    const auto specs = network.layout().specs();
    for (std::size_t i = 0; i < specs.size(); ++i) {
      const bool is_exit = specs[i].component == Component::exit;
      EXPECT_EQ(accumulator.gradients().participates()[i], is_exit) << specs[i].name;
      const auto values = accumulator.gradients().values().values(i);
      EXPECT_EQ(std::ranges::any_of(values, [](float g) { return g != 0; }), is_exit) << specs[i].name;
    }
  }
}

TEST(GradientAccumulator, OnlyWhatAStepReachesTakesPart) {
  const ModelConfig config = small_config();
  Network<float> network(config);
  randomise(network);
  const RaggedBatch batch = random_batch(config, {4, 6});
  GradientAccumulator<float> accumulator(network, {});
  const std::vector<std::int32_t> labels = {0, 2};
  accumulator.add({.width = network.widths()[1], .tokens = batch, .labels = labels, .targets = {}});
  const auto specs = network.layout().specs();
  for (std::size_t i = 0; i < specs.size(); ++i) {
    const bool reached = specs[i].component == Component::encoder && (specs[i].width < 0 || specs[i].width == 1);
    EXPECT_EQ(accumulator.gradients().participates()[i], reached) << specs[i].name;
    if (reached) continue;
    for (const float g : accumulator.gradients().values().values(i)) EXPECT_EQ(g, 0) << specs[i].name;
  }
}

}  // namespace
}  // namespace sharcs::internal::gradient_accumulator_test
