#include "kernels/int8_gemm.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/int8_gemm.cpp"
#include <hwy/cache_control.h>
#include <hwy/foreach_target.h>  // IWYU pragma: keep
#include <hwy/highway.h>

#include <algorithm>
#include <atomic>
#include <cassert>

#if HWY_ARCH_ARM_A64 && defined(__linux__)
#include <sys/auxv.h>
#elif HWY_ARCH_X86
#include <cpuid.h>
#endif

#include "core/rounding.hpp"
#include "core/stages.hpp"
#include "core/threads.hpp"
#include "kernels/amx.hpp"
#include "kernels/backend.hpp"
#include "kernels/epilogue-inl.hpp"
#include "kernels/int8_tile-inl.hpp"
#include "kernels/portable.hpp"

HWY_BEFORE_NAMESPACE();
namespace sharcs::internal::kernels::HWY_NAMESPACE {

/// The instruction that the tiles of this target would use.
DotInstruction int8_instruction() {
#if HWY_ARCH_X86 && HWY_CAP_GE512
  return DotInstruction::avx512_vnni;
#elif HWY_TARGET == HWY_AVX2
  return DotInstruction::avx_vnni;
#elif defined(SHARCS_INT8_DOT)
  return DotInstruction::neon_dot;
#else
  return DotInstruction::none;
#endif
}

/// Rows of x that are multiplied with all panels before the next rows are: their int8 (442 KB for 3072 inputs) stay in
/// the L2 cache, and a panel serves many tiles each time that it comes from memory.
constexpr Index int8_chunk_rows = 24 * tile_rows;

/// The tiles of a product, in the order in which they are numbered: chunk of rows by chunk, in a chunk panel by panel,
/// in a panel from top to bottom. The heights of tiles differ by at most one.
struct Int8Grid {
  Index rows, tile_rows_count, panels, chunk_tiles;

  explicit Int8Grid(const Int8Product& p)
      : rows(p.y.rows),
        tile_rows_count(ceil_divide<Index>(rows, tile_rows)),
        panels(ceil_divide(p.slice.outputs, tile_cols)) {
    const Index chunks = std::max<Index>(1, ceil_divide(rows, int8_chunk_rows));
    chunk_tiles = std::max<Index>(1, ceil_divide(tile_rows_count, chunks));
  }
  Index count() const { return tile_rows_count * panels; }
  Index first_row(Index tile) const { return tile * (rows / tile_rows_count) + std::min(tile, rows % tile_rows_count); }
};

/// Tiles first .. end − 1 of one panel.
struct Int8Run {
  Index panel, first, end;
};

/// The tiles from `begin` on that are in the same panel and chunk, up to `end`.
Int8Run run_at(const Int8Grid& grid, Index begin, Index end) {
  const Index chunk = begin / (grid.chunk_tiles * grid.panels);
  const Index in_chunk = begin - chunk * grid.chunk_tiles * grid.panels;
  const Index tiles = std::min(grid.chunk_tiles, grid.tile_rows_count - chunk * grid.chunk_tiles);
  const Index tile = in_chunk % tiles, first = chunk * grid.chunk_tiles + tile;
  return {in_chunk / tiles, first, first + std::min(tiles - tile, end - begin)};
}

void finish_int8_row(const std::int32_t* sums, const Int8Product& p, Index row, Index first_col, Index cols) {
  const std::int32_t too_large = weight_offset * p.x.sums[row];
  const float* const scales = p.weight->scales() + first_col;
  const auto sum_at = [=, scale = p.x.scales[row]](auto d, Index c) HWY_ATTR {
    const hn::RebindToSigned<decltype(d)> di;
    const auto sum = hn::Sub(hn::LoadU(di, sums + c), hn::Set(di, too_large));
    return hn::Mul(hn::Mul(hn::ConvertTo(d, sum), hn::LoadU(d, scales + c)), hn::Set(d, scale));
  };
  finish_columns(sum_at, cols, p.epilogue, row, first_col, p.y.row(row) + first_col);
}

/// `next`: the panel that is read afterwards, or null; the tiles of this one prefetch it.
template <Dot how>
void multiply_run(const Int8Product& p, const Int8Grid& grid, const Int8Run& run, const std::int32_t* next) {
  alignas(64) std::int32_t sums[tile_rows * tile_cols];
  const Index first_col = run.panel * tile_cols, cols = std::min(tile_cols, p.slice.outputs - first_col);
  const Index vectors = ceil_divide(cols, tile_lanes), groups = ceil_divide<Index>(p.slice.inputs, 4);
  Int8Ahead ahead;
  if (next != nullptr && groups >= int8_steps) {
    const Index lines = groups * tile_cols / line_floats, steps = (run.end - run.first) * (groups / int8_steps);
    ahead = {next, next + groups * tile_cols, ceil_divide(lines, steps)};
  }
  for (Index tile = run.first; tile < run.end; ++tile) {
    const Index row = grid.first_row(tile), height = grid.first_row(tile + 1) - row;
    for (Index r = row; r < row + height; ++r) {
      for (Index c = 0; c < cols; c += line_floats) hwy::Prefetch(p.y.row(r) + first_col + c);
      if (!p.epilogue.residual) continue;
      for (Index c = 0; c < cols; c += line_floats) hwy::Prefetch(p.epilogue.residual.row(r) + first_col + c);
    }
    int8_tiles<how>[static_cast<std::size_t>(height - 1)][static_cast<std::size_t>(vectors - 1)](
        p.x.values.row(row), p.x.values.stride, p.weight->panel(run.panel), groups, ahead, sums);
    for (Index r = 0; r < height; ++r) finish_int8_row(sums + r * tile_cols, p, row + r, first_col, cols);
  }
}

/// The tiles begin .. end − 1 of all products, which are numbered from the first product to the last.
template <Dot how>
void multiply_tiles(std::span<const Int8Product> products, Index begin, Index end) {
  for (std::size_t i = 0; i < products.size() && begin < end; ++i) {
    const Int8Grid grid(products[i]);
    const Index last = std::min(end, grid.count());
    while (begin < last) {
      const Int8Run run = run_at(grid, begin, last);
      begin += run.end - run.first;
      // What comes after the last tile of a product is its own first panel (the next chunk's), or the next product's.
      const std::int32_t* next = nullptr;
      if (begin < last)
        next = products[i].weight->panel(run_at(grid, begin, last).panel);
      else if (begin < end && i + 1 < products.size())
        next = products[i + 1].weight->panel(0);
      multiply_run<how>(products[i], grid, run, next);
    }
    begin -= grid.count();
    end -= grid.count();
  }
}

void multiply_int8_tiles(std::span<const Int8Product> products, Index begin, Index end, bool by_instruction) {
  if (by_instruction)
    multiply_tiles<Dot::instruction>(products, begin, end);
  else
    multiply_tiles<Dot::emulated>(products, begin, end);
}

Index int8_tile_count(const Int8Product& product) { return Int8Grid(product).count(); }

/// The blocks of AMX, panel by panel within a chunk of rows, as the tiles.
struct AmxGrid {
  Index row_blocks, panels;

