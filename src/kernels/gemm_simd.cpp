#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/gemm_simd.cpp"
#include <hwy/foreach_target.h>  // IWYU pragma: keep
#include <hwy/highway.h>

#include <algorithm>
#include <cassert>

#include "core/rounding.hpp"
#include "core/threads.hpp"
#include "kernels/simd.hpp"
#include "kernels/tile_run-inl.hpp"
#include "kernels/vector_loop-inl.hpp"
#include "kernels/vector_math-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace sharcs::internal::kernels::HWY_NAMESPACE {

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

/// Rows that a pass over the panels of a weight takes: with K of 768, their x and one panel fit into an L2 cache of
/// 1 MB, so that x comes from there for every panel, and a panel serves 24 tiles each time it comes from memory.
constexpr Index chunk_rows = 24 * tile_rows;

/// A slice of so many floats (256 KB) is in the L2 cache when its second panel is read, or soon.
constexpr Index near_floats = 65536;

/// Depth of a tile's run. So much of a panel (256 KB on AVX-512) stays in the L2 cache for the next rows.
constexpr Index block_depth = 1024;
/// With up to so many tiles to a panel, a weight from far keeps the L2 cache busy with lines that come and go. There
/// the block is so small (32 KB on AVX-512) that all tiles but the first read it from the L1 cache.
constexpr Index few_tiles = 8, shallow_block_depth = 128 * 64 / tile_cols;

/// The tiles of a product: numbered by chunks of rows, in a chunk by panels, in a panel by rows.
struct TileGrid {
  Index product_rows;
  Index rows, panels;
  Index chunk;  ///< rows of tiles in a chunk; the last one may have fewer

  /// Tiles of up to `most_rows` rows.
  TileGrid(const Product<float>& p, Index most_rows)
      : product_rows(p.x.rows),
        rows(ceil_divide(p.x.rows, most_rows)),
        panels(ceil_divide(p.slice.outputs, tile_cols)) {
    // Chunks of even size rather than full ones and a rest, none of more than chunk_rows rows.
    const Index chunks = std::max<Index>(1, ceil_divide(rows, chunk_rows / most_rows));
    chunk = std::max<Index>(1, ceil_divide(rows, chunks));
  }
  Index count() const { return rows * panels; }
  /// Heights differ by at most one, so that equally many tiles are equal work: of `height` rows are the tiles from
  /// `tall` on, those before have one more.
  Index height() const { return product_rows / rows; }
  Index tall() const { return product_rows % rows; }
  /// The first row of the product in a row of tiles.
  Index first_row(Index tile) const { return tile * height() + std::min(tile, tall()); }
};

bool is_near(Slice slice) { return slice.inputs * slice.outputs <= near_floats; }

/// Into how many parts the tiles of a panel take its depth.
Index block_count(const TileGrid& grid, Slice slice) {
  const Index depth = grid.rows > 1 && grid.rows <= few_tiles && !is_near(slice) ? shallow_block_depth : block_depth;
  return std::max<Index>(1, ceil_divide(slice.inputs, depth));
}

/// Tiles first .. end − 1 of one panel of a product.
struct PanelRun {
  const Product<float>* product;
  TileGrid grid;
  Index panel, first, end;
  Index blocks;  ///< parts of the depth that the run takes one after the other

  Index tiles() const { return end - first; }
  /// Where a block of the depth begins; block `blocks` is the end.
  Index block_begin(Index block) const { return product->slice.inputs * block / blocks; }
  const float* block_data(Index block) const { return product->weight->panel(panel) + block_begin(block) * tile_cols; }
};

/// The tiles of all products, those of the first one first.
struct TileJob {
  std::span<const Product<float>> products;
  Index height;  ///< rows of a tile, at most
  Index tiles = 0;

  TileJob(std::span<const Product<float>> all, Index most_rows) : products(all), height(most_rows) {
    for (const auto& p : products) tiles += TileGrid(p, height).count();
  }
  /// The run that tile `begin` belongs to, up to tile `end`.
  PanelRun run_at(Index begin, Index end) const {
    for (const auto& p : products) {
      const TileGrid grid(p, height);
      if (begin >= grid.count()) {
        begin -= grid.count();
        end -= grid.count();
        continue;
      }
      const Index chunk = begin / (grid.chunk * grid.panels), in_chunk = begin - chunk * grid.chunk * grid.panels;
      const Index chunk_tiles = std::min(grid.chunk, grid.rows - chunk * grid.chunk);
      const Index panel = in_chunk / chunk_tiles, tile = in_chunk % chunk_tiles;
      const Index first = chunk * grid.chunk + tile;
      return {&p, grid, panel, first, first + std::min(chunk_tiles - tile, end - begin), block_count(grid, p.slice)};
    }
    hwy::Abort(__FILE__, __LINE__, "no such tile");
  }
};

/// Few tiles may not divide by the threads, as nine do not by two: then lower ones, of which there are more. But where
/// tiles have fewer than four rows, reading the panels takes longer than the arithmetic.
TileJob divide(std::span<const Product<float>> products, int workers) {
  // The longest share of the work, where 1 is a fair one.
  const auto longest = [=](const TileJob& job) {
    return static_cast<double>(ceil_divide<Index>(job.tiles, workers) * workers) / static_cast<double>(job.tiles);
  };
  TileJob best(products, tile_rows);
  for (Index height = tile_rows - 1; height >= 4 && longest(best) > 1.05; --height) {
    const bool low = std::any_of(products.begin(), products.end(),
                                 [=](const Product<float>& p) { return p.x.rows < 4 * TileGrid(p, height).rows; });
    const TileJob job(products, height);
    if (!low && longest(job) < 0.95 * longest(best)) best = job;
  }
  return best;
}

