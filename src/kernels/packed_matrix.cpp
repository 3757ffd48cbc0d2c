#include "kernels/packed_matrix.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/packed_matrix.cpp"
#include <hwy/foreach_target.h>  // IWYU pragma: keep
#include <hwy/highway.h>

#include <algorithm>
#include <cassert>

#include "core/rounding.hpp"
#include "core/threads.hpp"
#include "kernels/backend.hpp"
#include "kernels/panel-inl.hpp"
#include "kernels/portable.hpp"

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

template <class Element>
bool PackedMatrix<Element>::reshape(Index outputs, Index inputs, Numbers numbers) {
  assert(numbers == Numbers::whole || has_simd<Element>);
  outputs_ = outputs;
  inputs_ = inputs;
  numbers_ = numbers;
  panel_width_ = has_simd<Element> && backend() == Backend::simd ? HWY_DYNAMIC_DISPATCH(panel_width)() : 0;
  const auto size = static_cast<std::size_t>(panel_width_ == 0 ? outputs * inputs
                                                               : ceil_divide(outputs, panel_width_) * panel_stride());
  if (data_.size() < size) data_ = AlignedBuffer<Element>(size);
  return panel_width_ > 0;
}

template <class Element>
void PackedMatrix<Element>::pack(ConstMatrix<Element> weight, Numbers numbers) {
  const bool panels = reshape(weight.rows, weight.cols, numbers);
  if constexpr (has_simd<Element>) {
    if (panels) {
      return parallel_ranges(
          ceil_divide(outputs_, panel_width_), grain(32768, panel_width_ * inputs_), [&](Index begin, Index end) {
            if (numbers == Numbers::whole) {
              HWY_DYNAMIC_DISPATCH(pack_panels)(weight, begin, end, data_.data());
              return;
            }
            const ThreadScope alone(1);
            AlignedBuffer<float> memory(static_cast<std::size_t>(panel_width_ * pair_count(inputs_)));
            for (Index p = begin; p < end; ++p) {
              const Index first = p * panel_width_, rows = std::min(panel_width_, outputs_ - first);
              const MatrixView<float> pairs(memory.data(), rows, pair_count(inputs_));
              pair_columns(weight.row_range(first, rows), pairs);
              HWY_DYNAMIC_DISPATCH(pack_panels)(pairs, 0, 1, data_.data() + p * panel_stride());
            }
          });
    }
  }
  parallel_for(outputs_, [&](Index o) {
    std::transform(weight.row(o), weight.row(o) + inputs_, data_.data() + o * inputs_,
                   [=](Element x) { return portable::rounded(x, numbers); });
  });
}

template <class Element>
void PackedMatrix<Element>::pack_transpose(ConstMatrix<Element> transpose, Numbers numbers) {
  const bool panels = reshape(transpose.cols, transpose.rows, numbers);
  if constexpr (has_simd<Element>) {
    if (panels && numbers == Numbers::bf16) {
      thread_local AlignedBuffer<float> memory;
      const auto size = static_cast<std::size_t>(pair_count(inputs_) * outputs_);
      if (memory.size() < size) memory = AlignedBuffer<float>(size);
      const MatrixView<float> pairs(memory.data(), pair_count(inputs_), outputs_);
      pair_rows(transpose, pairs);
      return parallel_ranges(pairs.rows, grain(32768, outputs_), [&](Index begin, Index end) {
        HWY_DYNAMIC_DISPATCH(pack_rows)(pairs, begin, end, data_.data());
      });
    }
    if (panels) {
      return parallel_ranges(inputs_, grain(32768, outputs_), [&](Index begin, Index end) {
        HWY_DYNAMIC_DISPATCH(pack_rows)(transpose, begin, end, data_.data());
      });
    }
  }
  parallel_for(outputs_, [&](Index o) {
    for (Index i = 0; i < inputs_; ++i) data_.data()[o * inputs_ + i] = portable::rounded(transpose(i, o), numbers);
  });
}

template class PackedMatrix<float>;
template class PackedMatrix<double>;

}  // namespace sharcs::internal::kernels
#endif
