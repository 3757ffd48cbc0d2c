#include "kernels/gemm.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/gemm.cpp"
#include <hwy/foreach_target.h>  // IWYU pragma: keep
#include <hwy/highway.h>

#include <Eigen/Dense>
#include <algorithm>
#include <cassert>
#include <vector>

#include "core/eigen_map.hpp"
#include "core/rounding.hpp"
#include "core/stages.hpp"
#include "core/threads.hpp"
#include "kernels/backend.hpp"
#include "kernels/bf16_pair-inl.hpp"
#include "kernels/bf16_pairs.hpp"
#include "kernels/epilogue-inl.hpp"
#include "kernels/portable.hpp"
#include "kernels/tile_run-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace sharcs::internal::kernels::HWY_NAMESPACE {

/// The epilogue of one row of a tile, for any number of columns. `sum` may not be y.
void finish_row(const float* sum, Index cols, const Epilogue<float>& epilogue, Index row, Index first_col, float* y) {
  finish_columns([sum](auto d, Index c) HWY_ATTR { return hn::LoadU(d, sum + c); }, cols, epilogue, row, first_col, y);
}

/// Rows of x that are multiplied with all panels before the next rows are. With K of 768, their x and one panel fit
/// into an L2 cache of 1 MB: x comes from there for every panel, and a panel serves 24 tiles each time it comes from
/// memory.
constexpr Index chunk_rows = 24 * tile_rows;

/// A slice of at most so many floats (256 KB) is in the L2 cache soon after its first use: nothing is prefetched.
constexpr Index near_floats = 65536;

/// The depth that a tile takes at once. So much of a panel (256 KB on AVX-512) stays in the L2 cache for the next rows.
constexpr Index block_depth = 1024;
/// With so few tiles to a panel, a large weight passes through the L2 cache so fast that nothing stays there long. Then
/// the depth is cut so small (32 KB on AVX-512) that all tiles but the first read the panel from the L1 cache.
constexpr Index few_tiles = 8, shallow_block_depth = 128 * 64 / tile_cols;

/// The tiles of a product, in the order in which they are numbered: chunk of rows by chunk, in a chunk panel by panel,
/// in a panel from top to bottom. For example, 288 rows and 2 panels are 48 rows of tiles in two chunks of 24: tiles 0
/// to 23 are the upper half of panel 0, 24 to 47 the upper half of panel 1, 48 to 71 the lower half of panel 0.
struct TileGrid {
  Index product_rows;
  Index rows, panels;  ///< rows of tiles, and tiles in each
  Index chunk;         ///< rows of tiles in a chunk; the last chunk may have fewer

  /// Tiles of up to `most_rows` rows.
  TileGrid(const Product<float>& p, Index most_rows)
      : product_rows(p.x.rows),
        rows(ceil_divide(p.x.rows, most_rows)),
        panels(ceil_divide(p.slice.outputs, tile_cols)) {
    // No chunk has more than chunk_rows rows, and all are about equal, rather than full ones and a small rest.
    const Index chunks = std::max<Index>(1, ceil_divide(rows, chunk_rows / most_rows));
    chunk = std::max<Index>(1, ceil_divide(rows, chunks));
  }
  Index count() const { return rows * panels; }
  /// Heights differ by at most one, so that equally many tiles are equal work: 16 rows are tiles of 6, 5 and 5. The
  /// first `tall` rows of tiles have height + 1 rows, the others `height`.
  Index height() const { return product_rows / rows; }
  Index tall() const { return product_rows % rows; }
  /// The first row of the product in a row of tiles.
  Index first_row(Index tile) const { return tile * height() + std::min(tile, tall()); }
};

bool is_near(Slice slice) { return slice.inputs * slice.outputs <= near_floats; }

/// The number of parts in which the tiles of a panel take its depth.
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
  /// The panel from row k on.
  const float* panel_data(Index k) const { return product->weight->panel(panel) + k * tile_cols; }
  Index first_row() const { return grid.first_row(first); }
};

