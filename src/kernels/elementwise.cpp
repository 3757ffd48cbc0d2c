#include "kernels/elementwise.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/elementwise.cpp"
#include <hwy/foreach_target.h>  // IWYU pragma: keep
#include <hwy/highway.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <span>

#include "core/aligned_buffer.hpp"
#include "core/rounding.hpp"
#include "core/stages.hpp"
#include "core/threads.hpp"
#include "kernels/backend.hpp"
#include "kernels/portable.hpp"
#include "kernels/vector_loop-inl.hpp"
#include "kernels/vector_math-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace sharcs::internal::kernels::HWY_NAMESPACE {

void gelu_backward_rows(MatrixView<const float> dy, MatrixView<const float> x, MatrixView<float> dx) {
  for (Index r = 0; r < x.rows; ++r) {
    const float *gradient = dy.row(r), *in = x.row(r);
    float* out = dx.row(r);
    for_each_vector(x.cols, [=](auto d, Index c) HWY_ATTR {
      hn::StoreU(hn::Mul(hn::LoadU(d, gradient + c), gelu_derivative(d, hn::LoadU(d, in + c))), d, out + c);
    });
  }
}

void gelu_tanh_backward_rows(MatrixView<const float> dy, MatrixView<const float> x, MatrixView<float> dx) {
  for (Index r = 0; r < x.rows; ++r) {
    const float *gradient = dy.row(r), *in = x.row(r);
    float* out = dx.row(r);
    for_each_vector(x.cols, [=](auto d, Index c) HWY_ATTR {
      hn::StoreU(hn::Mul(hn::LoadU(d, gradient + c), gelu_tanh_derivative(d, hn::LoadU(d, in + c))), d, out + c);
    });
  }
}

void gated_backward_rows(MatrixView<const float> dy, MatrixView<const float> x, MatrixView<float> dx, float k) {
  for (Index r = 0; r < x.rows; ++r) {
    const float *gradient = dy.row(r), *in = x.row(r);
    float* out = dx.row(r);
    for_each_vector(x.cols, [=](auto d, Index c) HWY_ATTR {
      hn::StoreU(hn::Mul(hn::LoadU(d, gradient + c), gated_derivative(d, hn::LoadU(d, in + c), k)), d, out + c);
    });
  }
}

void relu_backward_rows(MatrixView<const float> dy, MatrixView<const float> x, MatrixView<float> dx) {
  for (Index r = 0; r < x.rows; ++r) {
    const float *gradient = dy.row(r), *in = x.row(r);
    float* out = dx.row(r);
    for_each_vector(x.cols, [=](auto d, Index c) HWY_ATTR {
      const auto is_on = hn::Gt(hn::LoadU(d, in + c), hn::Zero(d));
      hn::StoreU(hn::IfThenElseZero(is_on, hn::LoadU(d, gradient + c)), d, out + c);
    });
  }
}

void add_rows(MatrixView<const float> x, MatrixView<float> y) {
  for (Index r = 0; r < x.rows; ++r) {
    const float* in = x.row(r);
    float* out = y.row(r);
    for_each_vector(x.cols, [=](auto d, Index c) HWY_ATTR {
      hn::StoreU(hn::Add(hn::LoadU(d, out + c), hn::LoadU(d, in + c)), d, out + c);
    });
  }
}

void multiply_by_rows(MatrixView<const float> x, MatrixView<float> y) {
  for (Index r = 0; r < x.rows; ++r) {
    const float* in = x.row(r);
    float* out = y.row(r);
    for_each_vector(x.cols, [=](auto d, Index c) HWY_ATTR {
      hn::StoreU(hn::Mul(hn::LoadU(d, out + c), hn::LoadU(d, in + c)), d, out + c);
    });
  }
}

/// Eight rows in one pass over the sums: that many streams the hardware prefetches, and the sums are read and written
/// an eighth as often.
void add_column_sums_rows(MatrixView<const float> x, float* HWY_RESTRICT sums) {
  constexpr Index group = 8;
  Index r = 0;
  for (; r + group <= x.rows; r += group) {
    const float* in = x.row(r);
    for_each_vector(x.cols, [=, stride = x.stride](auto d, Index c) HWY_ATTR {
      auto sum = hn::LoadU(d, sums + c);
      HWY_UNROLL(8)
      for (Index i = 0; i < group; ++i) sum = hn::Add(sum, hn::LoadU(d, in + i * stride + c));
      hn::StoreU(sum, d, sums + c);
    });
  }
  for (; r < x.rows; ++r) {
    const float* in = x.row(r);
    for_each_vector(x.cols, [=](auto d, Index c) HWY_ATTR {
      hn::StoreU(hn::Add(hn::LoadU(d, sums + c), hn::LoadU(d, in + c)), d, sums + c);
    });
  }
}

