#include "nn/relative_bias.hpp"

#include <cstdlib>

#include "core/eigen_map.hpp"

namespace sharcs::internal {

Index relative_bias_bucket(Index distance) {
  constexpr Index half = relative_bias_buckets / 2, exact = half / 2;
  const Index n = std::abs(distance);
  Index bucket = n;
  if (n >= exact) {
    // Twice the distance is two buckets on, until 16 · exact = 128 ends the line: bucket exact + ⌊2 log2(n / exact)⌋,
    // in whole numbers.
    bucket = exact;
    while (bucket < half - 1 && n * n >= (exact * exact << (bucket + 1 - exact))) ++bucket;
  }
  return distance > 0 ? half + bucket : bucket;
}

template <class T>
MatrixView<T> relative_bias_by_distance(ConstMatrix<T> table, Index heads, Index longest, Workspace& workspace) {
  const MatrixView<T> bias = workspace.matrix<T>(heads, 2 * longest - 1);
  for (Index c = 0; c < bias.cols; ++c) {
    const T* const of_heads = table.row(relative_bias_bucket(c - (longest - 1)));
    for (Index h = 0; h < heads; ++h) bias(h, c) = of_heads[h];
  }
  return bias;
}

template <class T>
void relative_bias_backward(ConstMatrix<T> d_bias, Index heads, MatrixView<T> d_table) {
  const Index longest = (d_bias.cols + 1) / 2;
  // Sample by sample, then distance by distance: no order of threads is in the sum.
  RowMajorMatrix<T> sum = RowMajorMatrix<T>::Zero(heads, d_bias.cols);
  for (Index first = 0; first < d_bias.rows; first += heads) sum += eigen_map(d_bias.row_range(first, heads));
  for (Index c = 0; c < d_bias.cols; ++c) {
    T* const of_heads = d_table.row(relative_bias_bucket(c - (longest - 1)));
    for (Index h = 0; h < heads; ++h) of_heads[h] += sum(h, c);
  }
}

template MatrixView<float> relative_bias_by_distance(ConstMatrix<float>, Index, Index, Workspace&);
template MatrixView<double> relative_bias_by_distance(ConstMatrix<double>, Index, Index, Workspace&);
template void relative_bias_backward(ConstMatrix<float>, Index, MatrixView<float>);
template void relative_bias_backward(ConstMatrix<double>, Index, MatrixView<double>);

}  // namespace sharcs::internal
