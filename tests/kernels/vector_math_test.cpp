#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/vector_math_test.cpp"
#include <hwy/foreach_target.h>  // IWYU pragma: keep
#include <hwy/highway.h>

#include "kernels/vector_math-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace sharcs::internal::kernels::HWY_NAMESPACE {

/// y[i] = function(x[i]); `count` is a multiple of every vector length.
template <class Function>
void map_all(const float* x, float* y, std::size_t count, const Function& function) {
  const hn::ScalableTag<float> d;
  for (std::size_t i = 0; i < count; i += hn::Lanes(d)) hn::StoreU(function(d, hn::LoadU(d, x + i)), d, y + i);
}

void exp_all(const float* x, float* y, std::size_t count) {
  map_all(x, y, count, [](auto d, auto v) HWY_ATTR { return exp_nonpositive(d, v); });
}
void gelu_all(const float* x, float* y, std::size_t count) {
  map_all(x, y, count, [](auto d, auto v) HWY_ATTR { return gelu(d, v); });
}
void gelu_derivative_all(const float* x, float* y, std::size_t count) {
  map_all(x, y, count, [](auto d, auto v) HWY_ATTR { return gelu_derivative(d, v); });
}
void gelu_tanh_all(const float* x, float* y, std::size_t count) {
  map_all(x, y, count, [](auto d, auto v) HWY_ATTR { return gelu_tanh(d, v); });
}
void gelu_tanh_derivative_all(const float* x, float* y, std::size_t count) {
  map_all(x, y, count, [](auto d, auto v) HWY_ATTR { return gelu_tanh_derivative(d, v); });
}
void silu_all(const float* x, float* y, std::size_t count) {
  map_all(x, y, count, [](auto d, auto v) HWY_ATTR { return gated(d, v, 1.0f); });
}
void silu_derivative_all(const float* x, float* y, std::size_t count) {
  map_all(x, y, count, [](auto d, auto v) HWY_ATTR { return gated_derivative(d, v, 1.0f); });
}
void quick_gelu_all(const float* x, float* y, std::size_t count) {
  map_all(x, y, count, [](auto d, auto v) HWY_ATTR { return gated(d, v, 1.702f); });
}
void quick_gelu_derivative_all(const float* x, float* y, std::size_t count) {
  map_all(x, y, count, [](auto d, auto v) HWY_ATTR { return gated_derivative(d, v, 1.702f); });
}
void tanh_all(const float* x, float* y, std::size_t count) {
  map_all(x, y, count, [](auto d, auto v) HWY_ATTR { return tanh(d, v); });
}

}  // namespace sharcs::internal::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <numbers>
#include <vector>

#include "kernels/simd_targets.hpp"