BlockAhead ahead_of(const PanelRun& run, Index block) {
  if (is_near(run.product->slice)) return {};
  return {run.block_data(block), run.block_begin(block + 1) - run.block_begin(block)};
}

/// `next`: the block that the thread goes on with.
void multiply_panel(const PanelRun& run, BlockAhead next) {
  const Product<float>& p = *run.product;
  const Epilogue<float>& e = p.epilogue;
  const Index first_col = run.panel * tile_cols, cols = std::min(tile_cols, p.slice.outputs - first_col);
  const float* const panel = p.weight->panel(run.panel);
  const Index vectors = ceil_divide(cols, tile_lanes), top = run.grid.first_row(run.first);
  // Whole vectors of a plain result leave from the registers; others through a copy that is finished row by row.
  const bool plain = cols == vectors * tile_lanes && e.activation == Activation::none && !e.pre_activation;
  alignas(64) float started[chunk_rows * tile_cols];
  alignas(64) float unfinished[tile_rows * tile_cols];
  const Index height = run.grid.height(), split = std::clamp(run.grid.tall(), run.first, run.end);
  const Index split_row = run.grid.first_row(split);
  Index k = 0;
  for (Index block = 0; block < run.blocks; ++block) {
    const Index depth = run.block_begin(block + 1) - k;
    const bool last = block == run.blocks - 1;
    TileAhead ahead = (last ? next : ahead_of(run, block + 1)).over(run.tiles(), depth);
    const auto run_tiles = [&](Index r, Index tiles, Index rows, const ColumnMemory& memory) {
      run_columns<LeftRows>[rows - 1][vectors - 1](tiles, {p.x.row(r) + k, p.x.stride}, panel + k * tile_cols, depth,
                                                   ahead, memory);
    };
    // `tiles` tiles of `rows` rows, from row r on.
    const auto run_height = [&](Index r, Index tiles, Index rows) {
      float* const so_far = started + (r - top) * tile_cols;
      ColumnMemory memory = {.out = so_far, .out_row = tile_cols};
      if (block > 0) memory.start = so_far;
      if (last && plain) {
        if (e.bias != nullptr) memory.bias = e.bias + first_col;
        if (e.residual) memory.residual = e.residual.row(r) + first_col;
        memory.residual_row = e.residual.stride;
        memory.out = p.y.row(r) + first_col;
        memory.out_row = p.y.stride;
        memory.is_far = true;
      }
      if (!last || plain) return run_tiles(r, tiles, rows, memory);
      memory.out = unfinished;
      for (const Index end = r + tiles * rows; r < end; r += rows) {
        prefetch_rows(p.y, r, rows, first_col, cols);
        prefetch_rows(e.residual, r, rows, first_col, cols);
        prefetch_rows(e.pre_activation, r, rows, first_col, cols);
        run_tiles(r, 1, rows, memory);
        if (memory.start != nullptr) memory.start += rows * tile_cols;
        for (Index i = 0; i < rows; ++i) {
          finish_row(unfinished + i * tile_cols, cols, e, r + i, first_col, p.y.row(r + i) + first_col);
        }
      }
    };
    if (run.first < split) run_height(top, split - run.first, height + 1);
    if (split < run.end) run_height(split_row, run.end - split, height);
    k += depth;
  }
}

/// The tiles that stand in `now`, and then the thread goes on with `next`, which may be empty.
void multiply_tiles(const TileJob& job, WorkShare now, WorkShare next) {
  PanelRun run = job.run_at(now.begin, now.end);
  for (Index begin = now.begin + run.tiles(); begin < now.end; begin += run.tiles()) {
    const PanelRun after = job.run_at(begin, now.end);
    multiply_panel(run, ahead_of(after, 0));
    run = after;
  }
  multiply_panel(run, next.begin < next.end ? ahead_of(job.run_at(next.begin, next.end), 0) : BlockAhead());
}

/// Less than this for each thread (some 300 µs) is shared out at once: taking the rest of a product piece by piece
/// costs up to a tenth of so short a time, more than a disturbed core does.
constexpr double work_to_balance = 2e7;

void multiply(std::span<const Product<float>> products) {
  double work = 0;
  for (const auto& p : products) {
    assert(p.weight->panel_width() == tile_cols);
    work += product_work(p.x.rows, p.slice.inputs, p.slice.outputs);
  }
  const int workers = useful_threads(work, work_of_a_thread);
  const TileJob job = divide(products, workers);
  if (work < work_to_balance * workers) {
    parallel_shares(job.tiles, workers, [&](Index begin, Index end) { multiply_tiles(job, {begin, end}, {}); });
    return;
  }
  Index run = 1;  // tiles of a panel
  for (const auto& p : products) run = std::max(run, TileGrid(p, job.height).chunk);
  // The last panels are shared, in parts that are not too small for the threads to end together; but where a panel is
  // few tiles, reading it is what costs, and each of its parts would have to.
  const bool whole = run <= few_tiles && job.tiles >= 4 * workers * run;
  const Index grain = whole ? run : std::clamp<Index>(job.tiles / (16 * workers), 1, run);
  parallel_guided(job.tiles, run, grain, workers, [&](const auto& take) {
    for (WorkShare now = take(); now.begin < now.end;) {
      const WorkShare next = take();
      multiply_tiles(job, now, next);
      now = next;
    }
  });
}

}  // namespace sharcs::internal::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace sharcs::internal::kernels {
HWY_EXPORT(multiply);

void simd::multiply(std::span<const Product<float>> products) { HWY_DYNAMIC_DISPATCH(multiply)(products); }

}  // namespace sharcs::internal::kernels
#endif
