#pragma once

#include <cassert>
#include <cstddef>
#include <type_traits>

namespace sharcs::internal {

/// Rows, columns and element counts. Signed, so that differences and reverse loops are safe.
using Index = std::ptrdiff_t;

/// A row-major matrix that somebody else owns: `rows` × `cols`, consecutive rows `stride` elements apart.
template <class T>
struct MatrixView {
  T* data = nullptr;
  Index rows = 0;
  Index cols = 0;
  Index stride = 0;

  MatrixView() = default;
  MatrixView(T* first, Index row_count, Index col_count) : MatrixView(first, row_count, col_count, col_count) {}
  MatrixView(T* first, Index row_count, Index col_count, Index row_stride)
      : data(first), rows(row_count), cols(col_count), stride(row_stride) {
    assert(row_stride >= col_count || row_count <= 1);
  }

  /// A view of mutable elements is also a view of constant ones.
  operator MatrixView<const T>() const requires(!std::is_const_v<T>) { return {data, rows, cols, stride}; }

  explicit operator bool() const { return data != nullptr; }
  T* row(Index r) const { return data + r * stride; }
  T& operator()(Index r, Index c) const { return data[r * stride + c]; }

  /// The `row_count` × `col_count` block whose first element is (first_row, first_col).
  MatrixView block(Index first_row, Index first_col, Index row_count, Index col_count) const {
    assert(first_row >= 0 && first_col >= 0 && first_row + row_count <= rows && first_col + col_count <= cols);
    return {data + first_row * stride + first_col, row_count, col_count, stride};
  }
  MatrixView row_range(Index first, Index count) const { return block(first, 0, count, cols); }
  MatrixView col_range(Index first, Index count) const { return block(0, first, rows, count); }
  /// The leading slice.
  MatrixView leading(Index row_count, Index col_count) const { return block(0, 0, row_count, col_count); }
};

/// T of a function argument that must not take part in deduction, so that a mutable view converts to a constant one.
template <class T>
using ConstMatrix = MatrixView<const std::type_identity_t<T>>;

}  // namespace sharcs::internal
