#pragma once

#include <cstdint>
#include <vector>

#include "core/matrix_view.hpp"
#include "core/random.hpp"

namespace sharcs::internal::kernels {

/// A matrix whose rows stand `gap` elements apart. What lies between them is random as well, and a kernel must neither
/// read nor change it: two matrices compare equal only when it is equal, too.
template <class T>
struct PaddedMatrix {
  Index rows = 0, cols = 0, stride = 0;
  std::vector<T> data;

  /// Standard normal numbers around `mean`, the same ones for the same `name`.
  PaddedMatrix(Index row_count, Index col_count, std::uint64_t name, Index gap = 3, double mean = 0)
      : rows(row_count), cols(col_count), stride(col_count + gap), data(static_cast<std::size_t>(rows * stride)) {
    Random random(derive_key(1, "padded matrix", name));
    for (T& v : data) v = static_cast<T>(random.normal() + mean);
  }
  /// The same numbers in another type.
  template <class U>
  explicit PaddedMatrix(const PaddedMatrix<U>& other)
      : rows(other.rows), cols(other.cols), stride(other.stride), data(other.data.begin(), other.data.end()) {}

  MatrixView<T> view() { return {data.data(), rows, cols, stride}; }
  MatrixView<const T> view() const { return {data.data(), rows, cols, stride}; }
  bool operator==(const PaddedMatrix&) const = default;
};

/// A row of them.
template <class T = float>
std::vector<T> random_row(Index size, std::uint64_t name, double mean = 0) {
  return PaddedMatrix<T>(1, size, name, 0, mean).data;
}

inline std::vector<double> in_double(const std::vector<float>& x) { return {x.begin(), x.end()}; }

}  // namespace sharcs::internal::kernels
