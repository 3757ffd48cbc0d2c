#include "kernels/packed_matrix.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/packed_matrix.cpp"
#include <hwy/foreach_target.h>  // IWYU pragma: keep
#include <hwy/highway.h>

#include <algorithm>

#include "core/rounding.hpp"
#include "core/threads.hpp"
#include "kernels/backend.hpp"
#include "kernels/panel-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace sharcs::internal::kernels::HWY_NAMESPACE {

Index panel_width() { return tile_cols; }

/// Panels begin .. end − 1 of `weight`, the first panel at `panels`.
void pack_panels(MatrixView<const float> weight, Index begin, Index end, float* panels) {
  for (Index p = begin; p < end; ++p) {
    const Index first = p * tile_cols;
    pack_transposed(weight.row_range(first, std::min(tile_cols, weight.rows - first)), tile_vectors,
                    panels + first * weight.cols);
  }
}

}  // namespace sharcs::internal::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace sharcs::internal::kernels {
HWY_EXPORT(panel_width);
HWY_EXPORT(pack_panels);
HWY_EXPORT(pack_rows);

template <class Element, int Group>
bool PackedMatrix<Element, Group>::reshape(Index outputs, Index inputs) {
  outputs_ = outputs;
  inputs_ = inputs;
  panel_width_ = has_simd<Element> && backend() == Backend::simd ? HWY_DYNAMIC_DISPATCH(panel_width)() : 0;
  const auto size = static_cast<std::size_t>(panel_width_ == 0 ? outputs * inputs
                                                               : ceil_divide(outputs, panel_width_) * panel_stride());
  if (data_.size() < size) data_ = AlignedBuffer<Element>(size);
  return panel_width_ > 0;
}

template <class Element, int Group>
void PackedMatrix<Element, Group>::pack(ConstMatrix<Element> weight) {
  const bool panels = reshape(weight.rows, weight.cols);
  if constexpr (has_simd<Element>) {
    if (panels) {
      return parallel_ranges(ceil_divide(outputs_, panel_width_), grain(32768, panel_width_ * inputs_),
                             [&](Index begin, Index end) {
                               HWY_DYNAMIC_DISPATCH(pack_panels)(weight, begin, end, data_.data());
                             });
    }
  }
  parallel_for(outputs_, [&](Index o) { std::copy_n(weight.row(o), inputs_, data_.data() + o * inputs_); });
}

template <class Element, int Group>
void PackedMatrix<Element, Group>::pack_transpose(ConstMatrix<Element> transpose) {
  const bool panels = reshape(transpose.cols, transpose.rows);
  if constexpr (has_simd<Element>) {
    if (panels) {
      return parallel_ranges(inputs_, grain(32768, outputs_), [&](Index begin, Index end) {
        HWY_DYNAMIC_DISPATCH(pack_rows)(transpose, begin, end, data_.data());
      });
    }
  }
  parallel_for(outputs_, [&](Index o) {
    for (Index i = 0; i < inputs_; ++i) data_.data()[o * inputs_ + i] = transpose(i, o);
  });
}

template class PackedMatrix<float>;
template class PackedMatrix<double>;

}  // namespace sharcs::internal::kernels
#endif
