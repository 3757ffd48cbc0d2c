#pragma once

#include "core/aligned_buffer.hpp"
#include "core/matrix_view.hpp"
#include "core/rounding.hpp"
#include "kernels/bf16_pairs.hpp"

namespace sharcs::internal::kernels {

/// The leading part of a weight that a product uses.
struct Slice {
  Index outputs;
  Index inputs;
};

/// What the operands of a product are rounded to before they are multiplied. The sums are never rounded to it.
enum class Numbers {
  whole,  ///< nothing: they stay floats, or doubles
  bf16,   ///< of floats: to the nearest bf16, ties to even
};

/// A weight [outputs, inputs] laid out once so that the leading slice of every width runs at full speed.
///
/// SIMD layout: panels of `panel_width` outputs; in a panel the inputs stand one after the other, for each of them one
/// element an output:
///
///     panel p, input i, output j  ↦  panel(p)[i · panel_width + j]
///
/// bf16 numbers stand in pairs (bf16_pairs.hpp): inputs 2i and 2i + 1 are one element, which takes the place i. Outputs
/// past the end of the last panel are zero. The slice (n, k) is the first ceil(n / panel_width) panels and the first k
/// inputs (or ceil(k / 2) pairs) of each: no copy, no stride penalty.
///
/// Portable layout (the portable backend, and elements without SIMD code): the row-major copy, bf16 numbers as floats;
/// panel_width() is 0.
template <class Element>
class PackedMatrix {
 public:
  PackedMatrix() = default;

  /// Copies `weight` [outputs, inputs] into the layout of the backend in force; reuses the buffer when it fits.
  void pack(ConstMatrix<Element> weight, Numbers numbers = Numbers::whole);
  /// The same for the weight whose transpose this is: [inputs, outputs].
  void pack_transpose(ConstMatrix<Element> transpose, Numbers numbers = Numbers::whole);

  Index outputs() const { return outputs_; }
  Index inputs() const { return inputs_; }
  Numbers numbers() const { return numbers_; }
  Slice whole() const { return {outputs_, inputs_}; }
  Index panel_width() const { return panel_width_; }
  const Element* panel(Index p) const { return data_.data() + p * panel_stride(); }
  /// Elements from one panel to the next.
  Index panel_stride() const { return (numbers_ == Numbers::bf16 ? pair_count(inputs_) : inputs_) * panel_width_; }
  /// The portable layout's matrix. Only when panel_width() is 0.
  MatrixView<const Element> row_major() const { return {data_.data(), outputs_, inputs_}; }
  /// Bytes held; more than the layout needs after a larger weight.
  std::size_t bytes() const { return data_.size() * sizeof(Element); }

 private:
  /// Takes on the shape and the layout of the backend in force. True for panels.
  bool reshape(Index outputs, Index inputs, Numbers numbers);

  AlignedBuffer<Element> data_;
  Index outputs_ = 0;
  Index inputs_ = 0;
  Index panel_width_ = 0;
  Numbers numbers_ = Numbers::whole;
};

}  // namespace sharcs::internal::kernels
