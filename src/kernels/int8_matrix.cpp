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

HWY_BEFORE_NAMESPACE();
namespace sharcs::internal::kernels::HWY_NAMESPACE {

Index int8_panel_width() { return tile_cols; }
std::uint8_t int8_offset() { return weight_offset; }

}  // namespace sharcs::internal::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace sharcs::internal::kernels {
HWY_EXPORT(int8_panel_width);
HWY_EXPORT(int8_offset);

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
  const Index panels = ceil_divide(outputs_, panel_width_), groups = ceil_divide<Index>(inputs_, 4);
  data_ = AlignedBuffer<std::int32_t>(static_cast<std::size_t>(panels * panel_stride()));
  parallel_ranges(panels, grain(32768, 4 * panel_stride()), [&](Index begin, Index end) {
    for (Index p = begin; p < end; ++p) {
      std::int32_t* to = data_.data() + p * panel_stride();
      for (Index g = 0; g < groups; ++g) {
        for (Index j = 0; j < panel_width_; ++j, ++to) {
          const Index output = p * panel_width_ + j;
          std::uint8_t four[4] = {offset_, offset_, offset_, offset_};
          for (Index i = 0; i < 4; ++i)
            if (output < outputs_ && 4 * g + i < inputs_)
              four[i] = static_cast<std::uint8_t>(values(output, 4 * g + i) + offset_);
          std::memcpy(to, four, sizeof four);
        }
      }
    }
  });
}

std::int8_t Int8Matrix::value(Index output, Index input) const {
  std::uint8_t four[4];
  std::memcpy(four, panel(output / panel_width_) + input / 4 * panel_width_ + output % panel_width_, sizeof four);
  return static_cast<std::int8_t>(four[input % 4] - offset_);
}

}  // namespace sharcs::internal::kernels
#endif
