#include "kernels/packed_matrix.hpp"

#include <algorithm>
#include <type_traits>

#include "core/threads.hpp"
#include "kernels/backend.hpp"
#include "kernels/simd.hpp"

namespace sharcs::kernels {

template <class Element, int Group>
void PackedMatrix<Element, Group>::pack(ConstMatrix<Element> weight) {
  constexpr bool has_panels = std::is_same_v<Element, float> && Group == 1;
  outputs_ = weight.rows;
  inputs_ = weight.cols;
  panel_width_ = has_panels && backend() == Backend::simd ? simd::panel_width() : 0;
  const Index panels = panel_width_ == 0 ? 0 : (outputs_ + panel_width_ - 1) / panel_width_;
  const auto size = static_cast<std::size_t>(panels == 0 ? outputs_ * inputs_ : panels * panel_stride());
  if (data_.size() != size) data_ = AlignedBuffer<Element>(size);
  if constexpr (has_panels) {
    if (panel_width_ > 0) return simd::pack_panels(weight, data_.data());
  }
  parallel_for(outputs_, [&](Index r) { std::copy_n(weight.row(r), inputs_, data_.data() + r * inputs_); });
}

template class PackedMatrix<float>;
template class PackedMatrix<double>;

}  // namespace sharcs::kernels
