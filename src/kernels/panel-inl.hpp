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
#include <cstdint>

#include "core/rounding.hpp"
#include "kernels/register_tile-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace sharcs::internal::kernels::HWY_NAMESPACE {

/// Rows that fill the lanes of a vector, one a lane.
struct WholeLanes {
  const float* first;
  Index stride;
  HWY_INLINE const float* row(Index lane) const { return first + lane * stride; }
  HWY_INLINE TileVector keep(TileVector v) const { return v; }
};
/// Fewer rows: the other lanes read the last row again, and keep() makes them 0.
struct LeadingLanes {
  const float* first;
  Index stride;
  Index count;
  HWY_INLINE const float* row(Index lane) const { return first + std::min(lane, count - 1) * stride; }
  HWY_INLINE TileVector keep(TileVector v) const {
    return hn::IfThenElseZero(hn::FirstN(TileTag(), static_cast<std::size_t>(count)), v);
  }
};

#if HWY_TARGET != HWY_SCALAR

/// Block i (of 128 bits) holds the first four elements of row lane + 4i.
template <class D, class Rows>
HWY_INLINE hn::Vec<D> load_blocks(D d, const Rows& rows, Index lane) {
  if constexpr (hn::MaxLanes(d) <= 4) {
    return hn::LoadU(d, rows.row(lane));
  } else {
    const hn::Half<D> half;
    const Index upper = lane + static_cast<Index>(hn::Lanes(half));
    return hn::Combine(d, load_blocks(half, rows, upper), load_blocks(half, rows, lane));
  }
}

/// Transposes the first four columns: to[k · tile_cols + lane] = rows.row(lane)[k].
template <class Rows>
HWY_INLINE void transpose_columns(const Rows& rows, float* to) {
  const TileTag d;
  const hn::Repartition<std::uint64_t, TileTag> pair;
  // Each of these has four columns of every fourth row. Transposing the 4 × 4 blocks that they form brings the rows in
  // order.
  const auto row0 = load_blocks(d, rows, 0), row1 = load_blocks(d, rows, 1);
  const auto row2 = load_blocks(d, rows, 2), row3 = load_blocks(d, rows, 3);
  const auto low01 = hn::BitCast(pair, hn::InterleaveLower(d, row0, row1));
  const auto low23 = hn::BitCast(pair, hn::InterleaveLower(d, row2, row3));
  const auto high01 = hn::BitCast(pair, hn::InterleaveUpper(d, row0, row1));
  const auto high23 = hn::BitCast(pair, hn::InterleaveUpper(d, row2, row3));
  hn::StoreU(rows.keep(hn::BitCast(d, hn::InterleaveLower(pair, low01, low23))), d, to);
  hn::StoreU(rows.keep(hn::BitCast(d, hn::InterleaveUpper(pair, low01, low23))), d, to + tile_cols);
  hn::StoreU(rows.keep(hn::BitCast(d, hn::InterleaveLower(pair, high01, high23))), d, to + 2 * tile_cols);
  hn::StoreU(rows.keep(hn::BitCast(d, hn::InterleaveUpper(pair, high01, high23))), d, to + 3 * tile_cols);
}

#endif  // HWY_TARGET != HWY_SCALAR

/// One vector of every row of a panel: to[k · tile_cols + lane] = rows.row(lane)[k] for k < depth, or 0 in the lanes
/// from `count` on.
template <class Rows>
HWY_INLINE void transpose_lanes(Rows rows, Index count, Index depth, float* HWY_RESTRICT to) {
  Index k = 0;
#if HWY_TARGET != HWY_SCALAR
  for (; k + 4 <= depth; k += 4, rows.first += 4, to += 4 * tile_cols) transpose_columns(rows, to);
#endif
  for (; k < depth; ++k, ++rows.first, to += tile_cols) {
    for (Index lane = 0; lane < tile_lanes; ++lane) to[lane] = lane < count ? *rows.row(lane) : 0.0f;
  }
}

/// panel[k · tile_cols + j] = rows(j, k): what a product by the transpose of `rows` reads. Writes the first `vectors`
/// vectors of each row of the panel; where they have no row j, they become 0. At most tile_cols rows.
inline void pack_transposed(MatrixView<const float> rows, Index vectors, float* HWY_RESTRICT panel) {
  for (Index first = 0; first < vectors * tile_lanes; first += tile_lanes) {
    const Index count = std::clamp(rows.rows - first, Index{0}, tile_lanes);
    float* const to = panel + first;
    if (count == tile_lanes) {
      transpose_lanes(WholeLanes{rows.row(first), rows.stride}, count, rows.cols, to);
    } else if (count > 0) {
      transpose_lanes(LeadingLanes{rows.row(first), rows.stride, count}, count, rows.cols, to);
    } else {
      for (Index k = 0; k < rows.cols; ++k) hn::StoreU(hn::Zero(TileTag()), TileTag(), to + k * tile_cols);
    }
  }
}

/// Copies rows begin .. end − 1 of b to their places in its panels: b(k, c) goes to element k · tile_cols + c %
/// tile_cols of panel c / tile_cols. Where the last panel has more columns than b, they become 0. Row by row, since
/// memory is read fastest in order.
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

/// Floats from a group of tile_rows rows of `depth` elements to the next. It is an odd number of cache lines, so that
/// groups that are written at the same time do not push each other out of the L1 cache.
inline Index left_group_stride(Index depth) {
  return (ceil_divide<Index>(depth * tile_rows, line_floats) | 1) * line_floats;
}

/// to[0 .. tile_rows − 1] = from[0 .. tile_rows − 1]. Six elements are two vectors of four that overlap.
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
/// depth = a.rows. Where the last group has fewer than tile_rows rows, the places of the others are not written.
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
