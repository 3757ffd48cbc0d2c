#include "kernels/packed_matrix.hpp"

#include <algorithm>

#include "core/threads.hpp"

namespace sharcs::kernels {

template <class Element, int Group>
void PackedMatrix<Element, Group>::pack(ConstMatrix<Element> weight) {
  outputs_ = weight.rows;
  inputs_ = weight.cols;
  panel_width_ = 0;
  const auto size = static_cast<std::size_t>(outputs_ * inputs_);
  if (data_.size() != size) data_ = AlignedBuffer<Element>(size);
  parallel_for(outputs_, [&](Index r) { std::copy_n(weight.row(r), inputs_, data_.data() + r * inputs_); });
}

template class PackedMatrix<float>;
template class PackedMatrix<double>;

}  // namespace sharcs::kernels
