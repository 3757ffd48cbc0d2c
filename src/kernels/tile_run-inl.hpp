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
namespace sharcs::internal::kernels::HWY_NAMESPACE {

/// Where the sums of a column of tiles begin and go, and what is added to them on the way: the bias, then the residual.
/// What is null is not added.
struct ColumnMemory {
  const float* start = nullptr;  ///< sums of the depth before, tile_cols to a row, which go on as if unbroken
  const float* bias = nullptr;
  const float* residual = nullptr;
  Index residual_row = 0;
  float* out = nullptr;
  Index out_row = 0;
  bool is_far = false;  ///< out and residual are not in the L1 cache
};

/// The row below. Left to itself GCC works out beforehand where all rows of a tile stand, and keeps that in memory.
template <class T>
HWY_INLINE T* next_row(T* row, Index stride) {
  row += stride;
#if HWY_COMPILER_GCC || HWY_COMPILER_CLANG
  asm("" : "+r"(row));
#endif
  return row;
}

template <int Rows, int Vectors>
HWY_INLINE void load_tile(const float* row, Index stride, TileVector (&sum)[Rows][Vectors]) {
  HWY_UNROLL(6)
  for (int r = 0; r < Rows; ++r) {
    HWY_UNROLL(4)
    for (int v = 0; v < Vectors; ++v) sum[r][v] = hn::LoadU(TileTag(), row + v * tile_lanes);
    row = next_row(row, stride);
  }
}
template <int Rows, int Vectors>
HWY_INLINE void add_tile(const float* row, Index stride, TileVector (&sum)[Rows][Vectors]) {
  HWY_UNROLL(6)
  for (int r = 0; r < Rows; ++r) {
    HWY_UNROLL(4)
    for (int v = 0; v < Vectors; ++v) sum[r][v] = hn::Add(sum[r][v], hn::LoadU(TileTag(), row + v * tile_lanes));
    row = next_row(row, stride);
  }
}
template <int Rows, int Vectors>
HWY_INLINE void store_tile(const TileVector (&sum)[Rows][Vectors], float* row, Index stride) {
  HWY_UNROLL(6)
  for (int r = 0; r < Rows; ++r) {
    HWY_UNROLL(4)
    for (int v = 0; v < Vectors; ++v) hn::StoreU(sum[r][v], TileTag(), row + v * tile_lanes);
    row = next_row(row, stride);
  }
}
/// Asks for a tile of a matrix, so that it is in the cache when the tile's sums are ready: result rows come from far
/// when the matrix is large, and the stores of a whole tile at once would fill the store queue and stop the next tile.
template <int Rows, int Vectors>
HWY_INLINE void prefetch_tile(const float* row, Index stride) {
  for (int r = 0; r < Rows; ++r) {
    for (int v = 0; v < Vectors; ++v) hwy::Prefetch(row + v * tile_lanes);
    row = next_row(row, stride);
  }
}

/// `tiles` tiles of one panel, one below the other. Between two of them stands as little as can be, since the
/// multiply-adds run dry there; above all nothing written piecewise and read as a whole, like a struct that is copied:
/// such a load waits until all stores before it are in the cache, the sums of the last tile among them.
template <int Rows, int Vectors, class Left>
void run_column(Index tiles, Left a, const float* panel, Index depth, TileAhead& ahead, const ColumnMemory& memory) {
  const float *start = memory.start, *residual = memory.residual;
  float* out = memory.out;
  for (; tiles > 0; --tiles) {
    TileVector sum[Rows][Vectors];
    if (start != nullptr) {
      load_tile(start, tile_cols, sum);
      start += Rows * tile_cols;
    } else {
      HWY_UNROLL(6)
      for (int r = 0; r < Rows; ++r) {
        HWY_UNROLL(4)
        for (int v = 0; v < Vectors; ++v) sum[r][v] = hn::Zero(TileTag());
      }
    }
    if (memory.is_far) {
      prefetch_tile<Rows, Vectors>(out, memory.out_row);
      if (residual != nullptr && residual != out) prefetch_tile<Rows, Vectors>(residual, memory.residual_row);
    }
    multiply_tile(a, panel, depth, ahead, sum);
    a = a.below(Rows);
    if (memory.bias != nullptr) add_tile(memory.bias, 0, sum);
    if (residual != nullptr) {
      add_tile(residual, memory.residual_row, sum);
      residual += Rows * memory.residual_row;
    }
    store_tile(sum, out, memory.out_row);
    out += Rows * memory.out_row;
  }
}

template <class Left>
using RunColumn = void (*)(Index, Left, const float*, Index, TileAhead&, const ColumnMemory&);

template <class Left, int Rows, int... Vectors>
constexpr std::array<RunColumn<Left>, tile_vectors> columns_of_height(std::integer_sequence<int, Vectors...>) {
  return {run_column<Rows, Vectors + 1, Left>...};
}
template <class Left, int... Rows>
constexpr std::array<std::array<RunColumn<Left>, tile_vectors>, tile_rows> all_columns(
    std::integer_sequence<int, Rows...>) {
  return {columns_of_height<Left, Rows + 1>(std::make_integer_sequence<int, tile_vectors>())...};
}
/// The column of tiles of r rows and v vectors is run_columns<Left>[r − 1][v − 1].
template <class Left>
constexpr auto run_columns = all_columns<Left>(std::make_integer_sequence<int, tile_rows>());

/// Part of a panel, which tiles before it bring to the cache.
struct BlockAhead {
  const float* data = nullptr;
  Index lines = 0;

  BlockAhead() = default;
  /// `depth` steps of k.
  BlockAhead(const float* block, Index depth) : data(block), lines(depth * tile_cols / line_floats) {}

  /// Spread over `tiles` tiles of so much depth.
  TileAhead over(Index tiles, Index depth) const {
    // A single tile reads the panels as they come, which the hardware foresees.
    if (lines == 0 || depth == 0 || tiles == 1) return {};
    return {data, data + lines * line_floats, ceil_divide(lines * tile_steps, tiles * depth)};
  }
};

/// Asks for part of some rows, as prefetch_tile does.
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

}  // namespace sharcs::internal::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // SHARCS_KERNELS_TILE_RUN_INL_
