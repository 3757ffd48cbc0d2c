#include "nn/relative_positions.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>

namespace sharcs::internal {

// In floats and in this order, as transformers' make_log_bucket_position: where a logarithm is nearly whole, the row
// depends on the rounding.
Index DistanceRows::row(Index distance) const {
  const Index middle = span / 2, n = std::abs(distance);
  Index bucket = n;
  if (farthest > 0 && n > middle) {
    const auto half = static_cast<float>(middle);
    const float end = std::log(static_cast<float>(static_cast<double>(farthest - 1) / static_cast<double>(middle)));
    bucket = static_cast<Index>(std::ceil(std::log(static_cast<float>(n) / half) / end * (half - 1))) + middle;
  }
  return std::clamp<Index>(span + (distance < 0 ? -bucket : bucket), 0, 2 * span - 1);
}

template <class T>
void gather_by_distance(ConstMatrix<T> table, const DistanceRows& distances, MatrixView<T> rows) {
  const Index longest = (rows.rows + 1) / 2;
  for (Index r = 0; r < rows.rows; ++r) std::copy_n(table.row(distances.row(longest - 1 - r)), rows.cols, rows.row(r));
}

template <class T>
void gather_by_distance_backward(ConstMatrix<T> d_rows, const DistanceRows& distances, MatrixView<T> d_table) {
  const Index longest = (d_rows.rows + 1) / 2;
  for (Index r = 0; r < d_rows.rows; ++r) {
    T* const sums = d_table.row(distances.row(longest - 1 - r));
    for (Index c = 0; c < d_rows.cols; ++c) sums[c] += d_rows(r, c);
  }
}

template void gather_by_distance(ConstMatrix<float>, const DistanceRows&, MatrixView<float>);
template void gather_by_distance(ConstMatrix<double>, const DistanceRows&, MatrixView<double>);
template void gather_by_distance_backward(ConstMatrix<float>, const DistanceRows&, MatrixView<float>);
template void gather_by_distance_backward(ConstMatrix<double>, const DistanceRows&, MatrixView<double>);

}  // namespace sharcs::internal