/// The tiles of all products, numbered from the first product to the last.
struct TileJob {
  std::span<const Product<float>> products;
  Index height;  ///< rows of a tile, at most
  Index tiles = 0;

  TileJob(std::span<const Product<float>> all, Index most_rows) : products(all), height(most_rows) {
    for (const auto& p : products) tiles += TileGrid(p, height).count();
  }
  /// The tiles from `begin` on that are in the same panel and chunk, up to `end`.
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
    hwy::Abort("kernels/gemm.cpp", __LINE__, "no such tile");  // no path of the machine that built it
  }
};

/// Cuts the products into tiles. Few tiles may not divide by the threads, as nine do not by two. Then the tiles are
/// made lower, so that there are more of them. But not lower than four rows: then reading the panels would take longer
/// than the arithmetic.
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
  const Index begin = run.block_begin(block);
  return {run.panel_data(begin), run.block_begin(block + 1) - begin};
}

/// A block of the depth of a panel, as the tiles of a run take it.
struct PanelBlock {
  const PanelRun& run;
  Index k, depth;
  bool is_first, is_last;
  Index first_col, cols;  ///< of the panel
  /// Sums of the blocks before, tile_cols to a row; the first row is that of the run.
  float* started;

  PanelBlock(const PanelRun& panel_run, Index block, float* sums)
      : run(panel_run),
        k(run.block_begin(block)),
        depth(run.block_begin(block + 1) - k),
        is_first(block == 0),
        is_last(block == run.blocks - 1),
        first_col(run.panel * tile_cols),
        cols(std::min(tile_cols, run.product->slice.outputs - first_col)),
        started(sums) {}

  Index vectors() const { return ceil_divide(cols, tile_lanes); }
  /// Whether the sums of the last block can go from the registers to y: they are whole vectors, and neither an
  /// activation nor a second result is asked for.
  bool goes_to_result() const {
    const Epilogue<float>& e = run.product->epilogue;
    return cols % tile_lanes == 0 && e.activation == Activation::none && !e.pre_activation;
  }
};

/// Tiles of one height, one below the other.
struct TileStack {
  Index first_row;  ///< of the product
  Index tiles, height;
};

template <class Arithmetic>
void run_stack(const PanelBlock& block, const TileStack& stack, TileAhead& ahead, const ColumnMemory& memory) {
  const MatrixView<const float>& x = block.run.product->x;
  const LeftRows left = {x.row(stack.first_row) + block.k, x.stride};
  run_columns<LeftRows, Arithmetic>[stack.height - 1][block.vectors() - 1](
      stack.tiles, left, block.run.panel_data(block.k), block.depth, ahead, memory);
}

/// The last block of a stack whose sums cannot go to y at once: tile by tile they pass through memory and finish_row.
template <class Arithmetic>
void finish_stack(const PanelBlock& block, TileStack stack, TileAhead& ahead, ColumnMemory memory) {
  alignas(64) float unfinished[tile_rows * tile_cols];
  const Product<float>& p = *block.run.product;
  const auto prefetch = [&](const auto& matrix, Index row) {
    if (matrix) prefetch_rows(matrix.row(row) + block.first_col, matrix.stride, stack.height, block.cols);
  };
  memory.out = unfinished;
  const Index end = stack.first_row + stack.tiles * stack.height;
  stack.tiles = 1;
  for (; stack.first_row < end; stack.first_row += stack.height) {
    const Index r = stack.first_row;
    prefetch(p.y, r);
    prefetch(p.epilogue.residual, r);
    prefetch(p.epilogue.pre_activation, r);
    run_stack<Arithmetic>(block, stack, ahead, memory);
    if (memory.start != nullptr) memory.start += stack.height * tile_cols;
    for (Index i = 0; i < stack.height; ++i) {
      finish_row(unfinished + i * tile_cols, block.cols, p.epilogue, r + i, block.first_col,
                 p.y.row(r + i) + block.first_col);
    }
  }
}

