// Runs the register tile at every shape and takes its sums to memory. Included by files that are compiled once per SIMD
// target (hwy/foreach_target.h), hence the guard that opens again for each of them.
#if defined(SHARCS_KERNELS_TILE_RUN_INL_) == defined(HWY_TARGET_TOGGLE)
#ifdef SHARCS_KERNELS_TILE_RUN_INL_
#undef SHARCS_KERNELS_TILE_RUN_INL_
#else
#define SHARCS_KERNELS_TILE_RUN_INL_
#endif

#include <hwy/cache_control.h>
#include <hwy/highway.h>

#include <array>
#include <utility>

#include "core/rounding.hpp"
#include "kernels/micro_kernel-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace sharcs::kernels::HWY_NAMESPACE {

/// Where a tile's sums begin and go, and what is added to them in this order on the way. What is null is not added.
struct TileMemory {
  const float* start =
      nullptr;  ///< the sums of the depth before, tile_cols to a row, which go on as if there had been no break
  const float* earlier = nullptr;
  Index earlier_row = 0;
  const float* bias = nullptr;
  const float* residual = nullptr;
  Index residual_row = 0;
  float* out = nullptr;
  Index out_row = 0;
};

template <int Rows, int Vectors, class Left>
void run_tile(Left a, const float* panel, Index depth, TileAhead ahead, const TileMemory& memory) {
  const TileTag d;
  TileVector sum[Rows][Vectors];
  HWY_UNROLL(6)
  for (int r = 0; r < Rows; ++r) {
    HWY_UNROLL(4)
    for (int v = 0; v < Vectors; ++v) {
      sum[r][v] = memory.start == nullptr ? hn::Zero(d) : hn::LoadU(d, memory.start + r * tile_cols + v * tile_lanes);
    }
  }
  multiply_tile(a, panel, depth, ahead, sum);
  const auto add = [&](const float* from, Index row) HWY_ATTR {
    HWY_UNROLL(6)
    for (int r = 0; r < Rows; ++r) {
      HWY_UNROLL(4)
      for (int v = 0; v < Vectors; ++v) sum[r][v] = hn::Add(sum[r][v], hn::LoadU(d, from + r * row + v * tile_lanes));
    }
  };
  if (memory.earlier != nullptr) add(memory.earlier, memory.earlier_row);
  if (memory.bias != nullptr) add(memory.bias, 0);
  if (memory.residual != nullptr) add(memory.residual, memory.residual_row);
  HWY_UNROLL(6)
  for (int r = 0; r < Rows; ++r) {
    HWY_UNROLL(4)
    for (int v = 0; v < Vectors; ++v) hn::StoreU(sum[r][v], d, memory.out + r * memory.out_row + v * tile_lanes);
  }
}

template <class Left>
using RunTile = void (*)(Left, const float*, Index, TileAhead, const TileMemory&);

template <class Left, int Rows, int... Vectors>
constexpr std::array<RunTile<Left>, tile_vectors> tiles_of_rows(std::integer_sequence<int, Vectors...>) {
  return {run_tile<Rows, Vectors + 1, Left>...};
}
template <class Left, int... Rows>
constexpr std::array<std::array<RunTile<Left>, tile_vectors>, tile_rows> all_tiles(
    std::integer_sequence<int, Rows...>) {
  return {tiles_of_rows<Left, Rows + 1>(std::make_integer_sequence<int, tile_vectors>())...};
}
/// The tile of r rows and v vectors is run_tiles<Left>[r − 1][v − 1].
template <class Left>
constexpr auto run_tiles = all_tiles<Left>(std::make_integer_sequence<int, tile_rows>());

/// Part of a panel that tiles before it bring to the cache, a part each.
struct BlockAhead {
  const float* data = nullptr;
  Index lines = 0;

  BlockAhead() = default;
  /// `depth` steps of k.
  BlockAhead(const float* block, Index depth) : data(block), lines(depth * tile_cols / line_floats) {}

  /// Of tile `tile` of `tiles`, in the `depth` steps that it takes.
  TileAhead part(Index tile, Index tiles, Index depth) const {
    // A single tile reads the panels as they come, which the hardware foresees.
    if (lines == 0 || depth == 0 || tiles == 1) return {};
    const Index share = ceil_divide(lines, tiles);
    return {data + tile * share * line_floats, ceil_divide(share * tile_steps, depth)};
  }
};

/// Asks for part of some rows, so that it is in the cache when the tile's sums are ready: result rows come from far
/// when the matrix is large, and the stores of a whole tile at once would fill the store queue and stop the next tile.
template <class T>
void prefetch_rows(MatrixView<T> m, Index first, Index rows, Index first_col, Index cols) {
  for (Index r = first; m && r < first + rows; ++r) {
    for (Index c = 0; c < cols; c += line_floats) hwy::Prefetch(m.row(r) + first_col + c);
  }
}

/// The work of a product of [rows, inner] by [inner, cols], in multiply-adds. Bringing in an element of the right
/// operand takes as long as about ten.
inline double product_work(Index rows, Index inner, Index cols) {
  return static_cast<double>(rows + 10) * static_cast<double>(inner) * static_cast<double>(cols);
}
/// Some 5 µs, which is several times what a parallel region costs while its threads still spin.
inline constexpr double work_of_a_thread = 3e5;

}  // namespace sharcs::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // SHARCS_KERNELS_TILE_RUN_INL_
