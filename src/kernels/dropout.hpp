#pragma once

#include <cstdint>

#include "core/matrix_view.hpp"

namespace sharcs::internal::kernels {

/// One use of dropout. Whether element (row, col) is kept is word `col % 4` of
/// philox(key, counter_low = col / 4, counter_high = first_row + row): kept when the word is at least rate · 2^32.
/// So the mask depends neither on threads nor on how a batch is cut, and backward makes it again instead of keeping it.
struct Dropout {
  float rate = 0;  ///< in [0, 1)
  std::uint64_t key = 0;
  std::uint64_t first_row = 0;  ///< the number, in the whole batch, of the view's row 0

  bool active() const { return rate > 0; }
};

/// x = kept ? x / (1 − rate) : 0, in place. The same call on a gradient is the backward. Nothing happens at rate 0.
template <class T>
void dropout(MatrixView<T> x, const Dropout& dropout);

}  // namespace sharcs::internal::kernels
