#pragma once

#include <algorithm>

#include "kernels/attention.hpp"

namespace sharcs::kernels {

/// Query rows of one head of one sample.
struct HeadRows {
  Index first_token;  ///< of the sample
  Index tokens;
  Index head;
  Index head_size;
  Index begin, end;     ///< the rows, counted in the sample
  Index probabilities;  ///< where the head's probabilities begin

  /// The head's columns and the sample's rows of a matrix [tokens, heads · head_size].
  template <class T>
  MatrixView<T> of(MatrixView<T> x) const {
    return x.block(first_token, head * head_size, tokens, head_size);
  }
};

/// The work of attention on one scale, so that a thread's share is a range of it: head after head of sample after
/// sample, and in a head one unit of `unit_rows` query rows after the other. A unit belongs to the range in which it
/// begins.
struct AttentionWork {
  std::span<const Index> offsets;
  Index heads;
  Index head_size;
  Index unit_rows;

  Index units(Index tokens) const { return (tokens + unit_rows - 1) / unit_rows; }
  /// Rows times keys. What a row costs beside its products (the softmax, its share of the packing) is worth some keys.
  Index unit_cost(Index tokens) const { return std::min(unit_rows, tokens) * (tokens + 16); }

  Index cost() const {
    Index total = 0;
    for (std::size_t s = 0; s + 1 < offsets.size(); ++s) {
      const Index n = offsets[s + 1] - offsets[s];
      total += heads * units(n) * unit_cost(n);
    }
    return total;
  }

  /// Calls body(HeadRows) for every head with units in the range.
  template <class Body>
  void for_each_head(Index range_begin, Index range_end, const Body& body) const {
    Index cost = 0, probabilities = 0;
    for (std::size_t s = 0; s + 1 < offsets.size(); ++s) {
      const Index n = offsets[s + 1] - offsets[s], unit = unit_cost(n);
      if (n == 0) continue;
      for (Index h = 0; h < heads; ++h) {
        // The units of this head that begin before a point of the scale.
        const auto units_before = [&](Index point) {
          return std::clamp((point - cost + unit - 1) / unit, Index{0}, units(n));
        };
        const Index first = units_before(range_begin), last = units_before(range_end);
        if (first < last)
          body(HeadRows{offsets[s], n, h, head_size, first * unit_rows, std::min(last * unit_rows, n), probabilities});
        cost += units(n) * unit;
        probabilities += n * n;
      }
    }
  }
};

}  // namespace sharcs::kernels
