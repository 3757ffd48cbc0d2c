#pragma once

#include "core/matrix_view.hpp"

namespace sharcs::internal {

/// Which vector of disentangled attention (He et al. 2021, arXiv:2006.03654, section 3.1) a distance has. The vectors
/// stand in a table of 2 · span rows that all layers share.
///
/// Distances below span / 2 have a row each. Farther ones share rows that grow with the logarithm of the distance; the
/// last one holds `farthest` − 1 and more (DeBERTa-v3; He et al. 2023, arXiv:2111.09543). `farthest` 0: each distance
/// has a row, and those of `span` and more the last one.
struct DistanceRows {
  Index span = 0;
  Index farthest = 0;

  /// The row for a query that stands `distance` tokens behind its key; negative: before it.
  Index row(Index distance) const;
};

/// The table's rows as kernels::Attention reads positions: row longest − 1 + j − i is that of query i and key j, for
/// i, j < longest. rows: [2 · longest − 1, cols of the table].
template <class T>
void gather_by_distance(ConstMatrix<T> table, const DistanceRows& distances, MatrixView<T> rows);

/// Adds the gradients of gather_by_distance()'s rows to the table's.
template <class T>
void gather_by_distance_backward(ConstMatrix<T> d_rows, const DistanceRows& distances, MatrixView<T> d_table);

}  // namespace sharcs::internal
