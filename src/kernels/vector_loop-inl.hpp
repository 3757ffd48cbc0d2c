// Loops over float arrays of any length. Included by files that are compiled once per SIMD target
// (hwy/foreach_target.h), hence the guard that opens again for each of them.
#if defined(SHARCS_KERNELS_VECTOR_LOOP_INL_) == defined(HWY_TARGET_TOGGLE)
#ifdef SHARCS_KERNELS_VECTOR_LOOP_INL_
#undef SHARCS_KERNELS_VECTOR_LOOP_INL_
#else
#define SHARCS_KERNELS_VECTOR_LOOP_INL_
#endif

#include <hwy/highway.h>

#include "core/matrix_view.hpp"

HWY_BEFORE_NAMESPACE();
namespace sharcs::internal::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

/// Calls body(d, i) for consecutive pieces of [0, count), each as many elements from i on as d has lanes: whole vectors
/// first, then vectors of four, then single elements.
///
/// The rest goes through the same vector operations on fewer lanes, so an element's bits do not depend on where it
/// stands. The body must write fused multiply-adds as such: the compiler fuses none by itself (-ffp-contract=off).
template <class Body>
HWY_INLINE void for_each_vector(Index count, const Body& body) {
  const hn::ScalableTag<float> whole;
  const hn::CappedTag<float, 4> four;
  const hn::CappedTag<float, 1> one;
  const auto whole_lanes = static_cast<Index>(hn::Lanes(whole)), four_lanes = static_cast<Index>(hn::Lanes(four));
  Index i = 0;
  for (; i + whole_lanes <= count; i += whole_lanes) body(whole, i);
  for (; i + four_lanes <= count; i += four_lanes) body(four, i);
  for (; i < count; ++i) body(one, i);
}

/// Σ over [0, count) of what add(d, i, sum) adds to `sum` for the elements from i on. The order depends on count only.
template <class Add>
HWY_INLINE float sum_over(Index count, const Add& add) {
  const hn::ScalableTag<float> d;
  const hn::CappedTag<float, 1> one;
  const auto lanes = static_cast<Index>(hn::Lanes(d));
  // Four sums, since four additions can start in the time that one takes.
  auto sum0 = hn::Zero(d), sum1 = sum0, sum2 = sum0, sum3 = sum0;
  Index i = 0;
  for (; i + 4 * lanes <= count; i += 4 * lanes) {
    sum0 = add(d, i, sum0);
    sum1 = add(d, i + lanes, sum1);
    sum2 = add(d, i + 2 * lanes, sum2);
    sum3 = add(d, i + 3 * lanes, sum3);
  }
  for (; i + lanes <= count; i += lanes) sum0 = add(d, i, sum0);
  auto rest = hn::Zero(one);
  for (; i < count; ++i) rest = add(one, i, rest);
  const auto total = hn::Add(hn::Add(sum0, sum1), hn::Add(sum2, sum3));
  return hn::GetLane(hn::SumOfLanes(d, total)) + hn::GetLane(rest);
}

}  // namespace sharcs::internal::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // SHARCS_KERNELS_VECTOR_LOOP_INL_
