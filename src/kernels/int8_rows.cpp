#include "kernels/int8_rows.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/int8_rows.cpp"
#include <hwy/foreach_target.h>  // IWYU pragma: keep
#include <hwy/highway.h>

#include <algorithm>
#include <cassert>

#include "core/rounding.hpp"
#include "core/stages.hpp"
#include "core/threads.hpp"
#include "kernels/backend.hpp"
#include "kernels/int8_row-inl.hpp"
#include "kernels/layer_norm.hpp"

HWY_BEFORE_NAMESPACE();
namespace sharcs::internal::kernels::HWY_NAMESPACE {

void quantize_rows(MatrixView<const float> x, const Int8Rows& rows) {
  for (Index r = 0; r < x.rows; ++r) quantize_row(x.row(r), x.cols, rows.values.row(r), rows.scales + r, rows.sums + r);
}

void quantize_weight_rows(MatrixView<const float> weight, MatrixView<std::int8_t> values, float* scales) {
  for (Index r = 0; r < weight.rows; ++r) {
    const Int8Scale of_row(greatest_size(weight.row(r), weight.cols));
    scales[r] = of_row.scale;
    for (Index c = 0; c < weight.cols; ++c) values(r, c) = of_row.value(weight(r, c));
  }
}

}  // namespace sharcs::internal::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace sharcs::internal::kernels {
HWY_EXPORT(quantize_rows);
HWY_EXPORT(quantize_weight_rows);

namespace simd {
namespace {

void quantize(Stages* stages, MatrixView<const float> x, const Int8Rows& rows) {
  share_ranges(stages, x.rows, grain(32768, x.cols), [=](Index begin, Index end) {
    HWY_DYNAMIC_DISPATCH(quantize_rows)(x.row_range(begin, end - begin), rows.row_range(begin, end - begin));
  });
}

}  // namespace
}  // namespace simd

namespace portable {
namespace {

void quantize(MatrixView<const float> x, const Int8Rows& rows) {
  for (Index r = 0; r < x.rows; ++r) {
    float greatest = 0;
    for (Index c = 0; c < x.cols; ++c) greatest = std::max(greatest, std::abs(x(r, c)));
    const Int8Scale of_row(greatest);
    rows.scales[r] = of_row.scale;
    rows.sums[r] = 0;
    for (Index c = 0; c < x.cols; ++c) {
      rows.values(r, c) = of_row.value(x(r, c));
      rows.sums[r] += rows.values(r, c);
    }
    std::fill(rows.values.row(r) + x.cols, rows.values.row(r) + round_up<Index>(x.cols, 4), std::int8_t{0});
  }
}

}  // namespace
}  // namespace portable

Int8Rows Int8Rows::make(Index rows, Index cols, Workspace& workspace) {
  const Index stride = round_up<Index>(cols, 4);
  return {MatrixView<std::int8_t>(workspace.span<std::int8_t>(rows * stride).data(), rows, cols, stride),
          workspace.span<float>(rows).data(), workspace.span<std::int32_t>(rows).data()};
}

void quantize(MatrixView<const float> x, const Int8Rows& rows, Stages* stages) {
  assert(x.rows == rows.values.rows && x.cols == rows.values.cols);
  dispatch_stage<float>(stages, simd::quantize, portable::quantize, x, rows);
}

void quantize_weight(MatrixView<const float> weight, MatrixView<std::int8_t> values, std::span<float> scales) {
  assert(weight.rows == values.rows && weight.cols == values.cols && weight.rows == std::ssize(scales));
  parallel_ranges(weight.rows, grain(32768, weight.cols), [&](Index begin, Index end) {
    HWY_DYNAMIC_DISPATCH(quantize_weight_rows)
    (weight.row_range(begin, end - begin), values.row_range(begin, end - begin), scales.data() + begin);
  });
}

// The rows of a thread pass through LayerNorm and quantize() a few at a time, so that they are read from the L1 cache.
void layer_norm(MatrixView<const float> x, const float* weight, const float* bias, float eps, MatrixView<float> y,
                const Int8Rows& rows, Stages* stages) {
  share_ranges(stages, x.rows, grain(16384, x.cols), [=](Index begin, Index end) {
    const ThreadScope alone(1);
    constexpr Index few = 4;
    for (Index r = begin; r < end; r += few) {
      const Index count = std::min(few, end - r);
      layer_norm<float>(x.row_range(r, count), weight, bias, eps, y.row_range(r, count));
      quantize(y.row_range(r, count), rows.row_range(r, count));
    }
  });
}

}  // namespace sharcs::internal::kernels
#endif
