#include "kernels/elementwise.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <optional>
#include <vector>

#include "core/threads.hpp"
#include "kernels/padded_matrix.hpp"
#include "kernels/portable.hpp"
#include "kernels/simd_targets.hpp"

namespace sharcs::internal::kernels::elementwise_test {
namespace {

using Matrix = PaddedMatrix<float>;

constexpr Index row_counts[] = {1, 2, 7, 130};
constexpr Index col_counts[] = {1, 3, 4, 5, 15, 16, 17, 31, 32, 33, 63, 65, 129, 300};
constexpr Index gaps[] = {0, 3};

TEST(GeluBackward, AgreesWithThePortableCodeInDoubleAtEveryShape) {
  at_every_simd_target([] {
    for (const Index rows : row_counts) {
      for (const Index cols : col_counts) {
        for (const Index gap : gaps) {
          const Matrix dy(rows, cols, 1, gap);
          Matrix x(rows, cols, 2, gap);
          for (float& v : x.data) v *= 3;
          Matrix dx(rows, cols, 3, gap);
          PaddedMatrix<double> expected(dx);
          gelu_backward<float>(dy.view(), x.view(), dx.view());
          gelu_backward<double>(PaddedMatrix<double>(dy).view(), PaddedMatrix<double>(x).view(), expected.view());
          for (std::size_t i = 0; i < dx.data.size(); ++i) {
            ASSERT_NEAR(dx.data[i], expected.data[i], 1e-6 * std::max(1.0f, std::abs(dy.data[i])))
                << rows << " x " << cols;
          }
        }
      }
    }
  });
}

TEST(GatedAndReluBackward, AgreeWithThePortableCodeInDoubleAtEveryShape) {
  at_every_simd_target([] {
    for (const Index rows : row_counts)
      for (const Index cols : col_counts)
        for (const Index gap : gaps) {
          const Matrix dy(rows, cols, 1, gap);
          Matrix x(rows, cols, 2, gap);
          for (float& v : x.data) v *= 3;
          Matrix dx(rows, cols, 3, gap);
          PaddedMatrix<double> expected(dx);
          const PaddedMatrix<double> dy_double(dy), x_double(x);
          const auto expect_equal = [&] {
            for (std::size_t i = 0; i < dx.data.size(); ++i)
              ASSERT_NEAR(dx.data[i], expected.data[i], 1e-6 * std::max(1.0f, std::abs(dy.data[i])));
          };
          for (const Activation activation : {Activation::silu, Activation::quick_gelu}) {
            gated_backward<float>(dy.view(), x.view(), dx.view(), gate_slope<float>(activation));
            gated_backward<double>(dy_double.view(), x_double.view(), expected.view(), gate_slope<double>(activation));
            expect_equal();
          }
          relu_backward<float>(dy.view(), x.view(), dx.view());
          relu_backward<double>(dy_double.view(), x_double.view(), expected.view());
          expect_equal();
        }
  });
}

TEST(GatedBackward, IsTheDerivativeOfSiluAndQuickGelu) {
  const double h = 1e-5;
  for (const Activation activation : {Activation::silu, Activation::quick_gelu})
    for (double x = -8; x <= 8; x += 0.37) {
      const double dy = 1.5;
      double dx = 0;
      gated_backward<double>({&dy, 1, 1}, {&x, 1, 1}, MatrixView<double>(&dx, 1, 1), gate_slope<double>(activation));
      const auto at = [&](double v) { return portable::activate(v, activation); };
      EXPECT_NEAR(dx, dy * (at(x + h) - at(x - h)) / (2 * h), 1e-9) << x;
    }
  EXPECT_NEAR(portable::activate(2.0, Activation::silu), 2 / (1 + std::exp(-2.0)), 1e-15);
  EXPECT_NEAR(portable::activate(2.0, Activation::quick_gelu), 2 / (1 + std::exp(-3.404)), 1e-15);
}

TEST(GeluBackward, IsTheDerivativeOfGelu) {
  const double h = 1e-5;
  for (double x = -8; x <= 8; x += 0.37) {
    const double dy = 1.5;
    double dx = 0;
    gelu_backward<double>({&dy, 1, 1}, {&x, 1, 1}, MatrixView<double>(&dx, 1, 1));
    EXPECT_NEAR(dx, dy * (portable::gelu(x + h) - portable::gelu(x - h)) / (2 * h), 1e-9) << x;
  }
}

TEST(GeluBackward, WorksInPlaceAndElementsDoNotDependOnTheirPlaceNorOnThreads) {
  at_every_simd_target([] {
    const Index cols = 40001;
    const Matrix dy(1, cols, 1, 0), x(1, cols, 2, 0);
    Matrix apart(dy), in_place(dy), shifted(dy);
    {
      const ThreadScope threads(3);
      gelu_backward<float>(dy.view(), x.view(), apart.view());
    }
    const ThreadScope threads(1);
    gelu_backward<float>(in_place.view(), x.view(), in_place.view());
    for (const auto& [first, count] : {std::pair<Index, Index>{0, 7}, {7, 24}, {31, 1}, {32, cols - 32}}) {
      gelu_backward<float>(dy.view().col_range(first, count), x.view().col_range(first, count),
                           shifted.view().col_range(first, count));
    }
    EXPECT_TRUE(apart == in_place);
    EXPECT_TRUE(apart == shifted);
  });
}

TEST(GeluTanhBackward, AgreesWithThePortableCodeInDoubleAtEveryShape) {
  at_every_simd_target([] {
    for (const Index rows : row_counts) {
      for (const Index cols : col_counts) {
        const Matrix dy(rows, cols, 1, 3);
        Matrix x(rows, cols, 2, 3);
        for (float& v : x.data) v *= 3;
        Matrix dx(rows, cols, 3, 3);
        PaddedMatrix<double> expected(dx);
        gelu_tanh_backward<float>(dy.view(), x.view(), dx.view());
        gelu_tanh_backward<double>(PaddedMatrix<double>(dy).view(), PaddedMatrix<double>(x).view(), expected.view());
        for (std::size_t i = 0; i < dx.data.size(); ++i) {
          ASSERT_NEAR(dx.data[i], expected.data[i], 1e-6 * std::max(1.0f, std::abs(dy.data[i])))
              << rows << " x " << cols;
        }
      }
    }
  });
}

TEST(GeluTanhBackward, IsTheDerivativeOfTheApproximation) {
  const double h = 1e-5;
  for (double x = -8; x <= 8; x += 0.37) {
    const double dy = 1.5;
    double dx = 0;
    gelu_tanh_backward<double>({&dy, 1, 1}, {&x, 1, 1}, MatrixView<double>(&dx, 1, 1));
    EXPECT_NEAR(dx, dy * (portable::gelu_tanh(x + h) - portable::gelu_tanh(x - h)) / (2 * h), 1e-9) << x;
    EXPECT_NEAR(portable::gelu_tanh(x), 0.5 * x * (1 + std::tanh(0.79788456080286536 * (x + 0.044715 * x * x * x))),
                1e-14);
  }
}

TEST(Add, EqualsThePortableCodeBitForBitAtEveryShape) {
  at_every_simd_target([] {
    for (const Index rows : row_counts) {
      for (const Index cols : col_counts) {
        for (const Index gap : gaps) {
          const Matrix x(rows, cols, 1, gap);
          Matrix expected(rows, cols, 2, gap), found(expected);
          with_portable_kernels([&] { add<float>(x.view(), expected.view()); });
          add<float>(x.view(), found.view());
          ASSERT_TRUE(expected == found) << rows << " x " << cols << " + " << gap;
        }
      }
    }
  });
}

TEST(MultiplyBy, EqualsThePortableCodeBitForBitAtEveryShape) {
  at_every_simd_target([] {
    for (const Index rows : row_counts) {
      for (const Index cols : col_counts) {
        const Matrix x(rows, cols, 1, 3);
        Matrix expected(rows, cols, 2, 3), found(expected);
        with_portable_kernels([&] { multiply_by<float>(x.view(), expected.view()); });
        multiply_by<float>(x.view(), found.view());
        ASSERT_TRUE(expected == found) << rows << " x " << cols;
      }
    }
  });
}

TEST(Add, DoubleAndItself) {
  at_every_simd_target([] {
    Matrix x(300, 400, 1);
    const Matrix before(x);
    add<float>(x.view(), x.view());
    for (Index r = 0; r < x.rows; ++r) {
      for (Index c = 0; c < x.cols; ++c) ASSERT_EQ(x.view()(r, c), 2 * before.view()(r, c));
    }
  });
}

TEST(AddColumnSums, AddsUpRowsInOrderAtEveryShapeAndThreadCount) {
  at_every_simd_target([] {
    for (const Index rows : {1, 7, 8, 9, 130, 3000}) {
      for (const Index cols : col_counts) {
        const Matrix x(rows, cols, 1);
        auto expected = random_row(cols, 2);
        const auto before = expected;
        with_portable_kernels([&] { add_column_sums<float>(x.view(), expected.data()); });
        for (const int thread_count : {1, 3}) {
          const ThreadScope threads(thread_count);
          auto found = before;
          add_column_sums<float>(x.view(), found.data());
          ASSERT_EQ(expected, found) << rows << " x " << cols;
        }
      }
    }
  });
}

TEST(ExpBelow, IsTheExponentialOfEachElementAndReturnsTheirSum) {
  for (const Index size : {1, 5, 31, 33, 1000, 16385}) {
    const auto x = random_row(size, 1);
    const float largest = *std::ranges::max_element(x);
    for (const float factor : {1.0f, 0.5f}) {
      double sum = 0;
      std::vector<double> expected;
      for (const float v : x) sum += expected.emplace_back(std::exp(double{factor} * (double{v} - double{largest})));
      at_every_simd_target([&] {
        std::vector<float> y(x.size());
        EXPECT_NEAR(exp_below<float>(x, largest, factor, y.data()), sum, 2e-6 * sum) << size;
        for (std::size_t i = 0; i < y.size(); ++i) EXPECT_NEAR(y[i], expected[i], 1e-6 * expected[i]) << i;
      });
    }
  }
}

TEST(SquaredSum, IsExactToDoubleAndTheSameAtEverySimdTargetAndThreadCount) {
  for (const Index size : {0, 1, 5, 31, 32, 33, 1000, 16383, 16384, 16385, 200001}) {
    const auto x = random_row(size, 1);
    long double exact = 0;
    for (const float v : x) exact += static_cast<long double>(v) * v;
    std::optional<double> first;
    at_every_simd_target([&] {
      for (const int thread_count : {1, 2, 5}) {
        const ThreadScope threads(thread_count);
        const double found = squared_sum<float>(x);
        EXPECT_NEAR(found, static_cast<double>(exact), 1e-14 * static_cast<double>(exact)) << size;
        if (!first) first = found;
        EXPECT_EQ(found, *first) << size;
      }
    });
  }
}

TEST(SquaredSum, OfHugeAndTinyFloatsNeitherOverflowsNorVanishes) {
  at_every_simd_target([] {
    const std::vector<float> huge(40, std::numeric_limits<float>::max()), tiny(40, 1e-38f);
    EXPECT_DOUBLE_EQ(squared_sum<float>(huge), 40 * std::pow(static_cast<double>(huge[0]), 2));
    EXPECT_DOUBLE_EQ(squared_sum<float>(tiny), 40 * std::pow(static_cast<double>(tiny[0]), 2));
  });
}

TEST(SquaredSum, SeesEveryInfinityAndNan) {
  at_every_simd_target([] {
    for (const std::size_t place : {0u, 17u, 40u, 99u}) {
      std::vector<float> x(100, 1.0f);
      x[place] = std::numeric_limits<float>::infinity();
      EXPECT_TRUE(std::isinf(squared_sum<float>(x))) << place;
      x[place] = std::numeric_limits<float>::quiet_NaN();
      EXPECT_TRUE(std::isnan(squared_sum<float>(x))) << place;
    }
  });
}

/// The state of an optimizer after some steps with changing gradients.
template <class T>
struct AdamwRun {
  std::vector<T> weight, first_moment, second_moment;
  bool operator==(const AdamwRun&) const = default;
};

constexpr int steps = 4;
AdamwStep adamw_step(int t) {
  const double rate = 1e-2;
  return {.step_size = rate * std::sqrt(1 - std::pow(0.999, t)) / (1 - std::pow(0.9, t)),
          .beta1 = 0.9,
          .beta2 = 0.999,
          .eps = 1e-6,
          .decay = t % 2 == 0 ? 0 : rate * 0.1,
          .gradient_scale = t == 3 ? 0.25 : 1};
}

template <class T, class Apply>
AdamwRun<T> run_adamw(Index size, const Apply& apply) {
  const auto start = random_row(size, 1);
  AdamwRun<T> run{{start.begin(), start.end()}, std::vector<T>(start.size()), std::vector<T>(start.size())};
  for (int t = 1; t <= steps; ++t) {
    const auto source = random_row(size, 10 + static_cast<std::uint64_t>(t));
    const std::vector<T> gradient(source.begin(), source.end());
    apply(run, gradient, adamw_step(t));
  }
  return run;
}

template <class T>
void whole(AdamwRun<T>& run, const std::vector<T>& gradient, const AdamwStep& step) {
  adamw<T>(run.weight, run.first_moment, run.second_moment, gradient, step);
}

TEST(Adamw, AgreesWithThePortableCodeInDoubleAtEverySize) {
  at_every_simd_target([] {
    for (const Index size : {1, 3, 4, 15, 16, 17, 63, 100, 1000, 20011}) {
      const auto found = run_adamw<float>(size, whole<float>);
      const auto expected = run_adamw<double>(size, whole<double>);
      for (Index i = 0; i < size; ++i) {
        ASSERT_NEAR(found.weight[i], expected.weight[i], 5e-7 * std::max(1.0, std::abs(expected.weight[i]))) << size;
        ASSERT_NEAR(found.first_moment[i], expected.first_moment[i], 2e-7);
        ASSERT_NEAR(found.second_moment[i] / expected.second_moment[i], 1.0, 1e-6);
      }
    }
  });
}

TEST(Adamw, ElementsDoNotDependOnTheirPlaceNorOnThreads) {
  at_every_simd_target([] {
    const Index size = 40007;
    const auto alone = [&] {
      const ThreadScope threads(1);
      return run_adamw<float>(size, whole<float>);
    }();
    {
      const ThreadScope threads(3);
      EXPECT_TRUE(run_adamw<float>(size, whole<float>) == alone);
    }
    const auto in_pieces =
        run_adamw<float>(size, [&](AdamwRun<float>& run, const std::vector<float>& gradient, const AdamwStep& step) {
          for (const auto& [first, count] :
               {std::pair<std::size_t, std::size_t>{0, 5}, {5, 26}, {31, 1}, {32, 10007}, {10039, 29968}}) {
            adamw<float>(std::span(run.weight).subspan(first, count), std::span(run.first_moment).subspan(first, count),
                         std::span(run.second_moment).subspan(first, count), std::span(gradient).subspan(first, count),
                         step);
          }
        });
    EXPECT_TRUE(in_pieces == alone);
  });
}

TEST(Adamw, ZeroGradientAndNoDecayLeaveAFreshWeightAsItIs) {
  at_every_simd_target([] {
    std::vector<float> weight = random_row(37, 1), m(37), v(37);
    const std::vector<float> before = weight, gradient(37);
    adamw<float>(weight, m, v, gradient, {.step_size = 1, .beta1 = 0.9, .beta2 = 0.999, .eps = 1e-8, .decay = 0});
    EXPECT_EQ(weight, before);
  });
}

TEST(Adamw, MomentsThatNoLongerMoveAWeightBecomeZero) {
  at_every_simd_target([] {
    std::vector<float> weight(20, 1.0f), m(20, 2e-30f), v(20, 2 * std::numeric_limits<float>::min());
    const std::vector<float> gradient(20);
    const AdamwStep step = {.step_size = 1, .beta1 = 0.4, .beta2 = 0.4, .eps = 1e-8, .decay = 0};
    adamw<float>(weight, m, v, gradient, step);
    EXPECT_EQ(m, gradient);
    EXPECT_EQ(v, gradient);
    EXPECT_EQ(weight, std::vector<float>(20, 1.0f));
  });
}

TEST(Adamw, NotANumberIsNotHidden) {
  at_every_simd_target([] {
    std::vector<float> weight(5, 1.0f), m(5), v(5);
    const std::vector<float> gradient(5, std::numeric_limits<float>::quiet_NaN());
    adamw<float>(weight, m, v, gradient, adamw_step(1));
    for (const float w : weight) EXPECT_TRUE(std::isnan(w));
  });
}

template <class T>
void compare_idle_steps() {
  // A short memory, so that some of the elements come to rest on the way; every fifth one has never moved.
  std::vector<AdamwStep> idle;
  for (int t = 1; t <= 150; ++t) {
    AdamwStep step = adamw_step(t);
    step.beta1 = 0.5;
    step.beta2 = 0.3;
    idle.push_back(step);
  }
  for (const Index size : {1, 5, 16, 37, 128}) {
    AdamwRun<T> one_by_one = run_adamw<T>(size, whole<T>);
    for (std::size_t i = 0; i < one_by_one.weight.size(); i += 5)
      one_by_one.first_moment[i] = one_by_one.second_moment[i] = 0;
    AdamwRun<T> at_once = one_by_one;
    for (const AdamwStep& step : idle) whole(one_by_one, std::vector<T>(static_cast<std::size_t>(size)), step);
    const auto some = std::span<const AdamwStep>(idle).first(7), rest = std::span<const AdamwStep>(idle).subspan(7);
    for (const auto part : {some, rest})
      adamw_idle<T>(at_once.weight, at_once.first_moment, at_once.second_moment, part);
    EXPECT_TRUE(at_once == one_by_one) << size;
  }
}

TEST(Adamw, IdleStepsAtOnceGiveTheBitsOfStepsWithAZeroGradient) {
  at_every_simd_target([] { compare_idle_steps<float>(); });
  compare_idle_steps<double>();
}

}  // namespace
}  // namespace sharcs::internal::kernels::elementwise_test