float exp_below_row(const float* x, Index count, float shift, float factor, float* y) {
  return sum_over(count, [=](auto d, Index i, auto sum) HWY_ATTR {
    const auto scaled = hn::Mul(hn::Sub(hn::LoadU(d, x + i), hn::Set(d, shift)), hn::Set(d, factor));
    const auto power = exp_nonpositive(d, scaled);
    hn::StoreU(power, d, y + i);
    return hn::Add(sum, power);
  });
}

/// Σ x². Element i goes to sum i mod 32, whatever the vector length, and a float's square is exact in double: so all
/// instruction sets give the same bits.
double squared_sum_block(const float* x, Index count) {
  constexpr Index columns = 32, chains = 4;
  const hn::CappedTag<double, 8> dd;
  const hn::Rebind<float, decltype(dd)> df;
  const auto lanes = static_cast<Index>(hn::Lanes(dd));
  const Index whole = count / columns * columns;
  alignas(64) std::array<float, columns> rest = {};
  std::copy(x + whole, x + count, rest.begin());
  alignas(64) std::array<double, columns> sums;
  // Four vectors of sums at a time; where vectors are short, that takes several passes over the block, which the cache
  // holds.
  for (Index first = 0; first < columns; first += chains * lanes) {
    auto sum0 = hn::Zero(dd), sum1 = sum0, sum2 = sum0, sum3 = sum0;
    const auto add_stripe = [&](const float* from) HWY_ATTR {
      const auto x0 = hn::PromoteTo(dd, hn::LoadU(df, from)), x1 = hn::PromoteTo(dd, hn::LoadU(df, from + lanes));
      const auto x2 = hn::PromoteTo(dd, hn::LoadU(df, from + 2 * lanes)),
                 x3 = hn::PromoteTo(dd, hn::LoadU(df, from + 3 * lanes));
      sum0 = hn::MulAdd(x0, x0, sum0);
      sum1 = hn::MulAdd(x1, x1, sum1);
      sum2 = hn::MulAdd(x2, x2, sum2);
      sum3 = hn::MulAdd(x3, x3, sum3);
    };
    for (Index i = first; i < whole; i += columns) add_stripe(x + i);
    add_stripe(rest.data() + first);
    hn::StoreU(sum0, dd, sums.data() + first);
    hn::StoreU(sum1, dd, sums.data() + first + lanes);
    hn::StoreU(sum2, dd, sums.data() + first + 2 * lanes);
    hn::StoreU(sum3, dd, sums.data() + first + 3 * lanes);
  }
  double total = 0;
  for (const double sum : sums) total += sum;
  return total;
}

/// An AdamwStep in floats.
struct AdamwConstants {
  float step_size, beta1, new1, beta2, new2, eps, decay, scale;

  AdamwConstants() = default;
  explicit AdamwConstants(const AdamwStep& step)
      : step_size(static_cast<float>(step.step_size)),
        beta1(static_cast<float>(step.beta1)),
        // Subtracted in double: 1 − 0.999f has only three digits left.
        new1(static_cast<float>(1 - step.beta1)),
        beta2(static_cast<float>(step.beta2)),
        new2(static_cast<float>(1 - step.beta2)),
        eps(static_cast<float>(step.eps)),
        decay(static_cast<float>(step.decay)),
        scale(static_cast<float>(step.gradient_scale)) {}
};

template <class D, class V = hn::Vec<D>>
HWY_INLINE V zero_below(D d, float least, V x) {
  return hn::IfThenZeroElse(hn::Lt(hn::Abs(x), hn::Set(d, least)), x);  // NaN stays NaN
}

template <class D, class V = hn::Vec<D>>
HWY_INLINE V decayed(D d, V w, const AdamwConstants& c) {
  return hn::NegMulAdd(hn::Set(d, c.decay), w, w);
}

