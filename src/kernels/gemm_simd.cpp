#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/gemm_simd.cpp"
#include <hwy/cache_control.h>
#include <hwy/foreach_target.h>  // IWYU pragma: keep
#include <hwy/highway.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <utility>

#include "core/threads.hpp"
#include "kernels/micro_kernel-inl.hpp"
#include "kernels/simd.hpp"
#include "kernels/vector_loop-inl.hpp"
#include "kernels/vector_math-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace sharcs::kernels::HWY_NAMESPACE {

/// Where a tile's sums go, and what is added to them in this order on the way. What is null is not added.
struct TileEnd {
  const float* earlier = nullptr;  ///< sums over the depth before this one
  Index earlier_row = 0;           ///< elements from a row to the next
  const float* bias = nullptr;
  const float* residual = nullptr;
  Index residual_row = 0;
  float* out = nullptr;
  Index out_row = 0;
};

template <int Rows, int Vectors>
void run_tile(TileLeft a, TileRight b, Index depth, const TileEnd& end) {
  const TileTag d;
  TileVector sum[Rows][Vectors];
  multiply_tile<Rows, Vectors>(a, b, depth, sum);
  const auto add = [&](const float* from, Index row) HWY_ATTR {
    HWY_UNROLL(6)
    for (int r = 0; r < Rows; ++r) {
      HWY_UNROLL(4)
      for (int v = 0; v < Vectors; ++v) sum[r][v] = hn::Add(sum[r][v], hn::LoadU(d, from + r * row + v * tile_lanes));
    }
  };
  if (end.earlier != nullptr) add(end.earlier, end.earlier_row);
  if (end.bias != nullptr) add(end.bias, 0);
  if (end.residual != nullptr) add(end.residual, end.residual_row);
  HWY_UNROLL(6)
  for (int r = 0; r < Rows; ++r) {
    HWY_UNROLL(4)
    for (int v = 0; v < Vectors; ++v) hn::StoreU(sum[r][v], d, end.out + r * end.out_row + v * tile_lanes);
  }
}

using RunTile = void (*)(TileLeft, TileRight, Index, const TileEnd&);

template <int Rows, int... Vectors>
constexpr std::array<RunTile, tile_vectors> tiles_of_rows(std::integer_sequence<int, Vectors...>) {
  return {run_tile<Rows, Vectors + 1>...};
}
template <int... Rows>
constexpr std::array<std::array<RunTile, tile_vectors>, tile_rows> all_tiles(std::integer_sequence<int, Rows...>) {
  return {tiles_of_rows<Rows + 1>(std::make_integer_sequence<int, tile_vectors>())...};
}
/// The tile of r rows and v vectors is run_tiles[r − 1][v − 1].
constexpr auto run_tiles = all_tiles(std::make_integer_sequence<int, tile_rows>());

template <class D, class V = hn::Vec<D>>
HWY_INLINE V activate(D d, V x, Activation activation) {
  switch (activation) {
    case Activation::gelu:
      return gelu(d, x);
    case Activation::gelu_tanh:
      return gelu_tanh(d, x);
    case Activation::tanh:
      return tanh(d, x);
    case Activation::relu:
      return hn::Max(x, hn::Zero(d));
    case Activation::none:
      break;
  }
  return x;
}

/// The epilogue of one row of a tile, for any number of columns. `sum` may not be y.
void finish_row(const float* sum, Index cols, const Epilogue<float>& epilogue, Index row, Index first_col, float* y) {
  const float* bias = epilogue.bias == nullptr ? nullptr : epilogue.bias + first_col;
  float* before = epilogue.pre_activation ? epilogue.pre_activation.row(row) + first_col : nullptr;
  const float* residual = epilogue.residual ? epilogue.residual.row(row) + first_col : nullptr;
  for_each_vector(cols, [=, activation = epilogue.activation](auto d, Index c) HWY_ATTR {
    auto v = hn::LoadU(d, sum + c);
    if (bias != nullptr) v = hn::Add(v, hn::LoadU(d, bias + c));
    if (before != nullptr) hn::StoreU(v, d, before + c);
    v = activate(d, v, activation);
    if (residual != nullptr) v = hn::Add(v, hn::LoadU(d, residual + c));
    hn::StoreU(v, d, y + c);
  });
}

/// Asks for part of some rows, so that it is in the cache when the tile's sums are ready: result rows come from far
/// when the matrix is large, and the stores of a whole tile at once would fill the store queue and stop the next tile.
template <class T>
void prefetch_rows(MatrixView<T> m, Index first, Index rows, Index first_col, Index cols) {
  constexpr Index line = 16;
  for (Index r = first; m && r < first + rows; ++r) {
    for (Index c = 0; c < cols; c += line) hwy::Prefetch(m.row(r) + first_col + c);
  }
}

/// Rows that a pass over the panels of a weight takes: with K of 768, their x and one panel fit into an L2 cache of
/// 1 MB, so that x comes from there for every panel, and a panel serves 24 tiles each time it comes from memory.
constexpr Index chunk_rows = 24 * tile_rows;

/// Depth of a tile's run. So much of a panel (256 KB on AVX-512) stays in the L2 cache for the next rows.
constexpr Index block_depth = 1024;

