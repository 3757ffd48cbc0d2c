#include "data/metrics.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>

#include "core/enum_names.hpp"
#include "core/random.hpp"
#include "core/threads.hpp"
#include "expect_error.hpp"
#include "golden_folder.hpp"

namespace sharcs::internal::metrics_test {
namespace {

using Ints = std::vector<int>;
using Doubles = std::vector<double>;

double accuracy(const Ints& labels, const Ints& predictions) { return measure("accuracy", labels, predictions); }
double f1(const Ints& labels, const Ints& predictions) { return measure("f1", labels, predictions); }
double macro_f1(const Ints& labels, const Ints& predictions) { return measure("macro_f1", labels, predictions); }
double matthews(const Ints& labels, const Ints& predictions) { return measure("matthews", labels, predictions); }
double pearson(const Doubles& targets, const Doubles& values) { return measure("pearson", targets, values); }
double spearman(const Doubles& targets, const Doubles& values) { return measure("spearman", targets, values); }

class GoldenMetrics : public testing::GoldenTest {};
SHARCS_FOR_EACH_GOLDEN_SET(GoldenMetrics);

TEST_P(GoldenMetrics, EqualScikitLearnAndScipy) {
  int compared = 0;
  for (const auto& entry : nlohmann::json::parse(std::ifstream(golden("metrics.json")))) {
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

TEST(Metrics, F1IsOfClassOneAndMacroF1OfAll) {
  EXPECT_DOUBLE_EQ(f1(Ints{1, 1, 0}, Ints{1, 0, 0}), 2.0 / 3);
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
}

TEST(Metrics, MeasureGivesEachAndScoreTheirMean) {
  const std::vector<Metric> metrics = {"accuracy", "f1"};
  const MetricMap values = measure(metrics, Ints{1, 1, 0, 0}, Ints{1, 0, 0, 0});
  ASSERT_EQ(values.size(), 2u);
  EXPECT_DOUBLE_EQ(values.at("accuracy"), 0.75);
  EXPECT_DOUBLE_EQ(values.at("f1"), 2.0 / 3);
  EXPECT_DOUBLE_EQ(score(values), (0.75 + 2.0 / 3) / 2);
  EXPECT_TRUE(std::isnan(score({}))) << "of no metrics";
  const std::vector<Metric> correlations = {"pearson"};
  EXPECT_DOUBLE_EQ(score(measure(correlations, Doubles{1, 2}, Doubles{3, 5})), 1);
  EXPECT_EQ(message_of<ConfigError>([&] { measure(metrics, Doubles{1}, Doubles{1}); }),
            "accuracy is a metric of classification; expected one of regression");
}

TEST(Metrics, OfSeveralOutputsIsTheMean) {
  const Doubles targets = {1, 5, 2, 3, 4, 4}, answers = {2, 1, 4, 3, 8, 2};  // three samples of two numbers
  const double first = pearson(Doubles{1, 2, 4}, Doubles{2, 4, 8}),
               second = pearson(Doubles{5, 3, 4}, Doubles{1, 3, 2});
  EXPECT_DOUBLE_EQ(first, 1);
  EXPECT_DOUBLE_EQ(second, -1);
  EXPECT_NEAR(measure("pearson", targets, answers, 2), 0, 1e-12);
  EXPECT_DOUBLE_EQ(measure("pearson", targets, Doubles{1, 5, 2, 3, 4, 4}, 2), 1);
  message_of<ShapeError>([&] { measure("pearson", targets, Doubles{1, 5, 2}, 2); });
}

TEST(Metrics, PerplexityAloneIsTheScoreOfALanguageModel) {
  const TagCounts counts = {.words = 4, .right_words = 1, .log_likelihood = 4 * std::log(0.125)};
  const std::vector<Metric> metrics = {"perplexity", "token_accuracy"};
  const MetricMap values = measure(metrics, counts);
  EXPECT_DOUBLE_EQ(values.at("perplexity"), 8);
  EXPECT_DOUBLE_EQ(values.at("token_accuracy"), 0.25);
  EXPECT_DOUBLE_EQ(score(values), -std::log(8.0));
  EXPECT_DOUBLE_EQ(score({{"token_accuracy", 0.25}}), 0.25);
}

TEST(Metrics, HaveNames) {
  EXPECT_THAT(Metric::names(),
              ::testing::IsSupersetOf({"accuracy", "f1", "macro_f1", "matthews", "pearson", "spearman"}));
  for (const std::string& name : Metric::names()) EXPECT_EQ(to_string(Metric(name)), name);
  EXPECT_EQ(message_of<ConfigError>([] { Metric("bleu"); }),
            "the metric is \"bleu\"; expected " + one_of(Metric::names()));
}

}  // namespace
}  // namespace sharcs::internal::metrics_test