template <class Arithmetic>
void multiply_stack(const PanelBlock& block, const TileStack& stack, TileAhead& ahead) {
  const Product<float>& p = *block.run.product;
  const Epilogue<float>& e = p.epilogue;
  float* const started = block.started + (stack.first_row - block.run.first_row()) * tile_cols;
  ColumnMemory memory = {.start_row = tile_cols, .out = started, .out_row = tile_cols};
  if (!block.is_first) memory.start = started;
  if (!block.is_last) return run_stack<Arithmetic>(block, stack, ahead, memory);
  if (!block.goes_to_result()) return finish_stack<Arithmetic>(block, stack, ahead, memory);
  if (e.bias != nullptr) memory.bias = e.bias + block.first_col;
  if (e.residual) memory.residual = e.residual.row(stack.first_row) + block.first_col;
  memory.residual_row = e.residual.stride;
  memory.out = p.y.row(stack.first_row) + block.first_col;
  memory.out_row = p.y.stride;
  memory.is_far = true;
  run_stack<Arithmetic>(block, stack, ahead, memory);
}

/// Runs tiles of one panel. `next` is the first block that the thread reads after them; it is prefetched meanwhile.
template <class Arithmetic>
void multiply_panel(const PanelRun& run, BlockAhead next) {
  alignas(64) float started[chunk_rows * tile_cols];
  const TileGrid& grid = run.grid;
  const Index split = std::clamp(grid.tall(), run.first, run.end);
  for (Index b = 0; b < run.blocks; ++b) {
    const PanelBlock block(run, b, started);
    TileAhead ahead = (block.is_last ? next : ahead_of(run, b + 1)).over(run.tiles(), block.depth);
    if (run.first < split)
      multiply_stack<Arithmetic>(block, {run.first_row(), split - run.first, grid.height() + 1}, ahead);
    if (split < run.end)
      multiply_stack<Arithmetic>(block, {grid.first_row(split), run.end - split, grid.height()}, ahead);
  }
}

/// Runs the tiles of `now`. `next` is what the thread takes after them, so that its first block is prefetched; it may
/// be empty.
template <class Arithmetic>
void multiply_tiles(const TileJob& job, WorkShare now, WorkShare next) {
  PanelRun run = job.run_at(now.begin, now.end);
  for (Index begin = now.begin + run.tiles(); begin < now.end; begin += run.tiles()) {
    const PanelRun after = job.run_at(begin, now.end);
    multiply_panel<Arithmetic>(run, ahead_of(after, 0));
    run = after;
  }
  multiply_panel<Arithmetic>(run, next.begin < next.end ? ahead_of(job.run_at(next.begin, next.end), 0) : BlockAhead());
}

/// Where each thread has less work than this (some 300 µs), every thread gets one equal share. Taking the tiles piece
/// by piece would even out what else runs on a core, but costs up to a tenth of so short a time.
constexpr double work_to_balance = 2e7;

template <class Arithmetic>
void multiply_as(Stages* stages, std::span<const Product<float>> products) {
  double work = 0;
  for (const auto& p : products) {
    assert(p.weight->panel_width() == tile_cols);
    work += product_work(p.x.rows, p.slice.inputs, p.slice.outputs);
  }
  const int workers = useful_threads(work, work_of_a_thread);
  const TileJob job = divide(products, workers);
  if (work < work_to_balance * workers) {
    return share_shares(stages, job.tiles, workers, [=](Index begin, Index end) {
      multiply_tiles<Arithmetic>(job, {begin, end}, {});
    });
  }
  Index run = 1;  // tiles of a panel
  for (const auto& p : products) run = std::max(run, TileGrid(p, job.height).chunk);
  // The last panels are divided among the threads, in parts that are not too small for the threads to end together. But
  // where a panel is few tiles, most of the time goes into reading it, and each of its parts would have to read it all.
  const bool keeps_panels_whole = run <= few_tiles && job.tiles >= 4 * workers * run;
  const Index part = keeps_panels_whole ? run : std::clamp<Index>(job.tiles / (16 * workers), 1, run);
  share_guided(stages, {.total = job.tiles, .batch = run, .grain = part}, workers, [=](const GuidedTake& take) {
    for (WorkShare now = take(); now.begin < now.end;) {
      const WorkShare next = take();
      multiply_tiles<Arithmetic>(job, now, next);
      now = next;
    }
  });
}