/// The tiles of a product: numbered by chunks of rows, in a chunk by panels, in a panel by rows.
struct TileGrid {
  Index rows, panels;
  Index chunk;  ///< rows of tiles in a chunk; the last one may have fewer

  explicit TileGrid(const Product<float>& p)
      : rows((p.x.rows + tile_rows - 1) / tile_rows), panels((p.slice.outputs + tile_cols - 1) / tile_cols) {
    // Chunks of even size rather than full ones and a rest.
    const Index chunks = std::max<Index>(1, (p.x.rows + chunk_rows - 1) / chunk_rows);
    chunk = std::max<Index>(1, (rows + chunks - 1) / chunks);
  }
  Index count() const { return rows * panels; }
};

/// Rows first .. end − 1 of the product by one panel.
void multiply_panel(const Product<float>& p, Index panel, Index first, Index end) {
  const Epilogue<float>& e = p.epilogue;
  const Index first_col = panel * tile_cols, cols = std::min(tile_cols, p.slice.outputs - first_col);
  const Index vectors = (cols + tile_lanes - 1) / tile_lanes;
  // Whole vectors of a plain result leave from the registers; others through a copy that is finished row by row.
  const bool plain = cols == vectors * tile_lanes && e.activation == Activation::none && !e.pre_activation;
  alignas(64) float earlier[chunk_rows * tile_cols];
  alignas(64) float unfinished[tile_rows * tile_cols];
  const Index blocks = std::max<Index>(1, (p.slice.inputs + block_depth - 1) / block_depth);
  for (Index block = 0; block < blocks; ++block) {
    const Index k = p.slice.inputs * block / blocks, depth = p.slice.inputs * (block + 1) / blocks - k;
    const bool last = block == blocks - 1;
    const TileRight b = {p.weight->panel(panel) + k * tile_cols, tile_cols};
    for (Index r = first; r < end; r += tile_rows) {
      const Index rows = std::min<Index>(tile_rows, end - r);
      float* const so_far = earlier + (r - first) * tile_cols;
      TileEnd tile = {.out = last ? unfinished : so_far, .out_row = tile_cols};
      if (block > 0) {
        tile.earlier = so_far;
        tile.earlier_row = tile_cols;
      }
      if (last) {
        prefetch_rows(p.y, r, rows, first_col, cols);
        prefetch_rows(e.residual, r, rows, first_col, cols);
        prefetch_rows(e.pre_activation, r, rows, first_col, cols);
        if (plain) {
          if (e.bias != nullptr) tile.bias = e.bias + first_col;
          if (e.residual) tile.residual = e.residual.row(r) + first_col;
          tile.residual_row = e.residual.stride;
          tile.out = p.y.row(r) + first_col;
          tile.out_row = p.y.stride;
        }
      }
      run_tiles[rows - 1][vectors - 1]({p.x.row(r) + k, p.x.stride, 1}, b, depth, tile);
      for (Index i = 0; last && !plain && i < rows; ++i) {
        finish_row(unfinished + i * tile_cols, cols, e, r + i, first_col, p.y.row(r + i) + first_col);
      }
    }
  }
}

Index tile_count(const Product<float>& product) {
  assert(product.weight->panel_width() == tile_cols);
  return TileGrid(product).count();
}

/// The tiles begin .. end − 1 of all products.
void multiply_tiles(std::span<const Product<float>> products, Index begin, Index end) {
  Index start = 0;  // of the product's tiles
  for (const auto& p : products) {
    const TileGrid grid(p);
    const Index stop = start + grid.count();
    while (begin < std::min(end, stop)) {
      const Index chunk = (begin - start) / (grid.chunk * grid.panels);
      const Index chunk_start = start + chunk * grid.chunk * grid.panels;
      const Index chunk_tiles = std::min(grid.chunk, grid.rows - chunk * grid.chunk);
      const Index panel = (begin - chunk_start) / chunk_tiles, tile = (begin - chunk_start) % chunk_tiles;
      const Index tiles = std::min(chunk_tiles - tile, end - begin);
      const Index first_row = (chunk * grid.chunk + tile) * tile_rows;
      multiply_panel(p, panel, first_row, std::min(first_row + tiles * tile_rows, p.x.rows));
      begin += tiles;
    }
    start = stop;
  }
}

}  // namespace sharcs::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace sharcs::kernels {
HWY_EXPORT(tile_count);
HWY_EXPORT(multiply_tiles);

void simd::multiply(std::span<const Product<float>> products) {
  Index tiles = 0;
  double work = 0;  // in multiply-adds
  for (const auto& p : products) {
    tiles += HWY_DYNAMIC_DISPATCH(tile_count)(p);
    // Reading an element of the weight takes as long as about ten multiply-adds.
    work += static_cast<double>(p.slice.outputs * p.slice.inputs) * static_cast<double>(p.x.rows + 10);
  }
  if (tiles == 0) return;
  const double work_of_a_thread = 1e6;  // some 20 µs
  const auto least = static_cast<Index>(static_cast<double>(tiles) * std::min(1.0, work_of_a_thread / work)) + 1;
  parallel_guided(tiles, least, [&](Index begin, Index end) {
    HWY_DYNAMIC_DISPATCH(multiply_tiles)(products, begin, end);
  });
}

}  // namespace sharcs::kernels
#endif