/// One step on one vector. g is the scaled gradient.
template <class D, class V = hn::Vec<D>>
HWY_INLINE void adamw_vector(D d, V& w, V& m, V& v, V g, const AdamwConstants& c) {
  m = zero_below(d, AdamwStep::least_first_moment, hn::MulAdd(hn::Set(d, c.beta1), m, hn::Mul(hn::Set(d, c.new1), g)));
  v = zero_below(d, AdamwStep::least_second_moment,
                 hn::MulAdd(hn::Set(d, c.beta2), v, hn::Mul(hn::Mul(hn::Set(d, c.new2), g), g)));
  const auto change = hn::Div(hn::Mul(hn::Set(d, c.step_size), m), hn::Add(hn::Sqrt(v), hn::Set(d, c.eps)));
  w = decayed(d, hn::Sub(w, change), c);
}

void adamw_range(float* HWY_RESTRICT weight, float* HWY_RESTRICT first_moment, float* HWY_RESTRICT second_moment,
                 const float* HWY_RESTRICT gradient, Index count, const AdamwStep& step) {
  const AdamwConstants constants(step);
  for_each_vector(count, [=](auto d, Index i) HWY_ATTR {
    auto w = hn::LoadU(d, weight + i), m = hn::LoadU(d, first_moment + i), v = hn::LoadU(d, second_moment + i);
    adamw_vector(d, w, m, v, hn::Mul(hn::LoadU(d, gradient + i), hn::Set(d, constants.scale)), constants);
    hn::StoreU(m, d, first_moment + i);
    hn::StoreU(v, d, second_moment + i);
    hn::StoreU(w, d, weight + i);
  });
}

/// Few steps at a time over the whole range: the chains of dependent operations of neighbouring vectors are then short
/// enough for the processor to overlap them.
void adamw_idle_range(float* HWY_RESTRICT weight, float* HWY_RESTRICT first_moment, float* HWY_RESTRICT second_moment,
                      Index count, std::span<const AdamwStep> steps) {
  constexpr std::size_t most = 16;
  std::array<AdamwConstants, most> constants;
  for (; !steps.empty(); steps = steps.subspan(std::min(steps.size(), most))) {
    const auto chunk = static_cast<Index>(std::min(steps.size(), most));
    for (Index s = 0; s < chunk; ++s) constants[s] = AdamwConstants(steps[s]);
    for_each_vector(count, [&](auto d, Index i) HWY_ATTR {
      auto w = hn::LoadU(d, weight + i), m = hn::LoadU(d, first_moment + i), v = hn::LoadU(d, second_moment + i);
      Index s = 0;
      for (; s < chunk && !hn::AllTrue(d, hn::Eq(m, hn::Zero(d))); ++s)
        adamw_vector(d, w, m, v, hn::Zero(d), constants[s]);
      if (!hn::AllTrue(d, hn::Eq(v, hn::Zero(d)))) {
        for (Index t = s; t < chunk; ++t)
          v = zero_below(d, AdamwStep::least_second_moment, hn::Mul(hn::Set(d, constants[t].beta2), v));
      }
      for (; s < chunk; ++s) w = decayed(d, w, constants[s]);
      hn::StoreU(m, d, first_moment + i);
      hn::StoreU(v, d, second_moment + i);
      hn::StoreU(w, d, weight + i);
    });
  }
}

}  // namespace sharcs::internal::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace sharcs::internal::kernels {
HWY_EXPORT(gelu_backward_rows);
HWY_EXPORT(gelu_tanh_backward_rows);
HWY_EXPORT(gated_backward_rows);
HWY_EXPORT(relu_backward_rows);
HWY_EXPORT(add_rows);
HWY_EXPORT(multiply_by_rows);
HWY_EXPORT(add_column_sums_rows);
HWY_EXPORT(exp_below_row);
HWY_EXPORT(squared_sum_block);
HWY_EXPORT(adamw_range);
HWY_EXPORT(adamw_idle_range);