  explicit AmxGrid(const Int8Product& p)
      : row_blocks(ceil_divide(p.y.rows, amx_rows)), panels(ceil_divide(p.slice.outputs, tile_cols)) {}
  Index count() const { return row_blocks * panels; }
};

/// Blocks begin .. end − 1 of one product.
void multiply_amx_blocks(const Int8Product& p, Index begin, Index end, AmxBlocks& blocks) {
  const AmxGrid grid(p);
  alignas(64) std::int32_t sums[amx_rows * amx_cols];
  for (Index block = begin; block < end; ++block) {
    const Index panel = block / grid.row_blocks, row = block % grid.row_blocks * amx_rows;
    const Index height = std::min(amx_rows, p.y.rows - row), first_col = panel * tile_cols;
    const Index cols = std::min(tile_cols, p.slice.outputs - first_col);
    blocks.multiply(p.x.values.row(row), p.x.values.stride, height, p.weight->panel(panel),
                    ceil_divide<Index>(p.slice.inputs, 4), sums);
    for (Index r = 0; r < height; ++r) finish_int8_row(sums + r * amx_cols, p, row + r, first_col, cols);
  }
}

/// The blocks begin .. end − 1 of all products, which are numbered from the first product to the last.
void multiply_by_amx(std::span<const Int8Product> products, Index begin, Index end) {
  AmxBlocks blocks;
  for (std::size_t i = 0; i < products.size() && begin < end; ++i) {
    const Index count = AmxGrid(products[i]).count();
    if (begin < count) multiply_amx_blocks(products[i], begin, std::min(end, count), blocks);
    begin = std::max<Index>(begin - count, 0);
    end -= count;
  }
}

Index amx_block_count(const Int8Product& product) { return AmxGrid(product).count(); }

/// Whether the panels are as AMX reads them: unsigned numbers of 64 outputs side by side.
bool has_amx_panels() { return tile_cols == amx_cols && weight_offset == 128; }

}  // namespace sharcs::internal::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace sharcs::internal::kernels {
HWY_EXPORT(int8_instruction);
HWY_EXPORT(multiply_int8_tiles);
HWY_EXPORT(int8_tile_count);
HWY_EXPORT(multiply_by_amx);
HWY_EXPORT(amx_block_count);
HWY_EXPORT(has_amx_panels);

namespace {

std::atomic<bool> dot_instruction_allowed = true;

bool has([[maybe_unused]] DotInstruction instruction) {
#if HWY_ARCH_X86
  unsigned a = 0, b = 0, c = 0, d = 0;
  if (instruction == DotInstruction::avx512_vnni) return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (c & (1u << 11));
  if (instruction == DotInstruction::avx_vnni) return __get_cpuid_count(7, 1, &a, &b, &c, &d) && (a & (1u << 4));
#elif HWY_ARCH_ARM_A64 && defined(__linux__)
  constexpr unsigned long dot_product = 1ul << 20;  // HWCAP_ASIMDDP
  if (instruction == DotInstruction::neon_dot) return (getauxval(AT_HWCAP) & dot_product) != 0;
#endif
  return false;
}

/// As product_work, in steps of a quarter: a dot product does the work of four multiply-adds.
double work_of(const Int8Product& p) {
  return static_cast<double>(p.y.rows + 10) * static_cast<double>(p.slice.inputs) *
         static_cast<double>(p.slice.outputs) / 4;
}
constexpr double work_of_a_thread = 3e5;

}  // namespace

