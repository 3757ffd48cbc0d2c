#include "kernels/int8_matrix.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/int8_matrix.cpp"
#include <hwy/foreach_target.h>  // IWYU pragma: keep
#include <hwy/highway.h>

#include <algorithm>
#include <cassert>
#include <cstring>
#include <vector>

#include "core/threads.hpp"
#include "kernels/int8_rows.hpp"
#include "kernels/int8_tile-inl.hpp"
#include "kernels/panel-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace sharcs::internal::kernels::HWY_NAMESPACE {

Index int8_panel_width() { return tile_cols; }
std::uint8_t int8_offset() { return weight_offset; }

/// Panels begin .. end − 1 of `values`, the first panel at `panels`.
void pack_int8_panels(MatrixView<const std::int8_t> values, Index begin, Index end, std::int32_t* panels) {
  const Index groups = ceil_divide<Index>(values.cols, 4);
  // Four values in each float: they are moved, not read as numbers.
  AlignedBuffer<float> memory(static_cast<std::size_t>(tile_cols * groups));
  std::ranges::fill(memory.span(), 0.0f);
  for (Index p = begin; p < end; ++p) {
    const Index first = p * tile_cols, rows = std::min(tile_cols, values.rows - first);
    for (Index r = 0; r < rows; ++r)
      std::memcpy(memory.data() + r * groups, values.row(first + r), static_cast<std::size_t>(values.cols));
    std::int32_t* const panel = panels + p * groups * tile_cols;
    auto* const words = reinterpret_cast<float*>(panel);
    pack_transposed(MatrixView<const float>(memory.data(), rows, groups), tile_vectors, words);
    if (weight_offset == 0) continue;
    // The value + 128, modulo 256.
    const IntTag d;
    for (Index i = 0; i < groups * tile_cols; i += tile_lanes)
      hn::StoreU(hn::Xor(hn::LoadU(d, panel + i), hn::Set(d, static_cast<std::int32_t>(0x80808080u))), d, panel + i);
  }
}

}  // namespace sharcs::internal::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace sharcs::internal::kernels {
HWY_EXPORT(int8_panel_width);
HWY_EXPORT(int8_offset);
HWY_EXPORT(pack_int8_panels);

Int8Matrix::Int8Matrix(MatrixView<const float> weight) {
  std::vector<std::int8_t> values(static_cast<std::size_t>(weight.rows * weight.cols));
  std::vector<float> scales(static_cast<std::size_t>(weight.rows));
  const MatrixView<std::int8_t> view(values.data(), weight.rows, weight.cols);
  quantize_weight(weight, view, scales);
  *this = Int8Matrix(view, scales);
}

Int8Matrix::Int8Matrix(MatrixView<const std::int8_t> values, std::span<const float> scales)
    : scales_(scales.size()),
      outputs_(values.rows),
      inputs_(values.cols),
      panel_width_(HWY_DYNAMIC_DISPATCH(int8_panel_width)()),
      offset_(HWY_DYNAMIC_DISPATCH(int8_offset)()) {
  assert(outputs_ == std::ssize(scales) && inputs_ <= most_inputs);
  std::ranges::copy(scales, scales_.data());
  const Index panels = ceil_divide(outputs_, panel_width_);
  data_ = AlignedBuffer<std::int32_t>(static_cast<std::size_t>(panels * panel_stride()));
  parallel_ranges(panels, grain(32768, 4 * panel_stride()), [&](Index begin, Index end) {
    HWY_DYNAMIC_DISPATCH(pack_int8_panels)(values, begin, end, data_.data());
  });
}

std::int8_t Int8Matrix::value(Index output, Index input) const {
  std::uint8_t four[4];
  std::memcpy(four, panel(output / panel_width_) + input / 4 * panel_width_ + output % panel_width_, sizeof four);
  return static_cast<std::int8_t>(four[input % 4] - offset_);
}

}  // namespace sharcs::internal::kernels
#endif