namespace simd {
namespace {

/// Calls body(begin, end) on ranges of [0, total) that start at multiples of `block`, spread over the threads.
template <class Body>
void share_blocks(Stages* stages, Index total, Index block, const Body& body) {
  share_ranges(stages, ceil_divide(total, block), 1,
               [=](Index begin, Index end) { body(begin * block, std::min(end * block, total)); });
}
template <class Body>
void parallel_blocks(Index total, Index block, const Body& body) {
  share_blocks(nullptr, total, block, body);
}

/// Calls body on parts of views of one shape, spread over the threads. Views without gaps are one long row, which
/// splits evenly and has one end instead of many.
template <class Body, class T, class... U>
void share_elements(Stages* stages, Index least, const Body& body, MatrixView<T> first, MatrixView<U>... others) {
  if (first.stride == first.cols && ((others.stride == first.cols) && ...)) {
    share_blocks(stages, first.rows * first.cols, least, [=](Index begin, Index end) {
      body(MatrixView<T>(first.data + begin, 1, end - begin), MatrixView<U>(others.data + begin, 1, end - begin)...);
    });
  } else {
    share_ranges(stages, first.rows, grain(least, first.cols), [=](Index begin, Index end) {
      body(first.row_range(begin, end - begin), others.row_range(begin, end - begin)...);
    });
  }
}

void gelu_backward(MatrixView<const float> dy, MatrixView<const float> x, MatrixView<float> dx) {
  share_elements(nullptr, 8192, HWY_DYNAMIC_DISPATCH(gelu_backward_rows), dy, x, dx);
}

void gelu_tanh_backward(MatrixView<const float> dy, MatrixView<const float> x, MatrixView<float> dx) {
  share_elements(nullptr, 8192, HWY_DYNAMIC_DISPATCH(gelu_tanh_backward_rows), dy, x, dx);
}

void gated_backward(MatrixView<const float> dy, MatrixView<const float> x, MatrixView<float> dx, float k) {
  const auto rows = [k](MatrixView<const float> gradient, MatrixView<const float> in, MatrixView<float> out) {
    HWY_DYNAMIC_DISPATCH(gated_backward_rows)(gradient, in, out, k);
  };
  share_elements(nullptr, 8192, rows, dy, x, dx);
}

void relu_backward(MatrixView<const float> dy, MatrixView<const float> x, MatrixView<float> dx) {
  share_elements(nullptr, 32768, HWY_DYNAMIC_DISPATCH(relu_backward_rows), dy, x, dx);
}

void add(MatrixView<const float> x, MatrixView<float> y) {
  share_elements(nullptr, 32768, HWY_DYNAMIC_DISPATCH(add_rows), x, y);
}

void multiply_by(Stages* stages, MatrixView<const float> x, MatrixView<float> y) {
  share_elements(stages, 32768, HWY_DYNAMIC_DISPATCH(multiply_by_rows), x, y);
}

void add_column_sums(MatrixView<const float> x, float* sums) {
  // Threads take whole cache lines of columns, and each column adds up its rows in order.
  parallel_ranges(ceil_divide(x.cols, line_floats), grain(32768, line_floats * x.rows), [&](Index begin, Index end) {
    const Index first = begin * line_floats, cols = std::min(end * line_floats, x.cols) - first;
    HWY_DYNAMIC_DISPATCH(add_column_sums_rows)(x.col_range(first, cols), sums + first);
  });
}

float exp_below(std::span<const float> x, float shift, float factor, float* y) {
  return HWY_DYNAMIC_DISPATCH(exp_below_row)(x.data(), static_cast<Index>(x.size()), shift, factor, y);
}

double squared_sum(std::span<const float> x) {
  constexpr Index block = 16384;
  const Index size = static_cast<Index>(x.size()), blocks = ceil_divide(size, block);
  thread_local AlignedBuffer<double> sums;
  if (sums.size() < static_cast<std::size_t>(blocks)) sums = AlignedBuffer<double>(static_cast<std::size_t>(blocks));
  double* const parts = sums.data();  // the calling thread's, for all threads
  parallel_ranges(blocks, 2, [&](Index begin, Index end) {
    for (Index b = begin; b < end; ++b) {
      parts[b] = HWY_DYNAMIC_DISPATCH(squared_sum_block)(x.data() + b * block, std::min(block, size - b * block));
    }
  });
  double total = 0;
  for (Index b = 0; b < blocks; ++b) total += parts[b];
  return total;
}

void adamw(std::span<float> weight, std::span<float> first_moment, std::span<float> second_moment,
           std::span<const float> gradient, const AdamwStep& step) {
  parallel_blocks(static_cast<Index>(weight.size()), 8192, [&](Index begin, Index end) {
    HWY_DYNAMIC_DISPATCH(adamw_range)
    (weight.data() + begin, first_moment.data() + begin, second_moment.data() + begin, gradient.data() + begin,
     end - begin, step);
  });
}

void adamw_idle(std::span<float> weight, std::span<float> first_moment, std::span<float> second_moment,
                std::span<const AdamwStep> steps) {
  HWY_DYNAMIC_DISPATCH(adamw_idle_range)
  (weight.data(), first_moment.data(), second_moment.data(), static_cast<Index>(weight.size()), steps);
}

}  // namespace
}  // namespace simd

