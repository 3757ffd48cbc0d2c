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
namespace sharcs::kernels::HWY_NAMESPACE {

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

}  // namespace sharcs::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // SHARCS_KERNELS_PANEL_INL_
