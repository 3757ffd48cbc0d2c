#include "nn/loss.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <numeric>
#include <vector>

#include "core/random.hpp"

namespace sharcs::internal::loss_test {
namespace {

/// A matrix with its memory.
struct Table {
  std::vector<double> values;
  Index rows, cols;

  Table(Index row_count, Index col_count, std::uint64_t seed) : rows(row_count), cols(col_count) {
    Random random(seed);
    for (Index i = 0; i < rows * cols; ++i) values.push_back(2 * random.normal());
  }
  MatrixView<double> view() { return {values.data(), rows, cols}; }
};

Table zeros(Index rows, Index cols) {
  Table table(rows, cols, 1);
  std::ranges::fill(table.values, 0.0);
  return table;
}

/// Compares `gradient` with central differences of `loss`, which reads `input`.
void check_gradient(Table& input, const Table& gradient, double scale, const std::function<double()>& loss) {
  for (std::size_t i = 0; i < input.values.size(); ++i) {
    const double before = input.values[i], h = 1e-6;
    input.values[i] = before + h;
    const double above = loss();
    input.values[i] = before - h;
    const double below = loss();
    input.values[i] = before;
    EXPECT_NEAR(gradient.values[i], scale * (above - below) / (2 * h), 1e-7) << i;
  }
}

TEST(Distillation, GradientIsTheFiniteDifference) {
  for (const double temperature : {0.5, 1.0, 2.0, 7.0}) {
    Table student(3, 4, 5), teacher(3, 4, 6), gradient = zeros(3, 4);
    const auto loss = [&] {
      Table unused = zeros(3, 4);
      return distillation<double>(student.view(), teacher.view(), temperature, 1, unused.view());
    };
    distillation<double>(student.view(), teacher.view(), temperature, 0.3, gradient.view());
    check_gradient(student, gradient, 0.3, loss);
  }
}

const std::vector<Index> windows = {0, 3, 4, 9};
const std::vector<std::int32_t> ends = {0, 2, 0, 0, 4, 4};

TEST(SpanLosses, GradientsAreTheFiniteDifferences) {
  Table student(9, 2, 5), teacher(9, 2, 6), gradient = zeros(9, 2), shares = zeros(9, 2);
  span_cross_entropy<double>(student.view(), windows, ends, 0.3, shares.view(), gradient.view());
  check_gradient(student, gradient, 0.3, [&] {
    Table unused = zeros(9, 2), also = zeros(9, 2);
    return span_cross_entropy<double>(student.view(), windows, ends, 1, unused.view(), also.view());
  });
  for (std::size_t s = 0; s + 1 < windows.size(); ++s)
    for (Index end = 0; end < 2; ++end) {
      double sum = 0;
      for (Index row = windows[s]; row < windows[s + 1]; ++row) sum += shares.view()(row, end);
      EXPECT_NEAR(sum, 1, 1e-12);
    }
  gradient = zeros(9, 2);
  span_distillation<double>(student.view(), teacher.view(), windows, 2, 0.3, gradient.view());
  check_gradient(student, gradient, 0.3, [&] {
    Table unused = zeros(9, 2);
    return span_distillation<double>(student.view(), teacher.view(), windows, 2, 1, unused.view());
  });
}

TEST(SpanLosses, AreTheMeanOfTwoCrossEntropiesOverTheTokens) {
  Table logits(9, 2, 5), unused = zeros(9, 2), also = zeros(9, 2);
  double expected = 0;
  for (std::size_t s = 0; s + 1 < windows.size(); ++s)
    for (Index end = 0; end < 2; ++end) {
      double sum = 0;
      for (Index row = windows[s]; row < windows[s + 1]; ++row) sum += std::exp(logits.view()(row, end));
      expected += 0.5 * (std::log(sum) - logits.view()(windows[s] + ends[2 * s + static_cast<std::size_t>(end)], end));
    }
  EXPECT_NEAR(span_cross_entropy<double>(logits.view(), windows, ends, 1, unused.view(), also.view()), expected, 1e-12);
}

TEST(Distillation, IsNothingWhereTheLogitsAreEqualUpToAConstant) {
  Table student(3, 4, 5), teacher = student, gradient = zeros(3, 4);
  for (double& logit : teacher.values) logit += 3;
  EXPECT_NEAR(distillation<double>(student.view(), teacher.view(), 2, 1, gradient.view()), 0, 1e-14);
  for (const double value : gradient.values) EXPECT_NEAR(value, 0, 1e-15);
}

TEST(Distillation, IsTheDivergenceTimesTheSquaredTemperature) {
  Table student = zeros(1, 2), teacher = zeros(1, 2), gradient = zeros(1, 2);
  teacher.values = {2 * std::log(3.0), 0};  // at temperature 2 the probabilities are 3/4 and 1/4
  const double expected = 4 * (0.75 * std::log(1.5) + 0.25 * std::log(0.5));
  EXPECT_NEAR(distillation<double>(student.view(), teacher.view(), 2, 1, gradient.view()), expected, 1e-12);
}

TEST(Distillation, AddsToTheGradient) {
  Table student(2, 3, 5), teacher(2, 3, 6), once = zeros(2, 3);
  distillation<double>(student.view(), teacher.view(), 2, 1, once.view());
  Table twice = once;
  distillation<double>(student.view(), teacher.view(), 2, 1, twice.view());
  for (std::size_t i = 0; i < once.values.size(); ++i) EXPECT_DOUBLE_EQ(twice.values[i], 2 * once.values[i]);
}

/// Those of a vocabulary go another way.
constexpr Index many = 300;

TEST(CrossEntropy, OfManyClassesIsThatOfFewAndItsGradientIsTheFiniteDifference) {
  Table logits(2, many, 5), gradient = zeros(2, many), shares = zeros(2, many);
  const std::vector<std::int32_t> labels = {7, 299};
  const auto loss = [&] {
    Table unused = zeros(2, many), also = zeros(2, many);
    return cross_entropy<double>(logits.view(), labels, 1, also.view(), unused.view());
  };
  double expected = 0;
  for (Index s = 0; s < 2; ++s) {
    double sum = 0;
    for (Index c = 0; c < many; ++c) sum += std::exp(logits.view()(s, c));
    expected += std::log(sum) - logits.view()(s, labels[static_cast<std::size_t>(s)]);
  }
  EXPECT_NEAR(cross_entropy<double>(logits.view(), labels, 0.3, shares.view(), gradient.view()), expected, 1e-10);
  EXPECT_NEAR(std::accumulate(shares.values.begin(), shares.values.end(), 0.0), 2, 1e-10);
  check_gradient(logits, gradient, 0.3, loss);
  // Probabilities and gradient may stand in one place.
  Table both = zeros(2, many);
  cross_entropy<double>(logits.view(), labels, 0.3, both.view(), both.view());
  EXPECT_EQ(both.values, gradient.values);
}

TEST(Distillation, OfManyClassesIsTheDivergenceAndItsGradientIsTheFiniteDifference) {
  for (const double temperature : {1.0, 2.0}) {
    Table student(2, many, 5), teacher(2, many, 6), gradient = zeros(2, many);
    const auto loss = [&] {
      Table unused = zeros(2, many);
      return distillation<double>(student.view(), teacher.view(), temperature, 1, unused.view());
    };
    double expected = 0;
    for (Index s = 0; s < 2; ++s) {
      double ours = 0, theirs = 0;
      for (Index c = 0; c < many; ++c) {
        ours += std::exp(student.view()(s, c) / temperature);
        theirs += std::exp(teacher.view()(s, c) / temperature);
      }
      for (Index c = 0; c < many; ++c) {
        const double p = std::exp(teacher.view()(s, c) / temperature) / theirs,
                     q = std::exp(student.view()(s, c) / temperature) / ours;
        expected += temperature * temperature * p * std::log(p / q);
      }
    }
    EXPECT_NEAR(loss(), expected, 1e-10);
    distillation<double>(student.view(), teacher.view(), temperature, 0.3, gradient.view());
    check_gradient(student, gradient, 0.3, loss);
  }
}

TEST(BinaryCrossEntropy, OfSetsOfLabelsIsThatOfTorchAndItsGradientIsTheFiniteDifference) {
  // torch.nn.BCEWithLogitsLoss() of these logits and targets [[1, 0, 1], [0, 0, 0]] is 0.4714151.
  Table logits = zeros(2, 3), gradient = zeros(2, 3);
  logits.values = {1.5, -0.5, 0.25, -2, 0.75, -1};
  const std::vector<std::int32_t> sets = {0b101, 0};
  const auto loss = [&] {
    Table unused = zeros(2, 3);
    return binary_cross_entropy<double>(logits.view(), sets, 1, unused.view());
  };
  EXPECT_NEAR(loss() / 2, 0.4714151, 1e-7);
  binary_cross_entropy<double>(logits.view(), sets, 0.3, gradient.view());
  check_gradient(logits, gradient, 0.3, loss);
}

TEST(BinaryDistillation, GradientIsTheFiniteDifference) {
  for (const double temperature : {0.5, 1.0, 2.0, 7.0}) {
    Table student(3, 4, 5), teacher(3, 4, 6), gradient = zeros(3, 4);
    const auto loss = [&] {
      Table unused = zeros(3, 4);
      return binary_distillation<double>(student.view(), teacher.view(), temperature, 1, unused.view());
    };
    binary_distillation<double>(student.view(), teacher.view(), temperature, 0.3, gradient.view());
    check_gradient(student, gradient, 0.3, loss);
  }
}

TEST(BinaryDistillation, IsTheMeanDivergenceOfTheLabelsTimesTheSquaredTemperature) {
  Table student = zeros(1, 2), teacher = zeros(1, 2), gradient = zeros(1, 2);
  teacher.values = {2 * std::log(3.0), 0};  // at temperature 2 the first label has 3/4, the second 1/2 as the student's
  const double expected = 4 * (0.75 * std::log(1.5) + 0.25 * std::log(0.5)) / 2;
  EXPECT_NEAR(binary_distillation<double>(student.view(), teacher.view(), 2, 1, gradient.view()), expected, 1e-12);
  // As much for a label as distillation() between two classes whose logits differ by the label's.
  Table pair = zeros(1, 2), pair_teacher = zeros(1, 2), unused = zeros(1, 2);
  pair_teacher.values = {2 * std::log(3.0), 0};
  EXPECT_NEAR(distillation<double>(pair.view(), pair_teacher.view(), 2, 1, unused.view()), 2 * expected, 1e-12);
  // Logits far out give no infinity.
  student.values = {800, -800};
  teacher.values = {-800, 800};
  EXPECT_NEAR(binary_distillation<double>(student.view(), teacher.view(), 1, 1, gradient.view()), 800, 1e-9);
}

TEST(HiddenDistance, GradientIsTheFiniteDifferenceWithAWiderTeacher) {
  Table student(3, 4, 5), teacher(3, 6, 6), gradient = zeros(3, 4);
  const auto loss = [&] {
    Table unused = zeros(3, 4);
    return hidden_distance<double>(student.view(), teacher.view(), 1, unused.view());
  };
  hidden_distance<double>(student.view(), teacher.view(), 0.3, gradient.view());
  check_gradient(student, gradient, 0.3, loss);
}

TEST(HiddenDistance, IsTheMeanOfTheSquaresOverTheLeadingDimensions) {
  Table student = zeros(2, 2), teacher = zeros(2, 3), gradient = zeros(2, 2);
  student.values = {1, 2, 3, 4};
  teacher.values = {1, 0, 99, 0, 4, 99};
  EXPECT_DOUBLE_EQ(hidden_distance<double>(student.view(), teacher.view(), 1, gradient.view()), 4.0 / 2 + 9.0 / 2);
}

TEST(CrossEntropy, ClassWeightsMultiplyTheLossesOfTheirSamples) {
  Table logits(3, 3, 5), probabilities = zeros(3, 3), gradient = zeros(3, 3), plain = zeros(3, 3);
  const std::vector<std::int32_t> labels = {0, 2, 2};
  const std::vector<float> weights = {2, 1, 0.5f};
  const auto loss = [&] {
    Table unused = zeros(3, 3);
    return cross_entropy<double>(logits.view(), labels, 1, probabilities.view(), unused.view(), weights);
  };
  cross_entropy<double>(logits.view(), labels, 0.3, probabilities.view(), gradient.view(), weights);
  check_gradient(logits, gradient, 0.3, loss);
  const double found = loss();
  double expected = 0;
  for (std::size_t s = 0; s < 3; ++s)
    expected -= static_cast<double>(weights[static_cast<std::size_t>(labels[s])]) *
                std::log(probabilities.values[3 * s + static_cast<std::size_t>(labels[s])]);
  EXPECT_NEAR(found, expected, 1e-12);
  cross_entropy<double>(logits.view(), labels, 0.3, probabilities.view(), plain.view());
  for (std::size_t c = 0; c < 3; ++c) {
    EXPECT_DOUBLE_EQ(gradient.values[c], 2 * plain.values[c]);
    EXPECT_DOUBLE_EQ(gradient.values[3 + c], 0.5 * plain.values[3 + c]);
  }
}

}  // namespace
}  // namespace sharcs::internal::loss_test