namespace portable {
namespace {

template <class T>
void gelu_backward(MatrixView<const T> dy, MatrixView<const T> x, MatrixView<T> dx) {
  const T density = T(0.5) * std::numbers::inv_sqrtpi_v<T> * std::numbers::sqrt2_v<T>;  // 1 / sqrt(2π)
  for_each_row(x.rows, x.cols, [&](Index r) {
    for (Index c = 0; c < x.cols; ++c) {
      const T v = x(r, c);
      const T cdf = T(0.5) * (T(1) + std::erf(v / std::numbers::sqrt2_v<T>));
      dx(r, c) = dy(r, c) * (cdf + v * density * std::exp(T(-0.5) * v * v));
    }
  });
}

template <class T>
void gelu_tanh_backward(MatrixView<const T> dy, MatrixView<const T> x, MatrixView<T> dx) {
  const T slope = T(2) * std::numbers::sqrt2_v<T> * std::numbers::inv_sqrtpi_v<T>;
  for_each_row(x.rows, x.cols, [&](Index r) {
    for (Index c = 0; c < x.cols; ++c) {
      const T v = x(r, c), gate = gelu_tanh_gate(v);
      dx(r, c) = dy(r, c) * (gate + v * gate * (T(1) - gate) * slope * (T(1) + T(3 * 0.044715) * v * v));
    }
  });
}

template <class T>
void gated_backward(MatrixView<const T> dy, MatrixView<const T> x, MatrixView<T> dx, T k) {
  for_each_row(x.rows, x.cols, [&](Index r) {
    for (Index c = 0; c < x.cols; ++c) {
      const T s = gate(x(r, c), k);
      dx(r, c) = dy(r, c) * s * (T(1) + k * x(r, c) * (T(1) - s));
    }
  });
}

template <class T>
void relu_backward(MatrixView<const T> dy, MatrixView<const T> x, MatrixView<T> dx) {
  for_each_row(x.rows, x.cols, [&](Index r) {
    for (Index c = 0; c < x.cols; ++c) dx(r, c) = x(r, c) > 0 ? dy(r, c) : T(0);
  });
}

template <class T>
void add_column_sums(MatrixView<const T> x, T* sums) {
  parallel_ranges(x.cols, grain(8192, x.rows), [&](Index begin, Index end) {
    for (Index r = 0; r < x.rows; ++r)
      for (Index c = begin; c < end; ++c) sums[c] += x(r, c);
  });
}

template <class T>
void add(MatrixView<const T> x, MatrixView<T> y) {
  for_each_row(x.rows, x.cols, [&](Index r) {
    for (Index c = 0; c < x.cols; ++c) y(r, c) += x(r, c);
  });
}

template <class T>
void multiply_by(MatrixView<const T> x, MatrixView<T> y) {
  for_each_row(x.rows, x.cols, [&](Index r) {
    for (Index c = 0; c < x.cols; ++c) y(r, c) *= x(r, c);
  });
}

template <class T>
T exp_below(std::span<const T> x, T shift, T factor, T* y) {
  T sum = 0;
  for (const T v : x) sum += * y++ = std::exp((v - shift) * factor);
  return sum;
}

template <class T>
double squared_sum(std::span<const T> x) {
  double sum = 0;
  for (const T v : x) sum += static_cast<double>(v) * static_cast<double>(v);
  return sum;
}

template <class T>
void adamw_element(T& w, T& m, T& v, T gradient, const AdamwStep& step) {
  const T beta1 = static_cast<T>(step.beta1), beta2 = static_cast<T>(step.beta2);
  // Subtracted in double: 1 − 0.999f has only three digits left.
  const T new1 = static_cast<T>(1 - step.beta1), new2 = static_cast<T>(1 - step.beta2);
  const T g = gradient * static_cast<T>(step.gradient_scale);
  m = beta1 * m + new1 * g;
  v = beta2 * v + new2 * g * g;
  if (std::abs(m) < T(AdamwStep::least_first_moment)) m = 0;
  if (v < T(AdamwStep::least_second_moment)) v = 0;
  w -= static_cast<T>(step.step_size) * m / (std::sqrt(v) + static_cast<T>(step.eps));
  w -= static_cast<T>(step.decay) * w;
}

template <class T>
void adamw(std::span<T> weight, std::span<T> first_moment, std::span<T> second_moment, std::span<const T> gradient,
           const AdamwStep& step) {
  for_each_row(static_cast<Index>(weight.size()), 1,
               [&](Index i) { adamw_element(weight[i], first_moment[i], second_moment[i], gradient[i], step); });
}

template <class T>
void adamw_idle(std::span<T> weight, std::span<T> first_moment, std::span<T> second_moment,
                std::span<const AdamwStep> steps) {
  for (const AdamwStep& step : steps)
    for (std::size_t i = 0; i < weight.size(); ++i)
      adamw_element(weight[i], first_moment[i], second_moment[i], T(0), step);
}

}  // namespace
}  // namespace portable

