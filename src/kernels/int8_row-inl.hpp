// Turns a row of floats into int8. Included by files that are compiled once per SIMD target (hwy/foreach_target.h),
// hence the guard that opens again for each of them.
#if defined(SHARCS_KERNELS_INT8_ROW_INL_) == defined(HWY_TARGET_TOGGLE)
#ifdef SHARCS_KERNELS_INT8_ROW_INL_
#undef SHARCS_KERNELS_INT8_ROW_INL_
#else
#define SHARCS_KERNELS_INT8_ROW_INL_
#endif

#include <hwy/highway.h>

#include <algorithm>
#include <cstdint>

#include "core/rounding.hpp"
#include "kernels/int8_rows.hpp"
#include "kernels/vector_loop-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace sharcs::internal::kernels::HWY_NAMESPACE {

/// max |x|. Maxima do not depend on the order, so the bits are the same on every instruction set.
HWY_INLINE float greatest_size(const float* x, Index count) {
  const hn::ScalableTag<float> d;
  const hn::CappedTag<float, 1> one;
  const auto lanes = static_cast<Index>(hn::Lanes(d));
  auto max0 = hn::Zero(d), max1 = max0, max2 = max0, max3 = max0;
  Index i = 0;
  for (; i + 4 * lanes <= count; i += 4 * lanes) {
    max0 = hn::Max(max0, hn::Abs(hn::LoadU(d, x + i)));
    max1 = hn::Max(max1, hn::Abs(hn::LoadU(d, x + i + lanes)));
    max2 = hn::Max(max2, hn::Abs(hn::LoadU(d, x + i + 2 * lanes)));
    max3 = hn::Max(max3, hn::Abs(hn::LoadU(d, x + i + 3 * lanes)));
  }
  for (; i + lanes <= count; i += lanes) max0 = hn::Max(max0, hn::Abs(hn::LoadU(d, x + i)));
  auto rest = hn::Zero(one);
  for (; i < count; ++i) rest = hn::Max(rest, hn::Abs(hn::LoadU(one, x + i)));
  const auto whole = hn::MaxOfLanes(d, hn::Max(hn::Max(max0, max1), hn::Max(max2, max3)));
  return std::max(hn::GetLane(whole), hn::GetLane(rest));
}

/// One row of quantize(). values: `count` of them, and zeros up to a multiple of four.
HWY_INLINE void quantize_row(const float* x, Index count, std::int8_t* values, float* scale, std::int32_t* sum) {
  const Int8Scale of_row(greatest_size(x, count));
  const hn::ScalableTag<float> d;
  const hn::RebindToSigned<decltype(d)> di;
  const hn::CappedTag<float, 1> one;
  const hn::RebindToSigned<decltype(one)> one_int;
  const hn::Rebind<std::int8_t, decltype(d)> bytes;
  const auto lanes = static_cast<Index>(hn::Lanes(d));
  const auto factor = hn::Set(d, of_row.inverse);
  auto total = hn::Zero(di);
  Index i = 0;
  for (; i + lanes <= count; i += lanes) {
    const auto v = hn::NearestInt(hn::Mul(hn::LoadU(d, x + i), factor));
    total = hn::Add(total, v);
    hn::StoreU(hn::DemoteTo(bytes, v), bytes, values + i);
  }
  std::int32_t rest = 0;
  for (; i < count; ++i) {
    const std::int32_t v =
        hn::GetLane(hn::BitCast(one_int, hn::NearestInt(hn::Mul(hn::LoadU(one, x + i), hn::Set(one, of_row.inverse)))));
    rest += v;
    values[i] = static_cast<std::int8_t>(v);
  }
  for (; i < round_up<Index>(count, 4); ++i) values[i] = 0;
  *scale = of_row.scale;
  *sum = hn::GetLane(hn::SumOfLanes(di, total)) + rest;
}

}  // namespace sharcs::internal::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // SHARCS_KERNELS_INT8_ROW_INL_