void multiply(Stages* stages, std::span<const Product<float>> products) {
  multiply_as<FloatProducts>(stages, products);
}

/// Operands of pairs; the slices count pairs.
void multiply_pairs(Stages* stages, std::span<const Product<float>> products, [[maybe_unused]] bool by_instruction) {
#ifdef SHARCS_BF16_DOT
  if (by_instruction) return multiply_as<Bf16Dots>(stages, products);
#endif
  multiply_as<Bf16Halves>(stages, products);
}

}  // namespace sharcs::internal::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace sharcs::internal::kernels {
HWY_EXPORT(multiply);
HWY_EXPORT(multiply_pairs);

namespace simd {
namespace {

void multiply_bf16(Stages* stages, std::span<const Product<float>> products) {
  thread_local Workspace memory_of_thread;
  memory_of_thread.clear();
  Workspace& memory = stages != nullptr ? stages->workspace() : memory_of_thread;
  std::vector<MatrixView<const float>> operands;
  for (const Product<float>& p : products) operands.push_back(p.x);
  operands = pair_each(operands, pair_columns, memory, stages);
  std::vector<Product<float>> of_pairs(products.begin(), products.end());
  for (std::size_t i = 0; i < products.size(); ++i) {
    of_pairs[i].x = operands[i];
    of_pairs[i].slice.inputs = pair_count(products[i].slice.inputs);
  }
  const std::span<const Product<float>> all = of_pairs;
  HWY_DYNAMIC_DISPATCH(multiply_pairs)
  (stages, stages != nullptr ? stages->keep(all) : all, uses_bf16_instruction());
}

void multiply(Stages* stages, std::span<const Product<float>> products) {
  while (!products.empty()) {
    const Numbers numbers = products.front().weight->numbers();
    const auto other = std::ranges::find_if(products, [=](const auto& p) { return p.weight->numbers() != numbers; });
    const auto alike = products.first(static_cast<std::size_t>(other - products.begin()));
    numbers == Numbers::bf16 ? multiply_bf16(stages, alike) : HWY_DYNAMIC_DISPATCH(multiply)(stages, alike);
    products = products.subspan(alike.size());
  }
}

}  // namespace
}  // namespace simd

namespace portable {
namespace {

template <class Element>
void multiply(std::span<const Product<Element>> products) {
  using T = ScalarOf<Element>;
  for (const Product<Element>& p : products) {
    const auto w = p.weight->row_major().leading(p.slice.outputs, p.slice.inputs);
    const auto as_numbers = [numbers = p.weight->numbers()](T x) { return rounded(x, numbers); };
    RowMajorMatrix<T> y = eigen_map(p.x).unaryExpr(as_numbers) * eigen_map(w).transpose();
    for_each_row(p.y.rows, p.y.cols, [&](Index r) {
      for (Index c = 0; c < p.y.cols; ++c) p.y(r, c) = finish(y(r, c), p.epilogue, r, c);
    });
  }
}

}  // namespace
}  // namespace portable

template <class Element>
void multiply(std::span<const Product<Element>> products, Stages* stages) {
  if (stages != nullptr) products = stages->keep(products);
  dispatch_stage<Element>(stages, simd::multiply, portable::multiply<Element>, products);
}

template void multiply(std::span<const Product<float>>, Stages*);
template void multiply(std::span<const Product<double>>, Stages*);

}  // namespace sharcs::internal::kernels
#endif
