#pragma once

#include <Eigen/Core>

#include "core/matrix_view.hpp"

namespace sharcs::internal {

template <class T>
using RowMajorMatrix = Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

/// An Eigen expression over the view's memory.
template <class T>
auto eigen_map(MatrixView<T> view) {
  using Plain = RowMajorMatrix<std::remove_const_t<T>>;
  using Matrix = std::conditional_t<std::is_const_v<T>, const Plain, Plain>;
  return Eigen::Map<Matrix, 0, Eigen::OuterStride<>>(view.data, view.rows, view.cols,
                                                     Eigen::OuterStride<>(view.stride));
}

}  // namespace sharcs::internal
