#pragma once

#include <cstdint>
#include <span>

#include "core/aligned_buffer.hpp"
#include "core/matrix_view.hpp"
#include "kernels/packed_matrix.hpp"

namespace sharcs::internal::kernels {

/// A weight [outputs, inputs] as int8 with a scale for each output: w(o, i) stands for scales[o] · value(o, i). Laid
/// out once so that the leading slice of every width runs at full speed.
///
/// The layout is that of PackedMatrix with groups of four inputs: panels of `panel_width` outputs, in a panel the
/// groups one after the other, in a group the four values of each output side by side. So the slice (n, k) is the
/// leading panels, and the leading ceil(k / 4) groups of each. Past the end of the weight the values are zero.
///
/// Where the machine's dot product takes unsigned numbers by signed ones (x86), a value is stored as value + 128. The
/// product is then too large by 128 · Σ x, which depends on the row and its inputs alone, so that any slice is right.
class Int8Matrix {
 public:
  /// Sums of 255 · 127 in 32 bits do not overflow.
  static constexpr Index most_inputs = 65536;

  Int8Matrix() = default;
  /// Quantizes the weight (see quantize_weight()) and lays it out.
  explicit Int8Matrix(MatrixView<const float> weight);
  /// Lays out what quantize_weight() gave. values: −127 to 127; scales: one an output.
  Int8Matrix(MatrixView<const std::int8_t> values, std::span<const float> scales);

  Index outputs() const { return outputs_; }
  Index inputs() const { return inputs_; }
  explicit operator bool() const { return outputs_ > 0; }
  const float* scales() const { return scales_.data(); }
  Index panel_width() const { return panel_width_; }
  /// Four values in each number.
  const std::int32_t* panel(Index p) const { return data_.data() + p * panel_stride(); }
  Index panel_stride() const { return ceil_divide<Index>(inputs_, 4) * panel_width_; }
  /// What was packed.
  std::int8_t value(Index output, Index input) const;
  std::size_t bytes() const { return data_.size() * sizeof(std::int32_t) + scales_.size() * sizeof(float); }

 private:
  AlignedBuffer<std::int32_t> data_;
  AlignedBuffer<float> scales_;
  Index outputs_ = 0, inputs_ = 0, panel_width_ = 0;
  std::uint8_t offset_ = 0;  // added to each value
};

}  // namespace sharcs::internal::kernels
