// Runs the register tile at every shape and brings its sums to memory. Included by files that are compiled once per
// SIMD target (hwy/foreach_target.h), hence the guard that opens again for each of them.
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
#include "kernels/register_tile-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace sharcs::internal::kernels::HWY_NAMESPACE {

/// Where the sums of a column of tiles begin, what happens to them, and where they go. In this order: the sums start
/// from `start` or from 0; the product is added; each row is multiplied by its factor; the bias is added, then the
/// residual. What is null is left out.
struct ColumnMemory {
  const float* start = nullptr;  ///< what the depth before has added up; the sums go on from it as if never interrupted
  Index start_row = 0;           ///< elements from one row of `start` to the next
  const float* row_factors = nullptr;  ///< one a row
  const float* bias = nullptr;
  const float* residual = nullptr;
  Index residual_row = 0;
  float* out = nullptr;
  Index out_row = 0;
  bool is_far = false;  ///< out and residual are not in the L1 cache: prefetch them while the tile computes

  /// The same for the tiles that begin so many rows lower.
  ColumnMemory below(Index rows) const {
    ColumnMemory memory = *this;
    if (start != nullptr) memory.start += rows * start_row;
    if (residual != nullptr) memory.residual += rows * residual_row;
    if (row_factors != nullptr) memory.row_factors += rows;
    memory.out += rows * out_row;
    return memory;
  }
};

/// The row below. Without the empty assembly GCC computes the addresses of all rows of a tile beforehand and keeps them
/// in memory.
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
HWY_INLINE void zero_tile(TileVector (&sum)[Rows][Vectors]) {
  HWY_UNROLL(6)
  for (int r = 0; r < Rows; ++r) {
    HWY_UNROLL(4)
    for (int v = 0; v < Vectors; ++v) sum[r][v] = hn::Zero(TileTag());
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
HWY_INLINE void multiply_rows(const float* factors, TileVector (&sum)[Rows][Vectors]) {
  HWY_UNROLL(6)
  for (int r = 0; r < Rows; ++r) {
    const auto factor = hn::Set(TileTag(), factors[r]);
    HWY_UNROLL(4)
    for (int v = 0; v < Vectors; ++v) sum[r][v] = hn::Mul(sum[r][v], factor);
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

/// Prefetches a block of a matrix: the rows that a tile will write. When the matrix is large, they are not in the
/// cache. Then the stores of a tile, which come all at once, would fill the store queue and stop the next tile.
HWY_INLINE void prefetch_rows(const float* row, Index stride, Index rows, Index cols) {
  for (Index r = 0; r < rows; ++r) {
    for (Index c = 0; c < cols; c += line_floats) hwy::Prefetch(row + c);
    row = next_row(row, stride);
  }
}

/// Runs `tiles` tiles of one panel, one below the other.
///
/// Between two tiles the multiply-add units run dry, so little may stand there. Above all, no value may be written in
/// parts and then read as a whole, as happens when a small struct is copied: such a load waits until every store before
/// it has reached the cache, and those include the sums of the tile that has just ended.
template <int Rows, int Vectors, class Left, class Arithmetic>
void run_column(Index tiles, Left a, const float* panel, Index depth, TileAhead& ahead, const ColumnMemory& memory) {
  const float *start = memory.start, *residual = memory.residual, *row_factors = memory.row_factors;
  float* out = memory.out;
  for (; tiles > 0; --tiles) {
    TileVector sum[Rows][Vectors];
    if (start != nullptr) {
      load_tile(start, memory.start_row, sum);
      start += Rows * memory.start_row;
    } else {
      zero_tile(sum);
    }
    if (memory.is_far) {
      prefetch_rows(out, memory.out_row, Rows, Vectors * tile_lanes);
      if (residual != nullptr && residual != out)
        prefetch_rows(residual, memory.residual_row, Rows, Vectors * tile_lanes);
    }
    multiply_tile<Arithmetic>(a, panel, depth, ahead, sum);
    a = a.below(Rows);
    if (row_factors != nullptr) {
      multiply_rows(row_factors, sum);
      row_factors += Rows;
    }
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

template <class Left, class Arithmetic, int Rows, int... Vectors>
constexpr std::array<RunColumn<Left>, tile_vectors> columns_of_height(std::integer_sequence<int, Vectors...>) {
  return {run_column<Rows, Vectors + 1, Left, Arithmetic>...};
}
template <class Left, class Arithmetic, int... Rows>
constexpr std::array<std::array<RunColumn<Left>, tile_vectors>, tile_rows> all_columns(
    std::integer_sequence<int, Rows...>) {
  return {columns_of_height<Left, Arithmetic, Rows + 1>(std::make_integer_sequence<int, tile_vectors>())...};
}
/// run_column for tiles of r rows and v vectors is run_columns<Left, Arithmetic>[r − 1][v − 1].
template <class Left, class Arithmetic>
constexpr auto run_columns = all_columns<Left, Arithmetic>(std::make_integer_sequence<int, tile_rows>());

/// Runs tiles over any number of rows: as many of tile_rows rows as there are, then a lower one for the rest.
template <class Arithmetic = FloatProducts, class Left>
void run_rows(Index rows, Index vectors, Left a, const float* panel, Index depth, TileAhead& ahead,
              const ColumnMemory& memory) {
  const Index rest = rows % tile_rows, whole = rows - rest;
  constexpr const auto& columns = run_columns<Left, Arithmetic>;
  if (whole > 0) columns[tile_rows - 1][vectors - 1](whole / tile_rows, a, panel, depth, ahead, memory);
  if (rest > 0) columns[rest - 1][vectors - 1](1, a.below(whole), panel, depth, ahead, memory.below(whole));
}

/// A part of a panel that the tiles before it prefetch.
struct BlockAhead {
  const float* data = nullptr;
  Index lines = 0;

  BlockAhead() = default;
  /// `depth` steps of k.
  BlockAhead(const float* block, Index depth) : data(block), lines(depth * tile_cols / line_floats) {}

  /// Spread evenly over `tiles` tiles of so much depth.
  TileAhead over(Index tiles, Index depth) const {
    // A single tile reads the panels in order, which the hardware prefetches by itself.
    if (lines == 0 || depth == 0 || tiles == 1) return {};
    return {data, data + lines * line_floats, ceil_divide(lines * tile_steps, tiles * depth)};
  }
};

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