namespace sharcs::internal::kernels {
HWY_EXPORT(exp_all);
HWY_EXPORT(gelu_all);
HWY_EXPORT(gelu_derivative_all);
HWY_EXPORT(gelu_tanh_all);
HWY_EXPORT(gelu_tanh_derivative_all);
HWY_EXPORT(silu_all);
HWY_EXPORT(silu_derivative_all);
HWY_EXPORT(quick_gelu_all);
HWY_EXPORT(quick_gelu_derivative_all);
HWY_EXPORT(tanh_all);

namespace {

constexpr float infinity = std::numeric_limits<float>::infinity();
constexpr std::size_t lanes = 64;  // a multiple of every vector length

std::vector<float> whole_vectors(std::vector<float> x) {
  while (x.size() % lanes != 0) x.push_back(0);
  return x;
}

/// Every `step`-th float: the small and the huge, the infinities and NaNs of both signs.
std::vector<float> floats_of_every_size(std::uint64_t step) {
  std::vector<float> x;
  for (std::uint64_t bits = 0; bits < std::uint64_t{1} << 32; bits += step) {
    x.push_back(std::bit_cast<float>(static_cast<std::uint32_t>(bits)));
  }
  return whole_vectors(std::move(x));
}

std::vector<float> grid(double low, double high, double step) {
  std::vector<float> x;
  for (double v = low; v <= high; v += step) x.push_back(static_cast<float>(v));
  return whole_vectors(std::move(x));
}

std::vector<double> truth(const std::vector<float>& x, double (*function)(double)) {
  std::vector<double> y;
  for (const float v : x) y.push_back(function(v));
  return y;
}

// erfc keeps its digits where 1 + erf loses them.
double normal_cdf(double x) { return 0.5 * std::erfc(-x / std::numbers::sqrt2); }
double exact_gelu(double x) { return std::isinf(x) ? std::max(x, 0.0) : x * normal_cdf(x); }
double exact_gelu_derivative(double x) {
  const double density = 0.5 * std::numbers::inv_sqrtpi * std::numbers::sqrt2 * std::exp(-0.5 * x * x);
  return normal_cdf(x) + (density == 0 ? 0 : x * density);
}
double tanh_gate(double x) {
  return 1 / (1 + std::exp(-2 * std::sqrt(2 / std::numbers::pi) * (x + 0.044715 * x * x * x)));
}
double tanh_gelu(double x) { return std::isinf(x) ? std::max(x, 0.0) : x * tanh_gate(x); }
double tanh_gelu_derivative(double x) {
  const double slope = tanh_gate(x) * tanh_gate(-x) * 2 * std::sqrt(2 / std::numbers::pi);
  return tanh_gate(x) + (slope == 0 ? 0 : x * slope * (1 + 3 * 0.044715 * x * x));
}
double logistic(double x) { return 1 / (1 + std::exp(-x)); }
template <int thousandths>
double gated_by_logistic(double x) {
  return std::isinf(x) ? std::max(x, 0.0) : x * logistic(thousandths / 1000.0 * x);
}
template <int thousandths>
double gated_by_logistic_derivative(double x) {
  const double steep = thousandths / 1000.0 * x, slope = logistic(steep) * logistic(-steep);
  return logistic(steep) + (slope == 0 ? 0 : steep * slope);
}

/// Fails the test where y is not within 3e-7 of the truth, its slope not within 5e-7.
void expect_gated(const std::vector<float>& x, const std::vector<double>& value, const std::vector<double>& slope,
                  const std::vector<float>& y, const std::vector<float>& dy) {
  for (std::size_t i = 0; i < x.size(); ++i) {
    if (std::isnan(x[i])) {
      ASSERT_TRUE(std::isnan(y[i]) && std::isnan(dy[i]));
      continue;
    }
    if (std::isinf(x[i]))
      ASSERT_EQ(y[i], value[i]);
    else
      ASSERT_NEAR(y[i], value[i], 3e-7 * std::max(1.0, std::abs(value[i]))) << x[i];
    ASSERT_NEAR(dy[i], slope[i], 5e-7) << x[i];
  }
}

TEST(VectorMath, ExpIsWithin12e8RelativeOverItsNormalRange) {
  const std::vector<float> x = grid(-87.336, 0, 1e-4);
  const std::vector<double> expected = truth(x, std::exp);
  at_every_simd_target([&] {
    std::vector<float> y(x.size());
    HWY_DYNAMIC_DISPATCH(exp_all)(x.data(), y.data(), x.size());
    for (std::size_t i = 0; i < x.size(); ++i) ASSERT_NEAR(y[i] / expected[i], 1.0, 1.2e-7) << x[i];
  });
}

TEST(VectorMath, ExpFlushesBelowTheNormalRangeAndKeepsNan) {
  std::vector<float> x(lanes, 0.0f), y(lanes);
  const std::vector<float> vanishing = {-87.34f, -104.0f, -1e6f, -std::numeric_limits<float>::max(), -infinity};
  const std::vector<float> nans = {std::bit_cast<float>(0x7FC00000u), std::bit_cast<float>(0x7FFFFFFFu),
                                   std::bit_cast<float>(0x7FC00001u), std::bit_cast<float>(0xFFC00055u)};
  std::copy(vanishing.begin(), vanishing.end(), x.begin());
  std::copy(nans.begin(), nans.end(), x.begin() + 5);
  at_every_simd_target([&] {
    HWY_DYNAMIC_DISPATCH(exp_all)(x.data(), y.data(), x.size());
    for (std::size_t i = 0; i < 5; ++i) EXPECT_EQ(y[i], 0.0f) << x[i];
    for (std::size_t i = 5; i < 9; ++i) EXPECT_TRUE(std::isnan(y[i])) << i;
    for (std::size_t i = 9; i < lanes; ++i) EXPECT_EQ(y[i], 1.0f);
  });
}

TEST(VectorMath, GeluIsWithin15e8OfTheTruthOverAllFloatsAndKeepsNan) {
  for (const auto& x : {floats_of_every_size(8191), grid(-16, 16, 5e-5)}) {
    const std::vector<double> expected = truth(x, exact_gelu);
    at_every_simd_target([&] {
      std::vector<float> y(x.size());
      HWY_DYNAMIC_DISPATCH(gelu_all)(x.data(), y.data(), x.size());
      for (std::size_t i = 0; i < x.size(); ++i) {
        if (std::isnan(x[i])) {
          ASSERT_TRUE(std::isnan(y[i]));
        } else if (std::isinf(x[i])) {
          ASSERT_EQ(y[i], expected[i]);
        } else {
          ASSERT_NEAR(y[i], expected[i], 1.5e-7 * std::max(1.0, std::abs(expected[i]))) << x[i];
        }
      }
    });
  }
}

// Through 1 + erf(x) nothing of this would be left.
TEST(VectorMath, GeluKeepsItsDigitsInTheLeftTail) {
  const std::vector<float> x = grid(-12, -3, 1e-4);
  const std::vector<double> expected = truth(x, exact_gelu);
  at_every_simd_target([&] {
    std::vector<float> y(x.size());
    HWY_DYNAMIC_DISPATCH(gelu_all)(x.data(), y.data(), x.size());
    for (std::size_t i = 0; i < x.size(); ++i) ASSERT_NEAR(y[i], expected[i], 2e-5 * std::abs(expected[i])) << x[i];
  });
}

TEST(VectorMath, GeluDerivativeIsWithin3e7OfTheTruthOverAllFloatsAndKeepsNan) {
  for (const auto& x : {floats_of_every_size(8191), grid(-16, 16, 5e-5)}) {
    const std::vector<double> expected = truth(x, exact_gelu_derivative);
    at_every_simd_target([&] {
      std::vector<float> y(x.size());
      HWY_DYNAMIC_DISPATCH(gelu_derivative_all)(x.data(), y.data(), x.size());
      for (std::size_t i = 0; i < x.size(); ++i) {
        if (std::isnan(x[i])) {
          ASSERT_TRUE(std::isnan(y[i]));
        } else {
          ASSERT_NEAR(y[i], expected[i], 3e-7) << x[i];
        }
      }
    });
  }
}

TEST(VectorMath, GeluByTanhIsWithin3e7OfTheTruthOverAllFloatsAndKeepsNan) {
  for (const auto& x : {floats_of_every_size(8191), grid(-16, 16, 5e-5)}) {
    const std::vector<double> expected = truth(x, tanh_gelu), slope = truth(x, tanh_gelu_derivative);
    at_every_simd_target([&] {
      std::vector<float> y(x.size()), dy(x.size());
      HWY_DYNAMIC_DISPATCH(gelu_tanh_all)(x.data(), y.data(), x.size());
      HWY_DYNAMIC_DISPATCH(gelu_tanh_derivative_all)(x.data(), dy.data(), x.size());
      for (std::size_t i = 0; i < x.size(); ++i) {
        if (std::isnan(x[i])) {
          ASSERT_TRUE(std::isnan(y[i]) && std::isnan(dy[i]));
        } else {
          if (std::isinf(x[i])) {
            ASSERT_EQ(y[i], expected[i]);
          } else {
            ASSERT_NEAR(y[i], expected[i], 3e-7 * std::max(1.0, std::abs(expected[i]))) << x[i];
          }
          ASSERT_NEAR(dy[i], slope[i], 5e-7) << x[i];
        }
      }
    });
  }
}

TEST(VectorMath, SiluAndQuickGeluAreWithin3e7OfTheTruthOverAllFloatsAndKeepNan) {
  for (const auto& x : {floats_of_every_size(8191), grid(-24, 24, 1e-4)}) {
    const auto silu = truth(x, gated_by_logistic<1000>), silu_slope = truth(x, gated_by_logistic_derivative<1000>);
    const auto quick = truth(x, gated_by_logistic<1702>), quick_slope = truth(x, gated_by_logistic_derivative<1702>);
    at_every_simd_target([&] {
      std::vector<float> y(x.size()), dy(x.size());
      HWY_DYNAMIC_DISPATCH(silu_all)(x.data(), y.data(), x.size());
      HWY_DYNAMIC_DISPATCH(silu_derivative_all)(x.data(), dy.data(), x.size());
      ASSERT_NO_FATAL_FAILURE(expect_gated(x, silu, silu_slope, y, dy));
      HWY_DYNAMIC_DISPATCH(quick_gelu_all)(x.data(), y.data(), x.size());
      HWY_DYNAMIC_DISPATCH(quick_gelu_derivative_all)(x.data(), dy.data(), x.size());
      ASSERT_NO_FATAL_FAILURE(expect_gated(x, quick, quick_slope, y, dy));
    });
  }
}

TEST(VectorMath, TanhIsWithin2e7RelativeOverAllFloatsAndKeepsNan) {
  for (const auto& x : {floats_of_every_size(8191), grid(-10, 10, 5e-5)}) {
    const std::vector<double> expected = truth(x, std::tanh);
    at_every_simd_target([&] {
      std::vector<float> y(x.size());
      HWY_DYNAMIC_DISPATCH(tanh_all)(x.data(), y.data(), x.size());
      for (std::size_t i = 0; i < x.size(); ++i) {
        if (std::isnan(x[i])) {
          ASSERT_TRUE(std::isnan(y[i]));
        } else {
          ASSERT_NEAR(y[i], expected[i], 2e-7 * std::abs(expected[i])) << x[i];
        }
      }
    });
  }
}

}  // namespace
}  // namespace sharcs::internal::kernels
#endif
