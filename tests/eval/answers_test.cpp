#include <gtest/gtest.h>

#include "data/tokenized_dataset.hpp"
#include "eval/encoder_evaluation.hpp"
#include "model/small_models.hpp"
#include "sharcs/error.hpp"
#include "sharcs/evaluation.hpp"

namespace sharcs::internal {
namespace {

/// Two widths, four samples, two classes: the narrow width is right for samples 0 and 1, the wide one for 0, 2 and 3.
Answers four_samples() {
  Answers answers;
  answers.widths = {0.25, 1};
  answers.outputs = 2;
  answers.tokens = {1, 2, 3, 4};
  answers.labels = {1, 1, 0, 0};
  answers.logits = {{0, 1, 0, 1, 0, 1, 0, 1}, {0, 1, 1, 0, 1, 0, 1, 0}};
  answers.multiply_adds = {{10, 20, 30, 40}, {100, 200, 300, 400}};
  return answers;
}

Task two_classes() { return Task::custom({.labels = {"no", "yes"}, .metrics = {Metric::accuracy}}); }

TEST(Answers, MetricsFollowTheWidthOfEachSample) {
  const Answers answers = four_samples();
  const auto accuracy_at = [&](const std::vector<int>& widths) {
    return metrics_at(answers, two_classes(), widths).front().value;
  };
  EXPECT_DOUBLE_EQ(accuracy_at({0, 0, 0, 0}), 0.5);
  EXPECT_DOUBLE_EQ(accuracy_at({1, 1, 1, 1}), 0.75);
  EXPECT_DOUBLE_EQ(accuracy_at({0, 0, 1, 1}), 1);
  EXPECT_THROW(accuracy_at({0, 0, 1}), ShapeError);
}

TEST(Answers, CostIsTheChosenMultiplyAddsOverTheWidestOnes) {
  EXPECT_DOUBLE_EQ(cost_fraction(four_samples(), route(four_samples(), {1, 1, 1, 1})), 1);
  EXPECT_DOUBLE_EQ(cost_fraction(four_samples(), route(four_samples(), {0, 0, 1, 1})), 730.0 / 1000);
}

TEST(Answers, CascadePaysForEveryAttemptAndTheStemOnce) {
  Answers answers = four_samples();
  answers.router_logits = {1, 0, 1, 0, 1, 0, 0, 1};  // the first three to the narrow width
  answers.stem_multiply_adds = {1, 2, 3, 4};
  answers.logits[0] = {0, 5, 0, 0.1f, 0, 0, 0, 0};  // the first is sure of itself
  ModelConfig config = testing::small_config();
  config.sharcs->width_mult_list = {1.0 / 3, 1};
  const Routing routing = route(answers, WidthSet(config), RoutingPolicy::argmax().cascade(0.9));
  EXPECT_EQ(routing.width_of_sample, (std::vector<int>{0, 1, 1, 1}));
  EXPECT_EQ(routing.multiply_adds, (std::vector<std::int64_t>{10, 20 + 200 - 2, 30 + 300 - 3, 400}));
  EXPECT_DOUBLE_EQ(cost_fraction(answers, routing), (10 + 218 + 327 + 400) / 1000.0);
  EXPECT_EQ(routing.runs, (std::vector<std::int64_t>{3, 3})) << "two samples were run at both";
}

TEST(Answers, WidthsThatDoNotExistAreRefused) {
  EXPECT_THROW(route(four_samples(), {0, 0, 0, 2}), ShapeError);
  EXPECT_THROW(route(four_samples(), {0, 0, 0}), ShapeError);
}

/// The small model over labelled samples that it has never seen.
struct Fixture {
  Network<float> network{testing::small_config()};
  Task task = Task::custom({.labels = {"a", "b", "c"}, .metrics = {Metric::accuracy}});
  TokenizedDataset dataset;

  Fixture() {
    testing::randomise(network);
    std::vector<Index> lengths;
    for (int i = 0; i < 40; ++i) lengths.push_back(1 + i % 9);
    dataset.tokens = testing::random_batch(network.config(), lengths);
    for (std::size_t i = 0; i < lengths.size(); ++i) {
      dataset.lengths.push_back(static_cast<std::int32_t>(lengths[i]));
      dataset.labels.push_back(static_cast<std::int32_t>(i % 3));
    }
  }
  Evaluation evaluate_with(const RoutingPolicy& policy) const {
    return evaluate(network.encoder(), task, dataset, policy, 17, {});
  }
};

TEST(EncoderEvaluation, ForcedWidthGivesThatWidthsMetricsAndCost) {
  const Fixture fixture;
  for (const Width& width : fixture.network.widths()) {
    const Evaluation found = fixture.evaluate_with(RoutingPolicy::fixed(width.fraction()));
    const WidthEvaluation& here = found.record.widths[static_cast<std::size_t>(width.index())];
    EXPECT_EQ(found.record.routed, here.all);
    EXPECT_EQ(here.routed, here.all);
    EXPECT_EQ(here.samples, 40);
    EXPECT_DOUBLE_EQ(found.record.cost_fraction, here.cost_fraction);
  }
}

TEST(EncoderEvaluation, RoutedMetricsAreThoseOfTheShares) {
  const Fixture fixture;
  const auto by_length = RoutingPolicy::custom([](const RoutingQuery& query) { return query.tokens % 3; }, "length");
  const Evaluation found = fixture.evaluate_with(by_length);
  double right = 0, samples = 0;
  for (const WidthEvaluation& width : found.record.widths) {
    right += width.routed.at("accuracy") * static_cast<double>(width.samples);
    samples += static_cast<double>(width.samples);
  }
  EXPECT_EQ(samples, 40);
  EXPECT_NEAR(found.record.routed.at("accuracy"), right / samples, 1e-12);
  EXPECT_EQ(found.record.full, found.record.widths.back().all);
  EXPECT_LT(found.record.cost_fraction, 1);
  EXPECT_EQ(found.record.widths[0].calibration.size(), 10u);
}

TEST(EncoderEvaluation, CascadeSpreadsTheSamplesAndCostsMoreThanItsLastAttempts) {
  const Fixture fixture;
  const auto by_length = [](const EscalationQuery& query) {
    return query.width < query.routing.tokens % 3 ? query.width + 1 : query.width;
  };
  const Evaluation found = fixture.evaluate_with(RoutingPolicy::fixed(1.0 / 3).escalating(by_length, "by length"));
  const auto ended_at = [&](int width) { return std::ranges::count(found.routing.width_of_sample, width); };
  for (int width = 0; width < 3; ++width) EXPECT_GT(ended_at(width), 0) << "width " << width;
  EXPECT_GT(found.record.cost_fraction,
            cost_fraction(found.answers, route(found.answers, found.routing.width_of_sample)));
}

TEST(EncoderEvaluation, SamplesWithoutLabelsAreRefused) {
  Fixture fixture;
  fixture.dataset.labels.clear();
  EXPECT_THROW(fixture.evaluate_with(RoutingPolicy::argmax()), DataError);
}

}  // namespace
}  // namespace sharcs::internal