template <class T>
void gelu_backward(ConstMatrix<T> dy, ConstMatrix<T> x, MatrixView<T> dx) {
  dispatch<T>(simd::gelu_backward, portable::gelu_backward<T>, dy, x, dx);
}

template <class T>
void gelu_tanh_backward(ConstMatrix<T> dy, ConstMatrix<T> x, MatrixView<T> dx) {
  dispatch<T>(simd::gelu_tanh_backward, portable::gelu_tanh_backward<T>, dy, x, dx);
}

template <class T>
void gated_backward(ConstMatrix<T> dy, ConstMatrix<T> x, MatrixView<T> dx, T k) {
  dispatch<T>(simd::gated_backward, portable::gated_backward<T>, dy, x, dx, k);
}

template <class T>
void relu_backward(ConstMatrix<T> dy, ConstMatrix<T> x, MatrixView<T> dx) {
  dispatch<T>(simd::relu_backward, portable::relu_backward<T>, dy, x, dx);
}

template <class T>
void add_column_sums(ConstMatrix<T> x, T* sums) {
  dispatch<T>(simd::add_column_sums, portable::add_column_sums<T>, x, sums);
}

template <class T>
void add(ConstMatrix<T> x, MatrixView<T> y) {
  dispatch<T>(simd::add, portable::add<T>, x, y);
}

template <class T>
void multiply_by(ConstMatrix<T> x, MatrixView<T> y, Stages* stages) {
  dispatch_stage<T>(stages, simd::multiply_by, portable::multiply_by<T>, x, y);
}

template <class T>
T exp_below(std::span<const T> x, T shift, T factor, T* y) {
  return dispatch<T>(simd::exp_below, portable::exp_below<T>, x, shift, factor, y);
}

template <class T>
double squared_sum(std::span<const T> x) {
  return dispatch<T>(simd::squared_sum, portable::squared_sum<T>, x);
}

template <class T>
void adamw(std::span<T> weight, std::span<T> first_moment, std::span<T> second_moment, std::span<const T> gradient,
           const AdamwStep& step) {
  dispatch<T>(simd::adamw, portable::adamw<T>, weight, first_moment, second_moment, gradient, step);
}

template <class T>
void adamw_idle(std::span<T> weight, std::span<T> first_moment, std::span<T> second_moment,
                std::span<const AdamwStep> steps) {
  dispatch<T>(simd::adamw_idle, portable::adamw_idle<T>, weight, first_moment, second_moment, steps);
}

#define SHARCS_INSTANTIATE(T)                                                                          \
  template void gelu_backward<T>(ConstMatrix<T>, ConstMatrix<T>, MatrixView<T>);                       \
  template void gelu_tanh_backward<T>(ConstMatrix<T>, ConstMatrix<T>, MatrixView<T>);                  \
  template void gated_backward<T>(ConstMatrix<T>, ConstMatrix<T>, MatrixView<T>, T);                   \
  template void relu_backward<T>(ConstMatrix<T>, ConstMatrix<T>, MatrixView<T>);                       \
  template void add_column_sums<T>(ConstMatrix<T>, T*);                                                \
  template void add<T>(ConstMatrix<T>, MatrixView<T>);                                                 \
  template void multiply_by<T>(ConstMatrix<T>, MatrixView<T>, Stages*);                                \
  template T exp_below(std::span<const T>, T, T, T*);                                                  \
  template double squared_sum(std::span<const T>);                                                     \
  template void adamw(std::span<T>, std::span<T>, std::span<T>, std::span<const T>, const AdamwStep&); \
  template void adamw_idle(std::span<T>, std::span<T>, std::span<T>, std::span<const AdamwStep>);
SHARCS_INSTANTIATE(float)
SHARCS_INSTANTIATE(double)
#undef SHARCS_INSTANTIATE

}  // namespace sharcs::internal::kernels
#endif
