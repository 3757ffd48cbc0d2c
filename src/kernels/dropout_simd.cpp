#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/dropout_simd.cpp"
#include <hwy/foreach_target.h>  // IWYU pragma: keep
#include <hwy/highway.h>

#include "core/threads.hpp"
#include "kernels/philox-inl.hpp"
#include "kernels/simd.hpp"

HWY_BEFORE_NAMESPACE();
namespace sharcs::internal::kernels::HWY_NAMESPACE {

void drop_rows(MatrixView<float> x, const Dropout& dropout) {
  for (Index r = 0; r < x.rows; ++r) {
    drop_row(dropout, dropout.first_row + static_cast<std::uint64_t>(r), x.row(r), x.row(r),
             static_cast<std::size_t>(x.cols));
  }
}

}  // namespace sharcs::internal::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace sharcs::internal::kernels {
HWY_EXPORT(drop_rows);

void simd::dropout(MatrixView<float> x, const Dropout& dropout) {
  if (!dropout.active()) return;
  parallel_ranges(x.rows, grain(8192, x.cols), [&](Index begin, Index end) {
    Dropout share = dropout;
    share.first_row += static_cast<std::uint64_t>(begin);
    HWY_DYNAMIC_DISPATCH(drop_rows)(x.row_range(begin, end - begin), share);
  });
}

}  // namespace sharcs::internal::kernels
#endif
