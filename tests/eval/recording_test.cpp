#include <gtest/gtest.h>

#include "data/tokenized_dataset.hpp"
#include "eval/dataset_runner.hpp"
#include "eval/hand_made_recordings.hpp"
#include "eval/recording_metrics.hpp"
#include "model/small_models.hpp"
#include "sharcs/error.hpp"
#include "sharcs/evaluation.hpp"

namespace sharcs::internal::recording_test {
namespace {

using testing::four_samples;

TEST(Recording, MetricsFollowTheWidthOfEachSample) {
  const Recording recording = four_samples();
  const auto accuracy_at = [&](const std::vector<int>& widths) { return metrics_at(recording, widths).at("accuracy"); };
  EXPECT_DOUBLE_EQ(accuracy_at({0, 0, 0, 0}), 0.5);
  EXPECT_DOUBLE_EQ(accuracy_at({1, 1, 1, 1}), 0.75);
  EXPECT_DOUBLE_EQ(accuracy_at({0, 0, 1, 1}), 1);
  EXPECT_THROW(accuracy_at({0, 0, 1}), ShapeError);
}

TEST(Recording, CostIsTheChosenMultiplyAddsOverTheWidestOnes) {
  EXPECT_DOUBLE_EQ(cost_fraction(four_samples(), route(four_samples(), {1, 1, 1, 1})), 1);
  EXPECT_DOUBLE_EQ(cost_fraction(four_samples(), route(four_samples(), {0, 0, 1, 1})), 730.0 / 1000);
}

TEST(Recording, CascadePaysForEveryAnswerAndTheStemOnce) {
  Recording recording = four_samples();
  recording.router_logits = {1, 0, 1, 0, 1, 0, 0, 1};  // the first three to the narrow width
  for (RecordedAnswer& answer : recording.answers) answer.path = {.linear = 1};
  recording.answers[0].logits = {0, 5, 0, 0.1f, 0, 0, 0, 0};  // the first is sure of itself
  recording.config = testing::small_config();
  recording.config.sharcs->width_mult_list = {1.0 / 3, 1};
  const Routing routing = route(recording, Policy::router().at_least(0.9));
  EXPECT_EQ(routing.answer_of_sample, (std::vector<int>{0, 1, 1, 1}));
  EXPECT_EQ(routing.cost_of_sample, (std::vector<double>{10, 20 + 200 - 2, 30 + 300 - 3, 400}));
  EXPECT_DOUBLE_EQ(cost_fraction(recording, routing), (10 + 218 + 327 + 400) / 1000.0);
  EXPECT_EQ(routing.runs(0), 3);
  EXPECT_EQ(routing.runs(1), 3) << "two samples were run at both";
}

TEST(Recording, WidthsThatDoNotExistAreRefused) {
  EXPECT_THROW(route(four_samples(), {0, 0, 0, 2}), ShapeError);
  EXPECT_THROW(route(four_samples(), {0, 0, 0}), ShapeError);
}

/// The small model over labelled samples that it has never seen.
struct Fixture {
  Network<float> network{testing::small_config()};
  Task task = Task::custom({.labels = {"a", "b", "c"}, .metrics = {"accuracy"}});
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
  /// What comes of a policy.
  struct Found {
    Recording recording;
    Routing routing;
    Evaluation evaluation;
  };
  Found evaluate_with(const Policy& policy) const {
    DatasetRunner runner(network.encoder(), dataset, 17);
    Found found = {runner.record(task, "dev"), {}, {}};
    found.routing = route(found.recording, policy);
    found.evaluation = evaluate_timed(runner, found.recording, found.routing, policy, 1);
    return found;
  }
};

TEST(DatasetRunner, ForcedWidthGivesThatWidthsMetricsAndCost) {
  const Fixture fixture;
  for (const Width& width : fixture.network.widths()) {
    const Fixture::Found found = fixture.evaluate_with(Policy::fixed(width.fraction()));
    const AnswerMetrics& here = found.evaluation.answers[static_cast<std::size_t>(width.index())];
    EXPECT_EQ(found.evaluation.routed, here.all);
    EXPECT_EQ(here.routed, here.all);
    EXPECT_EQ(here.samples, 40);
    EXPECT_DOUBLE_EQ(found.evaluation.cost_fraction, here.cost_fraction);
  }
}

TEST(DatasetRunner, RoutedMetricsAreThoseOfTheShares) {
  const Fixture fixture;
  const auto by_length = Policy::custom([](const RoutingQuery& query) { return query.tokens % 3; }, "length");
  const Fixture::Found found = fixture.evaluate_with(by_length);
  double right = 0, samples = 0;
  for (const AnswerMetrics& width : found.evaluation.answers) {
    right += width.routed.at("accuracy") * static_cast<double>(width.samples);
    samples += static_cast<double>(width.samples);
  }
  EXPECT_EQ(samples, 40);
  EXPECT_NEAR(found.evaluation.routed.at("accuracy"), right / samples, 1e-12);
  EXPECT_EQ(found.evaluation.full, found.evaluation.answers.back().all);
  EXPECT_LT(found.evaluation.cost_fraction, 1);
  EXPECT_EQ(found.evaluation.answers[0].reliability.size(), 10u);
}

TEST(DatasetRunner, CascadeSpreadsTheSamplesAndCostsMoreThanItsLastAttempts) {
  const Fixture fixture;
  const auto by_length = [](const AnswerQuery& query) { return query.answer.width_index >= query.tokens % 3; };
  const Fixture::Found found = fixture.evaluate_with(Policy::cascade(0.5).accepting(by_length, "by length"));
  const auto ended_at = [&](int width) { return std::ranges::count(found.routing.answer_of_sample, width); };
  for (int width = 0; width < 3; ++width) EXPECT_GT(ended_at(width), 0) << "width " << width;
  EXPECT_GT(found.evaluation.cost_fraction,
            cost_fraction(found.recording, route(found.recording, found.routing.answer_of_sample)));
}

TEST(DatasetRunner, SamplesWithoutLabelsAreRefused) {
  Fixture fixture;
  fixture.dataset.labels.clear();
  EXPECT_THROW(fixture.evaluate_with(Policy::router()), DataError);
}

TEST(DatasetRunner, TimesAPolicyAndFullWidth) {
  const Fixture fixture;
  DatasetRunner runner(fixture.network.encoder(), fixture.dataset, 17);
  const RoutingSeconds seconds = runner.time(Policy::router(), 2);
  EXPECT_GT(seconds.full, 0);
  EXPECT_GT(seconds.routed, 0);
  EXPECT_LT(seconds.full, 100);
}

TEST(DatasetRunner, TimesByItsFirstSamplesAlone) {
  const Fixture fixture;
  DatasetRunner runner(fixture.network.encoder(), fixture.dataset, 17);
  std::vector<Index> tokens;
  const Policy noting = Policy::custom(
      [&](const RoutingQuery& query) {
        tokens.push_back(query.tokens);
        return 0;
      },
      "noting");
  const RoutingSeconds seconds = runner.time_by_first(3, noting);
  EXPECT_EQ(tokens, (std::vector<Index>{1, 2, 3}));
  EXPECT_GT(seconds.full, 0);
  EXPECT_GT(seconds.routed, 0);
  tokens.clear();
  runner.time_by_first(1000, noting);
  EXPECT_EQ(tokens.size(), fixture.dataset.lengths.size());
}

}  // namespace
}  // namespace sharcs::internal::recording_test