bool uses_dot_instruction() {
  static const bool avx512 = has(DotInstruction::avx512_vnni), avx = has(DotInstruction::avx_vnni),
                    neon = has(DotInstruction::neon_dot);
  if (!dot_instruction_allowed) return false;
  switch (HWY_DYNAMIC_DISPATCH(int8_instruction)()) {
    case DotInstruction::avx512_vnni:
      return avx512;
    case DotInstruction::avx_vnni:
      return avx;
    case DotInstruction::neon_dot:
      return neon;
    case DotInstruction::none:
      break;
  }
  return false;
}

void allow_dot_instruction(bool allowed) { dot_instruction_allowed = allowed; }

namespace simd {
namespace {

bool suits_amx(std::span<const Int8Product> products) {
  return std::ranges::all_of(products, [](const Int8Product& p) { return p.y.rows >= amx_least_rows; }) &&
         HWY_DYNAMIC_DISPATCH(has_amx_panels)() && uses_amx();
}

void multiply(Stages* stages, std::span<const Int8Product> products) {
  const bool by_amx = suits_amx(products);
  double work = 0;
  Index tiles = 0;
  for (const Int8Product& p : products) {
    work += work_of(p);
    tiles += by_amx ? HWY_DYNAMIC_DISPATCH(amx_block_count)(p) : HWY_DYNAMIC_DISPATCH(int8_tile_count)(p);
  }
  if (by_amx)
    return share_shares(stages, tiles, useful_threads(work, work_of_a_thread), [=](Index begin, Index end) {
      HWY_DYNAMIC_DISPATCH(multiply_by_amx)(products, begin, end);
    });
  share_shares(stages, tiles, useful_threads(work, work_of_a_thread),
               [=, by_instruction = uses_dot_instruction()](Index begin, Index end) {
                 HWY_DYNAMIC_DISPATCH(multiply_int8_tiles)(products, begin, end, by_instruction);
               });
}

}  // namespace
}  // namespace simd

namespace portable {
namespace {

void multiply(std::span<const Int8Product> products) {
  for (const Int8Product& p : products) {
    for_each_row(p.y.rows, p.y.cols, [&](Index r) {
      for (Index o = 0; o < p.slice.outputs; ++o) {
        std::int32_t sum = 0;
        for (Index i = 0; i < p.slice.inputs; ++i) sum += p.x.values(r, i) * p.weight->value(o, i);
        p.y(r, o) = finish(static_cast<float>(sum) * p.weight->scales()[o] * p.x.scales[r], p.epilogue, r, o);
      }
    });
  }
}

}  // namespace
}  // namespace portable

void multiply(std::span<const Int8Product> products, Stages* stages) {
  for ([[maybe_unused]] const Int8Product& p : products)
    assert(p.x.values.rows == p.y.rows && p.x.values.cols == p.slice.inputs && p.y.cols == p.slice.outputs);
  if (stages != nullptr) products = stages->keep(products);
  dispatch_stage<float>(stages, simd::multiply, portable::multiply, products);
}

void multiply_and_quantize(const Int8Product& product, const Int8Rows& result, Stages* stages) {
  // Floats of so many rows stay in the L2 cache (512 KB of it), with the panel that is being read.
  constexpr Index near_floats = Index{1} << 17, least_rows = 24;
  assert(!product.epilogue.pre_activation);
  const Index rows = product.y.rows;
  const Index most_rows = std::max(near_floats / product.y.cols, least_rows);
  const int workers = thread_count();
  if (rows <= most_rows * (workers - 1)) {  // fewer parts than threads
    multiply(product, stages);
    return quantize(product.y, result, stages);
  }
  // As many parts for each thread, which differ by one row at most.
  const int parts = static_cast<int>(round_up(ceil_divide(rows, most_rows), Index{workers}));
  const auto rows_of = [=](Index part) { return work_share(rows, static_cast<int>(part), parts); };
  share_shares(stages, parts, workers, [=](Index begin, Index end) {
    const ThreadScope alone(1);
    for (Index part = begin; part < end; ++part) {
      const auto [first, last] = rows_of(part);
      const Index count = last - first;
      Int8Product piece = product;
      piece.x = product.x.row_range(first, count);
      // The parts of a thread use the same memory, rows of y that only this thread writes.
      piece.y = product.y.row_range(rows_of(begin).begin, count);
      if (product.epilogue.residual) piece.epilogue.residual = product.epilogue.residual.row_range(first, count);
      multiply(piece);
      quantize(piece.y, result.row_range(first, count));
    }
  });
}

}  // namespace sharcs::internal::kernels
#endif
