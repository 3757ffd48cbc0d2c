#include "train/importance.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "model/answer_guides.hpp"
#include "model/small_models.hpp"

namespace sharcs::internal::importance_test {
namespace {

/// Numbers of which no two are equal, in no order.
std::vector<double> some_importance(std::size_t count, std::uint64_t seed) {
  std::vector<double> values(count);
  std::iota(values.begin(), values.end(), 1.0);
  Random random(seed);
  random.shuffle(values);
  return values;
}

Importance some_importance(const ModelConfig& config) {
  Importance importance;
  for (int layer = 0; layer < config.num_hidden_layers; ++layer) {
    const auto seed = static_cast<std::uint64_t>(layer);
    importance.heads.push_back(some_importance(static_cast<std::size_t>(config.num_attention_heads), 10 + seed));
    importance.neurons.push_back(some_importance(static_cast<std::size_t>(config.intermediate_size), 20 + seed));
  }
  importance.dimensions = some_importance(static_cast<std::size_t>(config.hidden_size), 30);
  return importance;
}

/// The logits of three samples for one answer.
std::vector<double> logits_of(const Network<double>& network, int answer) {
  Workspace workspace;
  AnsweredBatch<double> output;
  testing::OneAnswer<double> guide(answer);
  run_answers<double>(network.encoder(), testing::random_batch(network.config(), {5, 1, 7}), guide, workspace, output);
  return output.logits;
}

double greatest_difference(const std::vector<double>& a, const std::vector<double>& b) {
  double greatest = 0;
  for (std::size_t i = 0; i < a.size(); ++i) greatest = std::max(greatest, std::abs(a[i] - b[i]));
  return greatest;
}

ModelConfig with_exits(ModelConfig config, FullWidthNorm norm) {
  config.sharcs->exits = {1, 2};
  config.sharcs->exit_scores = true;
  config.sharcs->full_width_norm = norm;
  return config;
}

class EveryBackbonesReordering : public ::testing::TestWithParam<std::string> {
 protected:
  std::vector<ModelConfig> configs() const {
    const ModelConfig small = testing::small_config_of(GetParam());
    ModelConfig plain = small;
    plain.sharcs.reset();
    ModelConfig masks = with_exits(small, FullWidthNorm::plain);
    masks.sharcs->exit_scores = false;
    masks.per_token = masks.fills_masks = true;
    masks.labels.clear();
    return {plain, with_exits(small, FullWidthNorm::plain), with_exits(small, FullWidthNorm::private_), masks};
  }
};

TEST_P(EveryBackbonesReordering, LeavesFullWidthAndItsExitsAsTheyAreAndChangesNarrowWidths) {
  for (const ModelConfig& config : configs()) {
    for (const Reordering what : {Reordering::heads_and_neurons, Reordering::all}) {
      Network<double> network(config);
      testing::randomise(network);
      const std::vector<Answer> answers = answers_of(config);
      std::vector<std::vector<double>> before;
      for (int a = 0; a < std::ssize(answers); ++a) before.push_back(logits_of(network, a));
      reorder(network, NewOrder::of(config, some_importance(config), what));
      for (int a = 0; a < std::ssize(answers); ++a) {
        const Answer& answer = answers[static_cast<std::size_t>(a)];
        const double moved = greatest_difference(logits_of(network, a), before[static_cast<std::size_t>(a)]);
        if (answer.is_exit() || a + 1 == std::ssize(answers))
          EXPECT_LT(moved, 1e-11) << answer.name;
        else
          EXPECT_GT(moved, 1e-3) << answer.name;
      }
    }
  }
}

TEST_P(EveryBackbonesReordering, OfTheDimensionsOfWholeTokenVectorsLeavesNarrowWidthsAsTheyAre) {
  for (const FullWidthNorm norm : {FullWidthNorm::plain, FullWidthNorm::private_}) {
    ModelConfig config = with_exits(testing::small_config_of(GetParam()), norm);
    config.sharcs->slice_hidden = false;
    Network<double> network(config);
    testing::randomise(network);
    const Importance importance = some_importance(config);
    NewOrder order = NewOrder::of(config, importance, Reordering::none);
    // Narrow widths' LayerNorms start from full width's.
    for (Index i = 0; i < config.hidden_size; ++i) order.dimensions.push_back(i);
    reorder(network, order);
    const std::vector<Answer> answers = answers_of(config);
    std::vector<std::vector<double>> before;
    for (int a = 0; a < std::ssize(answers); ++a) before.push_back(logits_of(network, a));
    order.dimensions = NewOrder::of(config, importance, Reordering::all).dimensions;
    reorder(network, order);
    for (int a = 0; a < std::ssize(answers); ++a)
      EXPECT_LT(greatest_difference(logits_of(network, a), before[static_cast<std::size_t>(a)]), 1e-11)
          << answers[static_cast<std::size_t>(a)].name;
  }
}

TEST_P(EveryBackbonesReordering, AnOrderAndItsInverseGiveTheParametersBack) {
  for (const ModelConfig& config : configs()) {
    Network<double> network(config);
    testing::randomise(network);
    ParameterStore<double>& values = network.values();
    const std::vector<double> before(values.buffer().begin(), values.buffer().end());
    const NewOrder order = NewOrder::of(config, some_importance(config), Reordering::all);
    const auto inverse = [](const std::vector<Index>& of) {
      std::vector<Index> places(of.size());
      for (std::size_t i = 0; i < of.size(); ++i) places[static_cast<std::size_t>(of[i])] = static_cast<Index>(i);
      return places;
    };
    NewOrder back;
    for (const auto& heads : order.heads) back.heads.push_back(inverse(heads));
    for (const auto& neurons : order.neurons) back.neurons.push_back(inverse(neurons));
    back.dimensions = inverse(order.dimensions);
    reorder(values, config, order);
    EXPECT_FALSE(std::ranges::equal(values.buffer(), before));
    reorder(values, config, back);
    EXPECT_TRUE(std::ranges::equal(values.buffer(), before));
  }
}

INSTANTIATE_TEST_SUITE_P(All, EveryBackbonesReordering, ::testing::ValuesIn(testing::every_model_type()),
                         testing::test_name_of);

TEST(NewOrder, PutsTheMostImportantFirst) {
  const ModelConfig config = testing::small_config();
  const NewOrder order = NewOrder::of(config, some_importance(config), Reordering::all);
  const Importance importance = some_importance(config);
  const auto is_descending = [](const std::vector<Index>& places, const std::vector<double>& of) {
    return std::ranges::is_sorted(places, std::greater<>(), [&](Index i) { return of[static_cast<std::size_t>(i)]; });
  };
  for (std::size_t layer = 0; layer < 3; ++layer) {
    EXPECT_TRUE(is_descending(order.heads[layer], importance.heads[layer]));
    EXPECT_TRUE(is_descending(order.neurons[layer], importance.neurons[layer]));
  }
  EXPECT_TRUE(is_descending(order.dimensions, importance.dimensions));
  EXPECT_TRUE(NewOrder::of(config, importance, Reordering::heads_and_neurons).dimensions.empty());
}

TEST(NewOrder, IsOneForAllHeadsWhereLayersShareARelativeBias) {
  Importance importance = some_importance(testing::small_config());
  importance.heads = {{1, 3, 2}, {2, 1, 5}, {0, 1, 2}};
  using Orders = std::vector<std::vector<Index>>;
  const auto heads_of = [&](ModelConfig config) {
    config.sharcs.reset();
    return NewOrder::of(config, importance, Reordering::heads_and_neurons).heads;
  };
  EXPECT_EQ(heads_of(testing::small_config_of("bert")), (Orders{{1, 2, 0}, {2, 0, 1}, {2, 1, 0}}));
  // Each layer counts alike: 1/6 + 2/8 + 0, 3/6 + 1/8 + 1/3 and 2/6 + 5/8 + 2/3.
  EXPECT_EQ(heads_of(testing::small_config_of("mpnet")), Orders(3, {2, 1, 0}));
}

TEST(Importance, OfDimensionsAddsUpOverBatches) {
  ModelConfig config = testing::small_config();
  Network<double> network(config);
  testing::randomise(network);
  ImportanceMeter<double> meter(network);
  const std::vector<std::int32_t> labels = {0, 2, 1};
  meter.add(testing::random_batch(config, {5, 1, 7}), labels, {});
  const Importance once = meter.importance();
  ASSERT_EQ(once.dimensions.size(), 12u);
  for (const double value : once.dimensions) EXPECT_GT(value, 0);
  meter.add(testing::random_batch(config, {5, 1, 7}), labels, {});
  for (std::size_t d = 0; d < 12; ++d) EXPECT_NEAR(meter.importance().dimensions[d], 2 * once.dimensions[d], 1e-12);
}

}  // namespace
}  // namespace sharcs::internal::importance_test
