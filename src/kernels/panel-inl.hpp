// Copies operands of matrix products into the panels that the register tile reads. Included by files that are compiled
// once per SIMD target (hwy/foreach_target.h), hence the guard that opens again for each of them.
#if defined(SHARCS_KERNELS_PANEL_INL_) == defined(HWY_TARGET_TOGGLE)
#ifdef SHARCS_KERNELS_PANEL_INL_
#undef SHARCS_KERNELS_PANEL_INL_
#else
#define SHARCS_KERNELS_PANEL_INL_
#endif

#include <hwy/highway.h>

#include <algorithm>

#include "kernels/micro_kernel-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace sharcs::internal::kernels::HWY_NAMESPACE {

#if HWY_TARGET != HWY_SCALAR

/// Block i (of 128 bits) holds four elements of row 4i.
template <class D>
HWY_INLINE hn::Vec<D> load_blocks(D d, const float* from, Index stride) {
  if constexpr (hn::MaxLanes(d) <= 4) {
    return hn::LoadU(d, from);
  } else {
    const hn::Half<D> half;
    const Index rows = static_cast<Index>(hn::Lanes(half));
    return hn::Combine(d, load_blocks(half, from + rows * stride, stride), load_blocks(half, from, stride));
  }
}

/// Transposes as many rows as a vector has lanes and four columns: to[k · step + r] = from[r · stride + k].
HWY_INLINE void transpose_block(const float* from, Index stride, float* to, Index step) {
  const TileTag d;
  const hn::Repartition<std::uint64_t, TileTag> pair;
  const auto row0 = load_blocks(d, from, stride), row1 = load_blocks(d, from + stride, stride);
  const auto row2 = load_blocks(d, from + 2 * stride, stride), row3 = load_blocks(d, from + 3 * stride, stride);
  const auto low01 = hn::BitCast(pair, hn::InterleaveLower(d, row0, row1));
  const auto low23 = hn::BitCast(pair, hn::InterleaveLower(d, row2, row3));
  const auto high01 = hn::BitCast(pair, hn::InterleaveUpper(d, row0, row1));
  const auto high23 = hn::BitCast(pair, hn::InterleaveUpper(d, row2, row3));
  hn::StoreU(hn::BitCast(d, hn::InterleaveLower(pair, low01, low23)), d, to);
  hn::StoreU(hn::BitCast(d, hn::InterleaveUpper(pair, low01, low23)), d, to + step);
  hn::StoreU(hn::BitCast(d, hn::InterleaveLower(pair, high01, high23)), d, to + 2 * step);
  hn::StoreU(hn::BitCast(d, hn::InterleaveUpper(pair, high01, high23)), d, to + 3 * step);
}

#endif  // HWY_TARGET != HWY_SCALAR

/// panel[k · tile_cols + j] = rows(j, k): what a product by the transpose of `rows` reads. At most tile_cols rows; the
/// columns of the panel that have none become 0.
inline void pack_transposed(MatrixView<const float> rows, float* HWY_RESTRICT panel) {
  Index r = 0;
#if HWY_TARGET != HWY_SCALAR
  const Index blocked = rows.cols / 4 * 4;
  for (; r + tile_lanes <= rows.rows; r += tile_lanes) {
    for (Index k = 0; k < blocked; k += 4) {
      transpose_block(rows.row(r) + k, rows.stride, panel + k * tile_cols + r, tile_cols);
    }
    for (Index k = blocked; k < rows.cols; ++k) {
      for (Index i = r; i < r + tile_lanes; ++i) panel[k * tile_cols + i] = rows(i, k);
    }
  }
#endif
  if (r == tile_cols) return;
  for (Index k = 0; k < rows.cols; ++k) {
    for (Index i = r; i < rows.rows; ++i) panel[k * tile_cols + i] = rows(i, k);
    std::fill(panel + k * tile_cols + rows.rows, panel + (k + 1) * tile_cols, 0.0f);
  }
}

/// Copies rows begin .. end − 1 of b to where they stand in its panels: b(k, c) to element k · tile_cols + c %
/// tile_cols of panel c / tile_cols; columns that the last panel lacks become 0. Row by row, since memory is read best
/// in order.
inline void pack_rows(MatrixView<const float> b, Index begin, Index end, float* HWY_RESTRICT panels) {
  const TileTag d;
  for (Index k = begin; k < end; ++k) {
    const float* from = b.row(k);
    float* to = panels + k * tile_cols;
    Index c = 0;
    for (; c + tile_cols <= b.cols; c += tile_cols, from += tile_cols, to += b.rows * tile_cols) {
      HWY_UNROLL(4)
      for (Index v = 0; v < tile_cols; v += tile_lanes) hn::StoreU(hn::LoadU(d, from + v), d, to + v);
    }
    if (c < b.cols) std::fill(std::copy(from, from + (b.cols - c), to), to + tile_cols, 0.0f);
  }
}

/// Floats from a group of tile_rows rows of `depth` elements to the next. The odd line keeps groups that are written at
/// the same time out of each other's sets of the L1 cache.
inline Index left_group_stride(Index depth) { return (depth * tile_rows / 16 | 1) * 16 + 16; }

/// to[0 .. tile_rows − 1] = from[…]: six elements as two overlapping vectors of four.
HWY_INLINE void copy_tile_rows(const float* from, float* to) {
  static_assert(tile_rows == 6);
  if constexpr (tile_lanes >= 4) {
    const hn::CappedTag<float, 4> four;
    const auto first = hn::LoadU(four, from), last = hn::LoadU(four, from + 2);
    hn::StoreU(first, four, to);
    hn::StoreU(last, four, to + 2);
  } else {
    for (int r = 0; r < tile_rows; ++r) to[r] = from[r];
  }
}

/// Copies aᵀ so that the register tile reads it in order: row r of aᵀ, which is column r of `a`, goes to group
/// r / tile_rows; element k of it to groups[group · left_group_stride(depth) + k · tile_rows + r % tile_rows], with
/// depth = a.rows. Rows that the last group lacks keep what stood there.
inline void pack_left_transposed(MatrixView<const float> a, float* HWY_RESTRICT groups) {
  const Index whole = a.cols / tile_rows * tile_rows, stride = left_group_stride(a.rows);
  for (Index k = 0; k < a.rows; ++k) {
    const float* from = a.row(k);
    float* to = groups + k * tile_rows;
    for (Index r = 0; r < whole; r += tile_rows, from += tile_rows, to += stride) copy_tile_rows(from, to);
    for (Index r = whole; r < a.cols; ++r) *to++ = *from++;
  }
}

}  // namespace sharcs::internal::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // SHARCS_KERNELS_PANEL_INL_
