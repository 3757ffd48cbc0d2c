#include "kernels/layer_norm.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "core/threads.hpp"
#include "kernels/padded_matrix.hpp"
#include "kernels/simd_targets.hpp"

namespace sharcs::internal::kernels::layer_norm_test {
namespace {

using Matrix = PaddedMatrix<float>;
using Statistics = std::vector<RowStatistics<float>>;

constexpr Index row_counts[] = {1, 2, 17, 130};
constexpr Index col_counts[] = {1, 2, 3, 5, 15, 16, 17, 31, 33, 63, 64, 65, 100, 127, 129, 255, 300};

template <class T>
std::vector<RowStatistics<T>> portable_statistics(const PaddedMatrix<T>& x, T eps) {
  std::vector<RowStatistics<T>> statistics(static_cast<std::size_t>(x.rows));
  PaddedMatrix<T> y(x);
  const std::vector<T> ones(static_cast<std::size_t>(x.cols), T(1));
  with_portable_kernels([&] { layer_norm<T>(x.view(), ones.data(), ones.data(), eps, y.view(), statistics); });
  return statistics;
}

TEST(LayerNorm, AgreesWithThePortableCodeInDoubleAtEveryShape) {
  at_every_simd_target([] {
    for (const Index rows : row_counts) {
      for (const Index cols : col_counts) {
        const Matrix x(rows, cols, 1, 3, 0.5);
        const auto weight = random_row(cols, 2), bias = random_row(cols, 3);
        Matrix y(rows, cols, 4, 5);
        const Matrix before = y;
        Statistics statistics(static_cast<std::size_t>(rows));
        layer_norm<float>(x.view(), weight.data(), bias.data(), 1e-5f, y.view(), statistics);

        const PaddedMatrix<double> exact_x(x);
        PaddedMatrix<double> expected(y);
        std::vector<RowStatistics<double>> exact_statistics(static_cast<std::size_t>(rows));
        layer_norm<double>(exact_x.view(), in_double(weight).data(), in_double(bias).data(), 1e-5f, expected.view(),
                           exact_statistics);
        for (Index r = 0; r < rows; ++r) {
          ASSERT_NEAR(statistics[r].mean, exact_statistics[r].mean, 1e-6);
          ASSERT_NEAR(statistics[r].rstd / exact_statistics[r].rstd, 1.0, 4e-6) << rows << " x " << cols;
          for (Index c = 0; c < cols; ++c)
            ASSERT_NEAR(y.view()(r, c), expected.view()(r, c), 1e-5) << rows << " x " << cols;
          for (Index c = cols; c < y.stride; ++c) ASSERT_EQ(y.data[r * y.stride + c], before.data[r * y.stride + c]);
        }
      }
    }
  });
}

TEST(LayerNorm, KeepsTheDigitsOfRowsFarFromZero) {
  at_every_simd_target([] {
    const Matrix x(3, 200, 1, 0, 3000.0);  // E[x²] − E[x]² would have no digit left
    const std::vector<float> weight(200, 1.0f), bias(200, 0.0f);
    Matrix y(x);
    layer_norm<float>(x.view(), weight.data(), bias.data(), 1e-12f, y.view());
    PaddedMatrix<double> expected(x);
    layer_norm<double>(PaddedMatrix<double>(x).view(), in_double(weight).data(), in_double(bias).data(), 1e-12,
                       expected.view(), {});
    for (std::size_t i = 0; i < y.data.size(); ++i) ASSERT_NEAR(y.data[i], expected.data[i], 1e-3);
  });
}

TEST(LayerNorm, RowDoesNotDependOnOtherRowsNorOnThreads) {
  at_every_simd_target([] {
    const Index rows = 130, cols = 301;
    const Matrix x(rows, cols, 1);
    const auto weight = random_row(cols, 2), bias = random_row(cols, 3);
    Matrix together(x), alone(x);
    {
      const ThreadScope threads(3);
      layer_norm<float>(x.view(), weight.data(), bias.data(), 1e-5f, together.view());
    }
    for (Index r = rows - 1; r >= 0; --r) {
      layer_norm<float>(x.view().row_range(r, 1), weight.data(), bias.data(), 1e-5f, alone.view().row_range(r, 1));
    }
    EXPECT_TRUE(together == alone);
  });
}

TEST(LayerNorm, WithoutABiasIsThatWithABiasOfZeros) {
  const auto compare = [] {
    const Matrix x(17, 33, 1, 3), dy(17, 33, 2, 4);
    const auto weight = random_row(33, 3);
    const std::vector<float> zeros(33, 0.0f);
    Matrix with(x), without(x), dx_with(dy), dx_without(dy);
    Statistics statistics(17);
    layer_norm<float>(x.view(), weight.data(), zeros.data(), 1e-5f, with.view());
    layer_norm<float>(x.view(), weight.data(), nullptr, 1e-5f, without.view(), statistics);
    EXPECT_TRUE(with == without);
    auto d_weight = random_row(33, 5), d_weight_without = d_weight, d_bias = random_row(33, 6);
    layer_norm_backward<float>(dy.view(), x.view(), statistics, weight.data(), dx_with.view(), d_weight.data(),
                               d_bias.data());
    layer_norm_backward<float>(dy.view(), x.view(), statistics, weight.data(), dx_without.view(),
                               d_weight_without.data(), nullptr);
    EXPECT_TRUE(dx_with == dx_without);
    EXPECT_EQ(d_weight, d_weight_without);
  };
  at_every_simd_target(compare);
  with_portable_kernels(compare);
}

TEST(LayerNorm, WorksInPlaceAndWithoutStatistics) {
  at_every_simd_target([] {
    const Matrix x(5, 77, 1);
    const auto weight = random_row(77, 2), bias = random_row(77, 3);
    Matrix apart(x), in_place(x);
    Statistics statistics(5);
    layer_norm<float>(x.view(), weight.data(), bias.data(), 1e-5f, apart.view(), statistics);
    layer_norm<float>(in_place.view(), weight.data(), bias.data(), 1e-5f, in_place.view());
    EXPECT_TRUE(apart == in_place);
  });
}

TEST(LayerNormBackward, AgreesWithThePortableCodeInDoubleAtEveryShape) {
  at_every_simd_target([] {
    for (const Index rows : row_counts) {
      for (const Index cols : col_counts) {
        const Matrix x(rows, cols, 1, 2, 0.5), dy(rows, cols, 2, 1);
        const auto weight = random_row(cols, 3);
        const Statistics statistics = portable_statistics<float>(x, 1e-2f);
        Matrix dx(rows, cols, 4, 4);
        const Matrix before = dx;
        auto d_weight = random_row(cols, 5), d_bias = random_row(cols, 6);  // gradients are added to what is there
        auto expected_weight = in_double(d_weight), expected_bias = in_double(d_bias);
        layer_norm_backward<float>(dy.view(), x.view(), statistics, weight.data(), dx.view(), d_weight.data(),
                                   d_bias.data());

        std::vector<RowStatistics<double>> exact_statistics;
        for (const auto& s : statistics) exact_statistics.push_back({s.mean, s.rstd});
        PaddedMatrix<double> expected(dx);
        layer_norm_backward<double>(PaddedMatrix<double>(dy).view(), PaddedMatrix<double>(x).view(), exact_statistics,
                                    in_double(weight).data(), expected.view(), expected_weight.data(),
                                    expected_bias.data());
        for (Index r = 0; r < rows; ++r) {
          const double size = std::max(1.0f, statistics[r].rstd);
          for (Index c = 0; c < cols; ++c) {
            ASSERT_NEAR(dx.view()(r, c), expected.view()(r, c), 1e-5 * size) << rows << " x " << cols;
          }
          for (Index c = cols; c < dx.stride; ++c)
            ASSERT_EQ(dx.data[r * dx.stride + c], before.data[r * dx.stride + c]);
        }
        for (Index c = 0; c < cols; ++c) {
          ASSERT_NEAR(d_weight[c], expected_weight[c], 4e-6 * static_cast<double>(rows + 10)) << rows << " x " << cols;
          ASSERT_NEAR(d_bias[c], expected_bias[c], 1e-6 * static_cast<double>(rows + 10)) << rows << " x " << cols;
        }
      }
    }
  });
}

TEST(LayerNormBackward, DoesNotDependOnTheThreadCount) {
  at_every_simd_target([] {
    for (const Index rows : {40, 2500}) {
      const Index cols = 75;
      const Matrix x(rows, cols, 1), dy(rows, cols, 2);
      const auto weight = random_row(cols, 3);
      const Statistics statistics = portable_statistics<float>(x, 1e-5f);
      const auto run = [&](int thread_count) {
        const ThreadScope threads(thread_count);
        Matrix dx(dy);
        auto d_weight = random_row(cols, 5), d_bias = random_row(cols, 6);
        layer_norm_backward<float>(dy.view(), x.view(), statistics, weight.data(), dx.view(), d_weight.data(),
                                   d_bias.data());
        return std::tuple(dx, d_weight, d_bias);
      };
      const auto alone = run(1);
      for (const int thread_count : {2, 3, 7})
        EXPECT_TRUE(run(thread_count) == alone) << rows << " rows, " << thread_count;
      EXPECT_TRUE(run(3) == alone);
    }
  });
}

TEST(LayerNormBackward, WorksInPlaceOfTheIncomingGradient) {
  at_every_simd_target([] {
    const Matrix x(33, 77, 1), dy(33, 77, 2);
    const auto weight = random_row(77, 3);
    const Statistics statistics = portable_statistics<float>(x, 1e-5f);
    std::vector<float> d_weight(77), d_bias(77), d_weight_in_place(77), d_bias_in_place(77);
    Matrix apart(dy), in_place(dy);
    layer_norm_backward<float>(dy.view(), x.view(), statistics, weight.data(), apart.view(), d_weight.data(),
                               d_bias.data());
    layer_norm_backward<float>(in_place.view(), x.view(), statistics, weight.data(), in_place.view(),
                               d_weight_in_place.data(), d_bias_in_place.data());
    EXPECT_TRUE(apart == in_place);
    EXPECT_EQ(d_weight, d_weight_in_place);
    EXPECT_EQ(d_bias, d_bias_in_place);
  });
}

TEST(LayerNormBackward, NoRowsAddNothing) {
  at_every_simd_target([] {
    std::vector<float> d_weight = {1, 2}, d_bias = {3, 4};
    const std::vector<float> weight = {1, 1};
    layer_norm_backward<float>({nullptr, 0, 2}, {nullptr, 0, 2}, {}, weight.data(), {nullptr, 0, 2}, d_weight.data(),
                               d_bias.data());
    EXPECT_EQ(d_weight, (std::vector<float>{1, 2}));
    EXPECT_EQ(d_bias, (std::vector<float>{3, 4}));
  });
}

// loss = Σ dy ∘ layer_norm(x), whose gradients layer_norm_backward returns.
TEST(LayerNormBackward, IsTheDerivativeOfTheForward) {
  const Index rows = 3, cols = 7;
  PaddedMatrix<double> x(rows, cols, 1, 0);
  const PaddedMatrix<double> dy(rows, cols, 2, 0);
  auto weight = random_row<double>(cols, 3), bias = random_row<double>(cols, 4);
  const double eps = 1e-3, h = 1e-5;
  std::vector<RowStatistics<double>> statistics(rows);
  PaddedMatrix<double> y(x), dx(x);
  std::vector<double> d_weight(cols), d_bias(cols);
  layer_norm<double>(x.view(), weight.data(), bias.data(), eps, y.view(), statistics);
  layer_norm_backward<double>(dy.view(), x.view(), statistics, weight.data(), dx.view(), d_weight.data(),
                              d_bias.data());

  const auto loss = [&] {
    layer_norm<double>(x.view(), weight.data(), bias.data(), eps, y.view());
    double sum = 0;
    for (std::size_t i = 0; i < y.data.size(); ++i) sum += y.data[i] * dy.data[i];
    return sum;
  };
  const auto derivative = [&](double& parameter) {
    const double value = parameter;
    parameter = value + h;
    const double above = loss();
    parameter = value - h;
    const double below = loss();
    parameter = value;
    return (above - below) / (2 * h);
  };
  for (std::size_t i = 0; i < x.data.size(); ++i) EXPECT_NEAR(dx.data[i], derivative(x.data[i]), 1e-8);
  for (std::size_t c = 0; c < weight.size(); ++c) EXPECT_NEAR(d_weight[c], derivative(weight[c]), 1e-8);
  for (std::size_t c = 0; c < bias.size(); ++c) EXPECT_NEAR(d_bias[c], derivative(bias[c]), 1e-8);
}

}  // namespace
}  // namespace sharcs::internal::kernels::layer_norm_test
