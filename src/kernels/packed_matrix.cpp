#include "kernels/packed_matrix.hpp"

#include <algorithm>
#include <type_traits>

#include "core/threads.hpp"
#include "kernels/backend.hpp"
#include "kernels/simd.hpp"

namespace sharcs::internal::kernels {

template <class Element, int Group>
bool PackedMatrix<Element, Group>::reshape(Index outputs, Index inputs) {
  constexpr bool has_panels = std::is_same_v<Element, float> && Group == 1;
  outputs_ = outputs;
  inputs_ = inputs;
  panel_width_ = has_panels && backend() == Backend::simd ? simd::panel_width() : 0;
  const auto size = static_cast<std::size_t>(panel_width_ == 0 ? outputs * inputs
                                                               : ceil_divide(outputs, panel_width_) * panel_stride());
  if (data_.size() < size) data_ = AlignedBuffer<Element>(size);
  return panel_width_ > 0;
}

template <class Element, int Group>
void PackedMatrix<Element, Group>::pack(ConstMatrix<Element> weight) {
  const bool panels = reshape(weight.rows, weight.cols);
  if constexpr (std::is_same_v<Element, float>) {
    if (panels) return simd::pack_panels(weight, data_.data());
  }
  parallel_for(outputs_, [&](Index r) { std::copy_n(weight.row(r), inputs_, data_.data() + r * inputs_); });
}

template <class Element, int Group>
void PackedMatrix<Element, Group>::pack_transpose(ConstMatrix<Element> transpose) {
  const bool panels = reshape(transpose.cols, transpose.rows);
  if constexpr (std::is_same_v<Element, float>) {
    if (panels) return simd::pack_panels_of_transpose(transpose, data_.data());
  }
  parallel_for(outputs_, [&](Index o) {
    for (Index i = 0; i < inputs_; ++i) data_.data()[o * inputs_ + i] = transpose(i, o);
  });
}

template class PackedMatrix<float>;
template class PackedMatrix<double>;

}  // namespace sharcs::internal::kernels
