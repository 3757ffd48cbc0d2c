#include "sharcs/metrics.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>

#include "core/random.hpp"
#include "core/threads.hpp"
#include "expect_error.hpp"
#include "golden_folder.hpp"

namespace sharcs::internal {
namespace {

TEST(Metrics, EqualScikitLearnAndScipy) {
  const auto file = testing::golden_dir() / "metrics.json";
  SHARCS_SKIP_WITHOUT(file);
  int compared = 0;
  for (const auto& entry : nlohmann::json::parse(std::ifstream(file))) {
    const auto expect = [&](const char* name, const auto& value) {
      if (!entry.contains(name)) return;
      EXPECT_NEAR(value(), entry.at(name).get<double>(), 1e-12) << name;
      ++compared;
    };
    if (entry.contains("accuracy")) {
      const auto labels = entry.at("labels").get<std::vector<int>>(),
                 predictions = entry.at("predictions").get<std::vector<int>>();
      expect("accuracy", [&] { return accuracy(labels, predictions); });
      expect("f1", [&] { return f1(labels, predictions); });
      expect("mcc", [&] { return matthews(labels, predictions); });
    } else {
      const auto labels = entry.at("labels").get<std::vector<double>>(),
                 predictions = entry.at("predictions").get<std::vector<double>>();
      expect("pearson", [&] { return pearson(labels, predictions); });
      expect("spearman", [&] { return spearman(labels, predictions); });
    }
  }
  EXPECT_GT(compared, 0);
}

using Ints = std::vector<int>;
using Doubles = std::vector<double>;

TEST(Metrics, DegenerateClassesGiveZero) {
  EXPECT_EQ(matthews(Ints{1, 1, 1}, Ints{1, 1, 1}), 0);
  EXPECT_EQ(matthews(Ints{0, 1, 1}, Ints{1, 1, 1}), 0);
  EXPECT_EQ(matthews(Ints{2, 2}, Ints{0, 2}), 0);
  EXPECT_EQ(f1(Ints{0, 0}, Ints{0, 0}), 0);
  EXPECT_EQ(f1(Ints{1, 1}, Ints{0, 0}), 0);
}

TEST(Metrics, MatthewsIsOneForPerfectAndMinusOneForReversedPredictions) {
  EXPECT_DOUBLE_EQ(matthews(Ints{0, 1, 2, 2}, Ints{0, 1, 2, 2}), 1);
  EXPECT_DOUBLE_EQ(matthews(Ints{0, 1, 0, 1}, Ints{1, 0, 1, 0}), -1);
}

TEST(Metrics, F1CanBeAskedForAnyClass) {
  EXPECT_DOUBLE_EQ(f1(Ints{0, 0, 1}, Ints{0, 1, 1}, 0), 2.0 / 3);
  EXPECT_DOUBLE_EQ(macro_f1(Ints{0, 0, 1}, Ints{0, 1, 1}), 2.0 / 3);
  EXPECT_DOUBLE_EQ(macro_f1(Ints{0, 0, 4}, Ints{0, 0, 2}), 1.0 / 3);  // classes 0, 2 and 4 count, 1 and 3 do not occur
}

TEST(Metrics, CorrelationOfAConstantIsZero) {
  EXPECT_EQ(pearson(Doubles{0.1, 0.1, 0.1}, Doubles{1, 2, 3}), 0);
  EXPECT_EQ(pearson(Doubles{1, 2, 3}, Doubles{0.3, 0.3, 0.3}), 0);
  EXPECT_EQ(spearman(Doubles{1, 2, 3}, Doubles{7, 7, 7}), 0);
  EXPECT_EQ(pearson(Doubles{1}, Doubles{2}), 0);
}

TEST(Metrics, CorrelationWithNanIsNan) {
  EXPECT_TRUE(std::isnan(pearson(Doubles{1, 2, 3}, Doubles{1, NAN, 3})));
  EXPECT_TRUE(std::isnan(spearman(Doubles{1, 2, 3}, Doubles{1, NAN, 3})));
  EXPECT_TRUE(std::isnan(auc(Ints{0, 1}, Doubles{1, NAN})));
}

TEST(Metrics, SpearmanSeesOnlyTheOrder) {
  EXPECT_DOUBLE_EQ(spearman(Doubles{1, 2, 3, 4}, Doubles{-5, 0, 1e9, 1e10}), 1);
  EXPECT_DOUBLE_EQ(spearman(Doubles{1, 2, 3, 4}, Doubles{9, 7, 5, -1}), -1);
  EXPECT_DOUBLE_EQ(spearman(Doubles{1, 1, 2}, Doubles{3, 4, 5}), std::sqrt(3.0) / 2);
}

TEST(Auc, IsTheShareOfPairsInTheRightOrder) {
  EXPECT_EQ(auc(Ints{0, 0, 1, 1}, Doubles{1, 2, 3, 4}), 1);
  EXPECT_EQ(auc(Ints{1, 1, 0, 0}, Doubles{1, 2, 3, 4}), 0);
  EXPECT_EQ(auc(Ints{0, 1}, Doubles{1, 1}), 0.5);
  EXPECT_EQ(auc(Ints{1, 1}, Doubles{1, 2}), 0.5);
  Random random(4);
  Ints positive(60);
  Doubles scores(60);
  for (std::size_t i = 0; i < scores.size(); ++i) {
    positive[i] = static_cast<int>(random.below(2));
    scores[i] = static_cast<double>(random.below(10)) + positive[i];
  }
  double right = 0, pairs = 0;
  for (std::size_t p = 0; p < scores.size(); ++p)
    for (std::size_t n = 0; n < scores.size(); ++n)
      if (positive[p] == 1 && positive[n] == 0) {
        ++pairs;
        right += scores[p] > scores[n] ? 1 : scores[p] == scores[n] ? 0.5 : 0;
      }
  EXPECT_DOUBLE_EQ(auc(positive, scores), right / pairs);
}

TEST(Metrics, RefuseSizesThatDoNotFit) {
  EXPECT_EQ(message_of<ShapeError>([] { (void)accuracy(Ints{1, 0}, Ints{1}); }), "2 labels but 1 predictions");
  EXPECT_EQ(message_of<ShapeError>([] { (void)f1(Ints{}, Ints{}); }), "no samples to measure");
  EXPECT_EQ(message_of<ShapeError>([] { (void)matthews(Ints{-1}, Ints{0}); }), "class -1: expected 0 to 1048575");
  message_of<ShapeError>([] { (void)pearson(Doubles{}, Doubles{}); });
  message_of<ShapeError>([] { (void)auc(Ints{1}, Doubles{}); });
  message_of<ShapeError>([] { (void)score({}); });
}

TEST(Metrics, EvaluateGivesEachAndScoreTheirMean) {
  const std::vector<Metric> metrics = {Metric::accuracy, Metric::f1};
  const auto values = evaluate(metrics, Ints{1, 1, 0, 0}, Ints{1, 0, 0, 0});
  ASSERT_EQ(values.size(), 2u);
  EXPECT_EQ(values[0].metric, Metric::accuracy);
  EXPECT_DOUBLE_EQ(values[0].value, 0.75);
  EXPECT_DOUBLE_EQ(values[1].value, 2.0 / 3);
  EXPECT_DOUBLE_EQ(score(values), (0.75 + 2.0 / 3) / 2);
  const std::vector<Metric> correlations = {Metric::pearson};
  EXPECT_DOUBLE_EQ(score(evaluate(correlations, Doubles{1, 2}, Doubles{3, 5})), 1);
  EXPECT_EQ(message_of<ConfigError>([&] { evaluate(metrics, Doubles{1}, Doubles{1}); }),
            "accuracy is a metric of classification; expected one of regression");
}

TEST(Metrics, HaveNames) {
  for (const Metric metric :
       {Metric::accuracy, Metric::f1, Metric::macro_f1, Metric::matthews, Metric::pearson, Metric::spearman})
    EXPECT_EQ(metric_named(to_string(metric)), metric);
  EXPECT_EQ(message_of<ConfigError>([] { metric_named("bleu"); }),
            "unknown metric \"bleu\"; expected one of accuracy, f1, macro_f1, matthews, pearson, spearman");
}

// Wilson's formula with z = 1.959964: 8 of 10 gives 0.4902 to 0.9433 (Agresti and Coull 1998 use the same).
TEST(WilsonInterval, MatchesKnownValues) {
  const Interval interval = wilson_interval(8, 10);
  EXPECT_NEAR(interval.low, 0.490162, 1e-6);
  EXPECT_NEAR(interval.high, 0.943318, 1e-6);
  EXPECT_NEAR(wilson_interval(0, 20).low, 0, 1e-12);
  EXPECT_NEAR(wilson_interval(0, 20).high, 0.161125, 1e-6);
  EXPECT_NEAR(wilson_interval(20, 20).low, 1 - 0.161125, 1e-6);
  EXPECT_NEAR(wilson_interval(20, 20).high, 1, 1e-12);
  EXPECT_LT(wilson_interval(80, 100, 0.8).high, wilson_interval(80, 100).high);
  message_of<ShapeError>([] { (void)wilson_interval(1, 0); });
  message_of<ConfigError>([] { (void)wilson_interval(1, 2, 1.0); });
}

struct Predictions {
  Ints labels, better, worse;
};

// Both sides are wrong on the same hard third; `worse` is wrong on a few more.
Predictions correlated_predictions(std::size_t samples) {
  Random random(derive_key(11, "test"));
  Predictions made;
  for (std::size_t i = 0; i < samples; ++i) {
    const int label = static_cast<int>(random.below(2));
    const bool hard = random.uniform() < 1.0 / 3;
    made.labels.push_back(label);
    made.better.push_back(hard ? 1 - label : label);
    made.worse.push_back(hard || random.uniform() < 0.03 ? 1 - label : label);
  }
  return made;
}

TEST(Bootstrap, IntervalOfAnAccuracyIsAboutWilsons) {
  const Predictions made = correlated_predictions(1000);
  const Estimate estimate = bootstrap(Metric::accuracy, made.labels, made.better);
  const Interval wilson = wilson_interval(static_cast<std::size_t>(std::lround(1000 * estimate.value)), 1000);
  EXPECT_EQ(estimate.value, accuracy(made.labels, made.better));
  EXPECT_NEAR(estimate.interval.low, wilson.low, 0.005);
  EXPECT_NEAR(estimate.interval.high, wilson.high, 0.005);
}

TEST(Bootstrap, PairingFindsADifferenceThatSeparateIntervalsHide) {
  const Predictions made = correlated_predictions(1000);
  const Estimate difference = paired_bootstrap(Metric::accuracy, made.labels, made.better, made.worse);
  EXPECT_DOUBLE_EQ(difference.value, accuracy(made.labels, made.better) - accuracy(made.labels, made.worse));
  EXPECT_GT(difference.interval.low, 0);
  EXPECT_LT(difference.interval.high, 0.05);
  EXPECT_LT(bootstrap(Metric::accuracy, made.labels, made.better).interval.low,
            bootstrap(Metric::accuracy, made.labels, made.worse).interval.high);
}

TEST(Bootstrap, IsTheSameForTheSameSeedAtAnyThreadCount) {
  const Predictions made = correlated_predictions(200);
  const auto interval = [&](std::uint64_t seed, int threads) {
    const ThreadScope scope(threads);
    const Interval found =
        paired_bootstrap(Metric::matthews, made.labels, made.better, made.worse, {.resamples = 300, .seed = seed})
            .interval;
    return std::pair(found.low, found.high);
  };
  EXPECT_EQ(interval(1, 1), interval(1, 2));
  EXPECT_NE(interval(1, 1), interval(2, 1));
}

TEST(Bootstrap, WorksForRegression) {
  Random random(3);
  Doubles targets, close, far;
  for (int i = 0; i < 300; ++i) {
    targets.push_back(random.normal());
    close.push_back(targets.back() + 0.3 * random.normal());
    far.push_back(targets.back() + 1.0 * random.normal());
  }
  EXPECT_GT(paired_bootstrap(Metric::spearman, targets, close, far).interval.low, 0);
  const Estimate estimate = bootstrap(Metric::pearson, targets, far);
  EXPECT_LT(estimate.interval.low, estimate.value);
  EXPECT_GT(estimate.interval.high, estimate.value);
}

TEST(Bootstrap, RefusesOptionsThatCannotBe) {
  message_of<ConfigError>([] { (void)bootstrap(Metric::accuracy, Ints{1}, Ints{1}, {.resamples = 0}); });
  message_of<ConfigError>([] { (void)bootstrap(Metric::accuracy, Ints{1}, Ints{1}, {.confidence = 0}); });
  message_of<ConfigError>([] { (void)bootstrap(Metric::pearson, Ints{1}, Ints{1}); });
  message_of<ShapeError>([] { (void)paired_bootstrap(Metric::accuracy, Ints{1, 0}, Ints{1, 0}, Ints{1}); });
}

}  // namespace
}  // namespace sharcs::internal
