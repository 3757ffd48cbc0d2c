#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/packed_matrix_simd.cpp"
#include <hwy/foreach_target.h>  // IWYU pragma: keep
#include <hwy/highway.h>

#include <algorithm>

#include "core/rounding.hpp"
#include "core/threads.hpp"
#include "kernels/panel-inl.hpp"
#include "kernels/simd.hpp"

HWY_BEFORE_NAMESPACE();
namespace sharcs::internal::kernels::HWY_NAMESPACE {

Index panel_width() { return tile_cols; }

/// Panels begin .. end − 1 of `weight`, the first panel at `panels`.
void pack_panels(MatrixView<const float> weight, Index begin, Index end, float* panels) {
  for (Index p = begin; p < end; ++p) {
    const Index first = p * tile_cols;
    pack_transposed(weight.row_range(first, std::min(tile_cols, weight.rows - first)), panels + first * weight.cols);
  }
}

}  // namespace sharcs::internal::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace sharcs::internal::kernels {
HWY_EXPORT(panel_width);
HWY_EXPORT(pack_panels);
HWY_EXPORT(pack_rows);

Index simd::panel_width() { return HWY_DYNAMIC_DISPATCH(panel_width)(); }

void simd::pack_panels(MatrixView<const float> weight, float* panels) {
  const Index width = panel_width();
  parallel_ranges(ceil_divide(weight.rows, width), grain(32768, width * weight.cols), [&](Index begin, Index end) {
    HWY_DYNAMIC_DISPATCH(pack_panels)(weight, begin, end, panels);
  });
}
void simd::pack_panels_of_transpose(MatrixView<const float> transpose, float* panels) {
  parallel_ranges(transpose.rows, grain(32768, transpose.cols), [&](Index begin, Index end) {
    HWY_DYNAMIC_DISPATCH(pack_rows)(transpose, begin, end, panels);
  });
}

}  // namespace sharcs::internal::kernels
#endif
