#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <span>

#include "core/matrix_view.hpp"
#include "core/stages.hpp"
#include "core/workspace.hpp"

namespace sharcs::internal::kernels {

/// How a row of numbers of at most this size becomes int8.
struct Int8Scale {
  float scale = 0;    ///< what a value of 1 stands for
  float inverse = 0;  ///< what numbers are multiplied by before they are rounded

  explicit Int8Scale(float greatest_size) {
    // Below, 127 / greatest_size could be infinite.
    if (greatest_size < 1e-30f) return;
    scale = greatest_size / 127.0f;
    inverse = 127.0f / greatest_size;
  }
  std::int8_t value(float x) const {
    return static_cast<std::int8_t>(std::clamp(std::nearbyint(x * inverse), -127.0f, 127.0f));
  }
};

/// Rows of a matrix as int8, each with a scale of its own: element (r, c) stands for scales[r] · values(r, c).
///
/// The values are −127 to 127. A row is followed by zeros up to a multiple of four, so that products read groups of
/// four whatever the width is.
struct Int8Rows {
  MatrixView<std::int8_t> values;  ///< [rows, cols]
  float* scales = nullptr;
  std::int32_t* sums = nullptr;  ///< Σ_c values(r, c)

  /// Uninitialised, in `workspace`.
  static Int8Rows make(Index rows, Index cols, Workspace& workspace);
  explicit operator bool() const { return static_cast<bool>(values); }
  Int8Rows row_range(Index first, Index count) const {
    return {values.row_range(first, count), scales + first, sums + first};
  }
};

/// rows = x, rounded: scale = max |x| / 127 of the row, value = x / scale to the nearest, ties to even. A row whose
/// numbers are all below 1e-30 becomes zeros. stages: it becomes the next of them; null: it runs at once.
void quantize(MatrixView<const float> x, const Int8Rows& rows, Stages* stages = nullptr);

/// The same for the rows of a weight, without the sums. scales: one a row.
void quantize_weight(MatrixView<const float> weight, MatrixView<std::int8_t> values, std::span<float> scales);

/// y = LayerNorm(x), see layer_norm(), and also as int8: each row is quantized while it is in the cache.
void layer_norm(MatrixView<const float> x, const float* weight, const float* bias, float eps, MatrixView<float> y,
                const Int8Rows& rows, Stages* stages = nullptr);

}  // namespace sharcs::internal::kernels
