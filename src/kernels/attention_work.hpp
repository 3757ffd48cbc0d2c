#pragma once

#include <algorithm>
#include <utility>

#include "core/rounding.hpp"
#include "kernels/attention.hpp"

namespace sharcs::internal::kernels {

/// Queries of one head of one sample.
struct HeadRows {
  Index first_query, queries;  ///< of the sample
  Index first_token, tokens;
  Index sample, head, head_size;
  Index begin, end;     ///< the queries, counted in the sample
  Index probabilities;  ///< where the head's probabilities begin

  /// The head's columns and the sample's rows of a matrix [queries, heads · head_size].
  template <class T>
  MatrixView<T> of_queries(MatrixView<T> x) const {
    return x.block(first_query, head * head_size, queries, head_size);
  }
  /// The same of a matrix [tokens, heads · head_size].
  template <class T>
  MatrixView<T> of_tokens(MatrixView<T> x) const {
    return x.block(first_token, head * head_size, tokens, head_size);
  }
  /// Of a row of numbers by distance (Attention::bias), those that a query's keys have, side by side.
  template <class T>
  T* of_keys(MatrixView<T> by_distance, Index row, Index query) const {
    return by_distance.row(row) + (by_distance.cols - 1) / 2 - query;
  }
  /// Of Attention::position_key or position_query, the head's columns and the rows that the sample's tokens read: query
  /// i and key j row tokens − 1 + j − i.
  template <class T>
  MatrixView<T> of_positions(MatrixView<T> x) const {
    return x.block((x.rows - 1) / 2 - (tokens - 1), head * head_size, 2 * tokens - 1, head_size);
  }
  /// The same of their gradients, of which the sample has `rows` rows of its own. The others become 0.
  template <class T>
  MatrixView<T> of_position_gradients(MatrixView<T> x, Index rows) const {
    const MatrixView<T> own = x.block(sample * rows, head * head_size, rows, head_size);
    for (Index r = 0; r < rows; ++r) std::fill_n(own.row(r), head_size, T(0));
    return own.row_range((rows - 1) / 2 - (tokens - 1), 2 * tokens - 1);
  }
  /// The row of AttentionGradients::bias.
  Index bias_row(Index heads) const { return sample * heads + head; }
};

/// The work of attention as a line of costs, so that a thread's share is a range of it. On the line stand sample after
/// sample, in a sample head after head, in a head one unit of `unit_rows` queries after the other. A unit belongs to
/// the range in which it begins.
struct AttentionWork {
  const Attention<float>& problem;
  Index unit_rows;

  /// One head of one sample.
  struct Head {
    Index units;
    Index unit_cost;
  };
  /// A unit costs queries times keys. What a query costs beside its products (the softmax, its share of the packing) is
  /// counted as 16 keys more. Of a window, only the keys in it count.
  Head head(std::size_t sample) const {
    const Index queries = problem.query_offsets[sample + 1] - problem.query_offsets[sample];
    const Index tokens = problem.offsets[sample + 1] - problem.offsets[sample];
    const Index rows = std::min(unit_rows, queries);
    const Index keys = problem.window > 0 ? std::min(tokens, 2 * problem.window + rows) : tokens;
    return {ceil_divide(queries, unit_rows), rows * (keys + 16)};
  }
  std::size_t samples() const { return problem.offsets.size() - 1; }

  Index cost() const {
    Index total = 0;
    for (std::size_t s = 0; s < samples(); ++s) total += problem.heads * head(s).units * head(s).unit_cost;
    return total;
  }

  /// Calls body(HeadRows) for every head with units in the range.
  template <class Body>
  void for_each_head(Index range_begin, Index range_end, const Body& body) const {
    Index cost = 0;
    HeadRows rows = {};
    rows.head_size = problem.head_size;
    for (std::size_t s = 0; s < samples(); ++s) {
      // No structured binding: Clang 14 captures none.
      const Head whole = head(s);
      const Index units = whole.units, unit_cost = whole.unit_cost;
      rows.sample = static_cast<Index>(s);
      rows.first_query = problem.query_offsets[s];
      rows.queries = problem.query_offsets[s + 1] - rows.first_query;
      rows.first_token = problem.offsets[s];
      rows.tokens = problem.offsets[s + 1] - rows.first_token;
      if (units == 0) continue;
      for (rows.head = 0; rows.head < problem.heads; ++rows.head) {
        // The units of this head that begin before a point of the line.
        const auto units_before = [&](Index point) {
          return std::clamp((point - cost + unit_cost - 1) / unit_cost, Index{0}, units);
        };
        rows.begin = units_before(range_begin) * unit_rows;
        rows.end = std::min(units_before(range_end) * unit_rows, rows.queries);
        if (rows.begin < rows.end) body(std::as_const(rows));
        cost += units * unit_cost;
        rows.probabilities += rows.queries * rows.tokens;
      }
    }
  }
};

}  // namespace sharcs::internal::kernels
