#include "nn/rotary.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "core/random.hpp"
#include "core/threads.hpp"

namespace sharcs::internal::rotary_test {
namespace {

template <class T>
std::vector<T> random_values(Index count) {
  Random random(3);
  std::vector<T> values;
  for (Index i = 0; i < count; ++i) values.push_back(static_cast<T>(random.normal()));
  return values;
}

template <class T>
void turn_rows(MatrixView<T> x, const std::vector<Index>& offsets, const RotaryAngles& angles, Turn turn) {
  Index longest = 0;
  for (std::size_t s = 0; s + 1 < offsets.size(); ++s) longest = std::max(longest, offsets[s + 1] - offsets[s]);
  rotate<T>(x, offsets, *angles.table(longest), angles.head_size(), turn);
}

template <class T>
void expect_plain_loops(double tolerance) {
  const Index heads = 3, size = 10, cols = heads * size;
  const std::vector<Index> offsets = {0, 5, 6, 106};
  const RotaryAngles angles(50, size);
  const std::vector<T> before = random_values<T>(offsets.back() * cols);
  std::vector<T> x = before;
  const MatrixView<T> view(x.data(), offsets.back(), cols);
  turn_rows<T>(view, offsets, angles, Turn::forth);
  for (std::size_t s = 0; s + 1 < offsets.size(); ++s)
    for (Index t = offsets[s]; t < offsets[s + 1]; ++t)
      for (Index h = 0; h < heads; ++h)
        for (Index c = 0; c < size / 2; ++c) {
          const double angle =
              static_cast<double>(t - offsets[s]) * std::pow(50.0, -2.0 * static_cast<double>(c) / size);
          const Index left = t * cols + h * size + c, right = left + size / 2;
          const double a = before[left], b = before[right];
          ASSERT_NEAR(x[left], a * std::cos(angle) - b * std::sin(angle), tolerance) << "token " << t;
          ASSERT_NEAR(x[right], a * std::sin(angle) + b * std::cos(angle), tolerance) << "token " << t;
        }
  turn_rows<T>(view, offsets, angles, Turn::back);
  for (std::size_t i = 0; i < x.size(); ++i) ASSERT_NEAR(x[i], before[i], 2e-6);
}

TEST(Rotate, AgreesWithPlainLoopsAndTurnsBack) {
  expect_plain_loops<float>(3e-5);  // the angles are floats
  expect_plain_loops<double>(3e-5);
}

TEST(Rotate, ProductsDependOnDistancesOnly) {
  const Index size = 8, n = 40;
  const RotaryAngles angles(10000, size);
  const std::vector<double> one = random_values<double>(2 * size);
  std::vector<double> q, k;
  for (Index t = 0; t < n; ++t) {
    q.insert(q.end(), one.begin(), one.begin() + size);
    k.insert(k.end(), one.begin() + size, one.end());
  }
  const std::vector<Index> offsets = {0, n};
  turn_rows<double>({q.data(), n, size}, offsets, angles, Turn::forth);
  turn_rows<double>({k.data(), n, size}, offsets, angles, Turn::forth);
  const auto product = [&](Index i, Index j) {
    double sum = 0;
    for (Index c = 0; c < size; ++c) sum += q[i * size + c] * k[j * size + c];
    return sum;
  };
  for (Index i = 0; i + 7 < n; ++i) {
    EXPECT_NEAR(product(i, i + 7), product(0, 7), 1e-5);
    EXPECT_NEAR(product(i + 7, i), product(7, 0), 1e-5);
  }
  EXPECT_GT(std::abs(product(0, 7) - product(7, 0)), 1e-3);
}

TEST(Rotate, DoesNotDependOnThreadsNorOnHowLongSamplesWereBefore) {
  const Index size = 64, cols = 12 * size;
  const std::vector<Index> offsets = {0, 3, 300, 301};
  const std::vector<float> before = random_values<float>(offsets.back() * cols);
  const auto run = [&](int thread_count, Index longest_before) {
    const ThreadScope threads(thread_count);
    const RotaryAngles angles(160000, size);
    angles.table(longest_before);
    std::vector<float> x = before;
    turn_rows<float>({x.data(), offsets.back(), cols}, offsets, angles, Turn::forth);
    return x;
  };
  const std::vector<float> alone = run(1, 1);
  EXPECT_EQ(run(3, 1), alone);
  EXPECT_EQ(run(2, 1000), alone);
}

TEST(RotaryAngles, AreThoseOfTransformersAtFarPositions) {
  // ModernBertRotaryEmbedding's cosine of position 8191, head size 64, base 160000, dimensions 0, 1, 5 and 31.
  const RotaryAngles angles(160000, 64);
  const auto table = angles.table(8192);
  const float* const cosines = table->data() + 8191 * 64;
  const std::vector<std::pair<Index, float>> expected = {
      {0, -0.6463905f}, {1, -0.9597157f}, {5, -0.9573296f}, {31, 0.9972301f}};
  for (const auto& [dimension, cosine] : expected) EXPECT_NEAR(cosines[dimension], cosine, 1e-3) << dimension;
}

}  // namespace
}  // namespace sharcs::internal::rotary_test
