#pragma once

#include <cstdint>
#include <span>

#include "core/matrix_view.hpp"

namespace sharcs::internal::kernels {

/// A table as int8: row r stands for scales[r] · values(r, ·). See quantize_weight().
struct Int8Table {
  MatrixView<const std::int8_t> values;  ///< [entries, cols]
  const float* scales = nullptr;

  explicit operator bool() const { return scales != nullptr; }
};

/// y[t] = Σ over tables of table[ids[t]]: word, position and token-type rows of each token.
template <class T>
struct EmbeddingLookup {
  MatrixView<const T> table;                  ///< [entries, cols]
  std::span<const std::int32_t> ids;          ///< one a token, each < entries
  Int8Table int8 = {};                        ///< in place of `table`
  MatrixView<const std::uint16_t> bf16 = {};  ///< in place of `table`: the bits of bf16 numbers
};

/// y: [tokens, cols], overwritten.
template <class T>
void embedding_sum(std::span<const EmbeddingLookup<T>> lookups, MatrixView<T> y);

/// gradient[ids[t]] += dy[t], in token order for each row of the table, so that the sum does not depend on the thread
/// count.
template <class T>
void embedding_backward(ConstMatrix<T> dy, std::span<const std::int32_t> ids, MatrixView<T> gradient);

}  // namespace sharcs::internal::kernels
