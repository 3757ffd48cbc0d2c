#pragma once

#include "core/aligned_buffer.hpp"
#include "core/matrix_view.hpp"
#include "core/rounding.hpp"

namespace sharcs::internal::kernels {

/// The leading part of a weight that a product uses.
struct Slice {
  Index outputs;
  Index inputs;
};

/// A weight [outputs, inputs] laid out once so that the leading slice of every width runs at full speed.
///
/// SIMD layout: panels of `panel_width` outputs; in a panel the inputs stand one after the other in groups of `Group`,
/// each group holding `panel_width` × `Group` elements (Group = 1 for fp32; bf16 dot products want 2, int8 4):
///
///     panel p, input group g, output j, member i  ↦  panel(p)[(g · panel_width + j) · Group + i]
///
/// Outputs past the end of the last panel and inputs past the end of the last group are zero. The slice (n, k) is the
/// first ceil(n / panel_width) panels and the first ceil(k / Group) groups of each: no copy, no stride penalty.
///
/// Portable layout (the portable backend, and elements without SIMD code): the row-major copy; panel_width() is 0.
template <class Element, int Group = 1>
class PackedMatrix {
 public:
  PackedMatrix() = default;

  /// Copies `weight` [outputs, inputs] into the layout of the backend in force; reuses the buffer when it fits.
  void pack(ConstMatrix<Element> weight);
  /// The same for the weight whose transpose this is: [inputs, outputs].
  void pack_transpose(ConstMatrix<Element> transpose);

  Index outputs() const { return outputs_; }
  Index inputs() const { return inputs_; }
  Slice whole() const { return {outputs_, inputs_}; }
  Index panel_width() const { return panel_width_; }
  const Element* panel(Index p) const { return data_.data() + p * panel_stride(); }
  /// Elements from one panel to the next.
  Index panel_stride() const { return round_up<Index>(inputs_, Group) * panel_width_; }
  /// The portable layout's matrix. Only when panel_width() is 0.
  MatrixView<const Element> row_major() const { return {data_.data(), outputs_, inputs_}; }
  /// Bytes held; more than the layout needs after a larger weight.
  std::size_t bytes() const { return data_.size() * sizeof(Element); }

 private:
  /// Takes on the shape and the layout of the backend in force. True for panels.
  bool reshape(Index outputs, Index inputs);

  AlignedBuffer<Element> data_;
  Index outputs_ = 0;
  Index inputs_ = 0;
  Index panel_width_ = 0;
};

}  // namespace sharcs::internal::kernels
