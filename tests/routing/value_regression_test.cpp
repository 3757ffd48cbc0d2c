#include "routing/value_regression.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "core/random.hpp"

namespace sharcs::internal::value_regression_test {
namespace {

double predict(const ValueRegression& regression, std::size_t width, const std::vector<double>& x, bool logistic) {
  double sum = regression.offsets[width];
  for (std::size_t f = 0; f < x.size(); ++f) sum += regression.weights[width][f] * x[f];
  return logistic ? 1 / (1 + std::exp(-sum)) : sum;
}

struct Data {
  std::vector<std::vector<double>> features, targets;
};

/// Two widths with the probabilities σ(1 + 2x) and σ(2 + x), a constant feature beside x.
Data coins(std::size_t samples) {
  Data data;
  Random random(5);
  for (std::size_t i = 0; i < samples; ++i) {
    const double x = 10 + 3 * random.normal(), at = (x - 10) / 3;
    const auto coin = [&](double logit) { return random.uniform() < 1 / (1 + std::exp(-logit)) ? 1.0 : 0.0; };
    data.features.push_back({x, 7});
    data.targets.push_back({coin(1 + 2 * at), coin(2 + at)});
  }
  return data;
}

TEST(ValueRegression, FindsEachWidthsProbabilities) {
  const Data data = coins(20000);
  const ValueRegression found = fit_values(data.features, data.targets, {.own_slopes = true});
  for (const double at : {-1.5, 0.0, 1.5}) {
    const std::vector<double> x = {10 + 3 * at, 7};
    EXPECT_NEAR(predict(found, 0, x, true), 1 / (1 + std::exp(-1 - 2 * at)), 0.02);
    EXPECT_NEAR(predict(found, 1, x, true), 1 / (1 + std::exp(-2 - at)), 0.02);
  }
}

TEST(ValueRegression, SharedSlopesAreTheSameForAllWidths) {
  const Data data = coins(500);
  const ValueRegression found = fit_values(data.features, data.targets, {});
  EXPECT_EQ(found.weights[0], found.weights[1]);
  EXPECT_GT(found.weights[0][0], 0);
  EXPECT_NE(found.offsets[0], found.offsets[1]);
}

TEST(ValueRegression, TheLossIsLeastAtWhatItFinds) {
  // The gradient of the penalised likelihood, written out for one width and one feature that is already standardised.
  const std::vector<std::vector<double>> features = {{-1}, {1}, {-1}, {1}}, targets = {{0}, {1}, {1}, {1}};
  const ValueRegression found = fit_values(features, targets, {});
  double by_offset = 1e-3 * found.offsets[0], by_slope = found.weights[0][0];
  for (std::size_t i = 0; i < 4; ++i) {
    const double error = predict(found, 0, features[i], true) - targets[i][0];
    by_offset += error;
    by_slope += error * features[i][0];
  }
  EXPECT_NEAR(by_offset, 0, 1e-7);
  EXPECT_NEAR(by_slope, 0, 1e-7);
}

TEST(ValueRegression, AWidthThatIsAlwaysRightHasFiniteOffsets) {
  const std::vector<std::vector<double>> features = {{1, 2}, {2, 1}, {0, 0}}, targets = {{1, 0}, {1, 0}, {1, 0}};
  const ValueRegression found = fit_values(features, targets, {.own_slopes = true});
  EXPECT_GT(predict(found, 0, features[0], true), 0.95);
  EXPECT_LT(predict(found, 1, features[0], true), 0.05);
  EXPECT_LT(std::abs(found.offsets[0]), 20);
}

TEST(ValueRegression, LeastSquaresFindsALineForEachWidth) {
  Data data;
  for (int i = 0; i < 1000; ++i) {
    const double x = i / 100.0;
    data.features.push_back({x});
    data.targets.push_back({-3 * x - 1, -x});
  }
  const ValueRegression found = fit_values(data.features, data.targets, {.logistic = false, .own_slopes = true});
  EXPECT_NEAR(found.weights[0][0], -3, 0.05);
  EXPECT_NEAR(found.weights[1][0], -1, 0.05);
  EXPECT_NEAR(predict(found, 0, {5}, false), -16, 0.05);
}

TEST(ValueRegression, EqualSamplesGiveTheirMean) {
  const std::vector<std::vector<double>> features(40, {0.5, 0.5});
  std::vector<std::vector<double>> targets(40, {1, 0});
  for (std::size_t i = 0; i < 10; ++i) targets[i] = {0, 1};
  const ValueRegression found = fit_values(features, targets, {.own_slopes = true});
  EXPECT_NEAR(predict(found, 0, features[0], true), 0.75, 1e-3);
  EXPECT_NEAR(predict(found, 1, features[0], true), 0.25, 1e-3);
}

}  // namespace
}  // namespace sharcs::internal::value_regression_test
