#pragma once

#include "core/matrix_view.hpp"
#include "core/workspace.hpp"

namespace sharcs::internal {

/// Relative attention bias (Raffel et al. 2020, section 2.1; Song et al. 2020): a number for each head and each bucket
/// of distances is added to the score of a query and a key. It stands in a table [buckets, heads] that all layers
/// share. A slice of h heads uses the first h columns.
///
/// Sixteen buckets are for keys at or before the query, sixteen for keys behind it. In each half, the distances 0 to 7
/// have a bucket of their own. Farther ones share buckets that grow with the distance (8 to 11, 12 to 15, 16 to 22, …);
/// the last one holds 91 and more.
inline constexpr Index relative_bias_buckets = 32;

/// The bucket of a key that stands `distance` tokens behind the query; negative: before it.
Index relative_bias_bucket(Index distance);

/// The bias as kernels::Attention reads it: [heads, 2 · longest − 1], from the key farthest before a query to the one
/// farthest behind it. Stands in `workspace`.
template <class T>
MatrixView<T> relative_bias_by_distance(ConstMatrix<T> table, Index heads, Index longest, Workspace& workspace);

/// Adds to the table's gradient what kernels::AttentionGradients::bias received: a row for each sample and head.
template <class T>
void relative_bias_backward(ConstMatrix<T> d_bias, Index heads, MatrixView<T> d_table);

}  // namespace sharcs::internal
