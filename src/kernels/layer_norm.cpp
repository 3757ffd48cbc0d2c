#include "kernels/layer_norm.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/layer_norm.cpp"
#include <hwy/foreach_target.h>  // IWYU pragma: keep
#include <hwy/highway.h>

#include <algorithm>
#include <cmath>

#include "core/aligned_buffer.hpp"
#include "core/rounding.hpp"
#include "core/stages.hpp"
#include "core/threads.hpp"
#include "kernels/backend.hpp"
#include "kernels/portable.hpp"
#include "kernels/vector_loop-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace sharcs::internal::kernels::HWY_NAMESPACE {

/// Three passes over a row that stays in the L1 cache. The variance is taken around the mean: E[x²] − E[x]² loses its
/// digits for rows far from 0. `statistics` is null or has one entry a row.
void layer_norm_rows(MatrixView<const float> x, const float* weight, const float* bias, float eps, MatrixView<float> y,
                     RowStatistics<float>* statistics) {
  const float size = static_cast<float>(x.cols);
  for (Index r = 0; r < x.rows; ++r) {
    const float* in = x.row(r);
    float* out = y.row(r);
    const float mean =
        sum_over(x.cols, [in](auto d, Index c, auto sum) HWY_ATTR { return hn::Add(sum, hn::LoadU(d, in + c)); }) /
        size;
    const float squares = sum_over(x.cols, [in, mean](auto d, Index c, auto sum) HWY_ATTR {
      const auto deviation = hn::Sub(hn::LoadU(d, in + c), hn::Set(d, mean));
      return hn::MulAdd(deviation, deviation, sum);
    });
    const float rstd = 1.0f / std::sqrt(squares / size + eps);
    for_each_vector(x.cols, [=](auto d, Index c) HWY_ATTR {
      const auto normal = hn::Mul(hn::Sub(hn::LoadU(d, in + c), hn::Set(d, mean)), hn::Set(d, rstd));
      auto shift = hn::Zero(d);
      if (bias != nullptr) shift = hn::LoadU(d, bias + c);
      hn::StoreU(hn::MulAdd(normal, hn::LoadU(d, weight + c), shift), d, out + c);
    });
    if (statistics != nullptr) statistics[r] = {mean, rstd};
  }
}

/// dx of the rows, and their share of the weight's and the bias's gradients: d_weight, d_bias: [cols], overwritten.
void layer_norm_backward_rows(MatrixView<const float> dy, MatrixView<const float> x,
                              const RowStatistics<float>* statistics, const float* weight, MatrixView<float> dx,
                              float* HWY_RESTRICT d_weight, float* HWY_RESTRICT d_bias) {
  const float size = static_cast<float>(x.cols);
  std::fill_n(d_weight, x.cols, 0.0f);
  std::fill_n(d_bias, x.cols, 0.0f);
  for (Index r = 0; r < x.rows; ++r) {
    const float *in = x.row(r), *gradient = dy.row(r);
    float* out = dx.row(r);
    const auto [mean, rstd] = statistics[r];
    const auto normal = [in, mean = mean, rstd = rstd](auto d, Index c) HWY_ATTR {
      return hn::Mul(hn::Sub(hn::LoadU(d, in + c), hn::Set(d, mean)), hn::Set(d, rstd));
    };
    const float mean_g = sum_over(x.cols,
                                  [=](auto d, Index c, auto sum) HWY_ATTR {
                                    const auto v = hn::LoadU(d, gradient + c);
                                    hn::StoreU(hn::Add(hn::LoadU(d, d_bias + c), v), d, d_bias + c);
                                    return hn::MulAdd(v, hn::LoadU(d, weight + c), sum);
                                  }) /
                         size;
    const float mean_gx = sum_over(x.cols,
                                   [=](auto d, Index c, auto sum) HWY_ATTR {
                                     const auto weighted = hn::Mul(hn::LoadU(d, gradient + c), normal(d, c));
                                     hn::StoreU(hn::Add(hn::LoadU(d, d_weight + c), weighted), d, d_weight + c);
                                     return hn::MulAdd(weighted, hn::LoadU(d, weight + c), sum);
                                   }) /
                          size;
    for_each_vector(x.cols, [=, rstd = rstd](auto d, Index c) HWY_ATTR {
      const auto g = hn::MulSub(hn::LoadU(d, gradient + c), hn::LoadU(d, weight + c), hn::Set(d, mean_g));
      hn::StoreU(hn::Mul(hn::NegMulAdd(normal(d, c), hn::Set(d, mean_gx), g), hn::Set(d, rstd)), d, out + c);
    });
  }
}

/// sums[c] += Σ_p parts[p, c].
void add_parts(MatrixView<const float> parts, float* sums) {
  for_each_vector(parts.cols, [=](auto d, Index c) HWY_ATTR {
    auto sum = hn::LoadU(d, parts.data + c);
    for (Index p = 1; p < parts.rows; ++p) sum = hn::Add(sum, hn::LoadU(d, parts.row(p) + c));
    hn::StoreU(hn::Add(hn::LoadU(d, sums + c), sum), d, sums + c);
  });
}

}  // namespace sharcs::internal::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace sharcs::internal::kernels {
HWY_EXPORT(layer_norm_rows);
HWY_EXPORT(layer_norm_backward_rows);
HWY_EXPORT(add_parts);

namespace simd {
namespace {

void layer_norm(Stages* stages, MatrixView<const float> x, const float* weight, const float* bias, float eps,
                MatrixView<float> y, std::span<RowStatistics<float>> statistics) {
  share_ranges(stages, x.rows, grain(16384, x.cols), [=](Index begin, Index end) {
    HWY_DYNAMIC_DISPATCH(layer_norm_rows)
    (x.row_range(begin, end - begin), weight, bias, eps, y.row_range(begin, end - begin),
     statistics.empty() ? nullptr : statistics.data() + begin);
  });
}

void layer_norm_backward(MatrixView<const float> dy, MatrixView<const float> x,
                         std::span<const RowStatistics<float>> statistics, const float* weight, MatrixView<float> dx,
                         float* d_weight, float* d_bias) {
  if (x.rows == 0) return;
  // The rows are cut into blocks by their number alone, and the blocks' sums are added in order: the same bits at any
  // thread count. 64 blocks feed as many threads; 16 rows make a block's own sums cheap beside its work.
  const Index block = std::max<Index>(16, ceil_divide<Index>(x.rows, 64)), blocks = ceil_divide(x.rows, block);
  const Index stride = round_up(x.cols, line_floats);
  thread_local AlignedBuffer<float> scratch;
  if (scratch.size() < static_cast<std::size_t>(2 * blocks * stride)) {
    scratch = AlignedBuffer<float>(static_cast<std::size_t>(2 * blocks * stride));
  }
  const MatrixView<float> weight_parts(scratch.data(), blocks, x.cols, stride);
  const MatrixView<float> bias_parts(scratch.data() + blocks * stride, blocks, x.cols, stride);
  parallel_ranges(blocks, grain(8192, block * x.cols), [&](Index begin, Index end) {
    for (Index b = begin; b < end; ++b) {
      const Index first = b * block, rows = std::min(block, x.rows - first);
      HWY_DYNAMIC_DISPATCH(layer_norm_backward_rows)
      (dy.row_range(first, rows), x.row_range(first, rows), statistics.data() + first, weight,
       dx.row_range(first, rows), weight_parts.row(b), bias_parts.row(b));
    }
  });
  parallel_ranges(x.cols, grain(32768, 2 * blocks), [&](Index begin, Index end) {
    HWY_DYNAMIC_DISPATCH(add_parts)(weight_parts.col_range(begin, end - begin), d_weight + begin);
    if (d_bias != nullptr) HWY_DYNAMIC_DISPATCH(add_parts)(bias_parts.col_range(begin, end - begin), d_bias + begin);
  });
}

}  // namespace
}  // namespace simd

namespace portable {
namespace {

template <class T>
void layer_norm(MatrixView<const T> x, const T* weight, const T* bias, T eps, MatrixView<T> y,
                std::span<RowStatistics<T>> statistics) {
  for_each_row(x.rows, x.cols, [&](Index r) {
    T mean = 0, variance = 0;
    for (Index c = 0; c < x.cols; ++c) mean += x(r, c);
    mean /= static_cast<T>(x.cols);
    for (Index c = 0; c < x.cols; ++c) variance += (x(r, c) - mean) * (x(r, c) - mean);
    const T rstd = T(1) / std::sqrt(variance / static_cast<T>(x.cols) + eps);
    for (Index c = 0; c < x.cols; ++c)
      y(r, c) = (x(r, c) - mean) * rstd * weight[c] + (bias == nullptr ? T(0) : bias[c]);
    if (!statistics.empty()) statistics[r] = {mean, rstd};
  });
}

template <class T>
void layer_norm_backward(MatrixView<const T> dy, MatrixView<const T> x, std::span<const RowStatistics<T>> statistics,
                         const T* weight, MatrixView<T> dx, T* d_weight, T* d_bias) {
  for (Index r = 0; r < x.rows; ++r) {
    const auto [mean, rstd] = statistics[r];
    T mean_g = 0, mean_gx = 0;
    for (Index c = 0; c < x.cols; ++c) {
      const T normal = (x(r, c) - mean) * rstd, g = dy(r, c) * weight[c];
      mean_g += g;
      mean_gx += g * normal;
      d_weight[c] += dy(r, c) * normal;
      if (d_bias != nullptr) d_bias[c] += dy(r, c);
    }
    mean_g /= static_cast<T>(x.cols);
    mean_gx /= static_cast<T>(x.cols);
    for (Index c = 0; c < x.cols; ++c) {
      const T normal = (x(r, c) - mean) * rstd;
      dx(r, c) = (dy(r, c) * weight[c] - mean_g - normal * mean_gx) * rstd;
    }
  }
}

}  // namespace
}  // namespace portable

template <class T>
void layer_norm(ConstMatrix<T> x, const T* weight, const T* bias, T eps, MatrixView<T> y,
                std::span<RowStatistics<T>> statistics, Stages* stages) {
  dispatch_stage<T>(stages, simd::layer_norm, portable::layer_norm<T>, x, weight, bias, eps, y, statistics);
}

template <class T>
void layer_norm_backward(ConstMatrix<T> dy, ConstMatrix<T> x, std::span<const RowStatistics<T>> statistics,
                         const T* weight, MatrixView<T> dx, T* d_weight, T* d_bias) {
  dispatch<T>(simd::layer_norm_backward, portable::layer_norm_backward<T>, dy, x, statistics, weight, dx, d_weight,
              d_bias);
}

#define SHARCS_INSTANTIATE(T)                                                                                       \
  template void layer_norm<T>(ConstMatrix<T>, const T*, const T*, T, MatrixView<T>, std::span<RowStatistics<T>>,    \
                              Stages*);                                                                             \
  template void layer_norm_backward<T>(ConstMatrix<T>, ConstMatrix<T>, std::span<const RowStatistics<T>>, const T*, \
                                       MatrixView<T>, T*, T*);
SHARCS_INSTANTIATE(float)
SHARCS_INSTANTIATE(double)
#undef SHARCS_INSTANTIATE

}  // namespace sharcs::internal::kernels
#endif
