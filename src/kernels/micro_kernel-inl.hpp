// The register tile of every matrix product. Included by files that are compiled once per SIMD target
// (hwy/foreach_target.h), hence the guard that opens again for each of them.
#if defined(SHARCS_KERNELS_MICRO_KERNEL_INL_) == defined(HWY_TARGET_TOGGLE)
#ifdef SHARCS_KERNELS_MICRO_KERNEL_INL_
#undef SHARCS_KERNELS_MICRO_KERNEL_INL_
#else
#define SHARCS_KERNELS_MICRO_KERNEL_INL_
#endif

#include <hwy/highway.h>

#include "core/aligned_buffer.hpp"
#include "core/matrix_view.hpp"

HWY_BEFORE_NAMESPACE();
namespace sharcs::internal::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// A tile of the result is 6 rows by 4 vectors where there are 32 vector registers (AVX-512, NEON), 6 by 2 where there
// are 16. Its 24 (12) sums stay in registers for the whole depth; beside them stand the 4 (2) vectors of b and one
// element of a, spread out. So a step of k loads 4 vectors and 6 elements for 24 multiply-adds: the loads (two a cycle)
// hide behind the multiply-adds (one or two a cycle), and 24 independent sums are more than the 8 to 10 that the
// latency of a multiply-add times two a cycle asks for.
#if HWY_TARGET == HWY_AVX3 || HWY_TARGET == HWY_AVX3_DL || (HWY_TARGET == HWY_NEON && HWY_ARCH_ARM_A64)
inline constexpr int tile_vectors = 4;
#else
inline constexpr int tile_vectors = 2;
#endif
inline constexpr int tile_rows = 6;

using TileTag = hn::ScalableTag<float>;
using TileVector = hn::Vec<TileTag>;
inline constexpr Index tile_lanes = hn::MaxLanes(TileTag());
/// Columns of a tile; also the outputs of a panel of a packed weight.
inline constexpr Index tile_cols = tile_vectors * tile_lanes;

// Where the left operand of a tile stands; the right one is a panel. What the compiler knows of the steps costs the
// loop no instruction.

/// Element (r, k) stands at data[r · row + k].
struct LeftRows {
  const float* data;
  Index row;
  static constexpr Index step = 1;
  LeftRows below(Index rows) const { return {data + rows * row, row}; }
};
/// Element (r, k) stands at data[k · tile_rows + r], and the next tile_rows rows `group` elements after it.
struct LeftGroup {
  const float* data;
  Index group;
  static constexpr Index row = 1, step = tile_rows;
  LeftGroup below(Index) const { return {data + group, group}; }
};

/// Steps of k that a tile takes at once.
inline constexpr int tile_steps = 4;

/// What tiles bring to the L2 cache for tiles after them: data up to end, so many cache lines with each tile_steps of
/// k. Panels come from far away, and only the first tile of a panel would wait for it while the others compute.
struct TileAhead {
  const float* data = nullptr;
  const float* end = nullptr;
  Index lines = 0;
};

/// sum += a · b.
HWY_INLINE void add_product(TileVector a, TileVector b, TileVector& sum) {
#if HWY_ARCH_X86 && HWY_TARGET <= HWY_AVX2
  // Left to itself GCC writes some sums over a factor and then moves them back.
  asm("vfmadd231ps %2, %1, %0" : "+v"(sum.raw) : "v"(a.raw), "v"(b.raw));
#else
  sum = hn::MulAdd(a, b, sum);
#endif
}

/// Adds `Steps` steps of k.
template <int Steps, int Step, int Rows, int Vectors>
HWY_INLINE void add_steps(const float* const (&rows)[Rows], const float* panel, TileVector (&sum)[Rows][Vectors]) {
  const TileTag d;
  HWY_UNROLL(4)
  for (int k = 0; k < Steps; ++k) {
    TileVector right[Vectors];
    HWY_UNROLL(4)
    for (int v = 0; v < Vectors; ++v) right[v] = hn::LoadU(d, panel + k * tile_cols + v * tile_lanes);
    HWY_UNROLL(6)
    for (int r = 0; r < Rows; ++r) {
      const auto left = hn::Set(d, rows[r][k * Step]);
      HWY_UNROLL(4)
      for (int v = 0; v < Vectors; ++v) add_product(left, right[v], sum[r][v]);
    }
  }
}

/// sum[r][v] += Σ_k a(r, k) · panel(k, columns of v). Each sum adds up its products one by one in the order of k, so it
/// has the same bits in a tile of any shape, however often the depth is broken off and taken up again.
///
/// Beside the multiply-adds and loads there should be next to nothing: where two hardware threads share a core, half of
/// its instruction slots are three a cycle, and a step of the largest tile has 34 for its 12 cycles.
template <int Rows, int Vectors, class Left>
HWY_INLINE void multiply_tile(Left a, const float* panel, Index depth, TileAhead& ahead,
                              TileVector (&sum)[Rows][Vectors]) {
  const Index lines = ahead.data < ahead.end ? ahead.lines : 0;
  const float* line_ahead = ahead.data;
  const float* rows[Rows];
  HWY_UNROLL(6)
  for (int r = 0; r < Rows; ++r) rows[r] = a.data + r * a.row;
  Index k = 0;
  for (; k + tile_steps <= depth; k += tile_steps) {
    for (Index line = 0; line < lines; ++line) {
      __builtin_prefetch(line_ahead, /*to be written*/ 0, /*L2*/ 2);
      line_ahead += line_floats;
    }
    add_steps<tile_steps, Left::step>(rows, panel, sum);
    HWY_UNROLL(6)
    for (int r = 0; r < Rows; ++r) rows[r] += tile_steps * Left::step;
    panel += tile_steps * tile_cols;
  }
  for (; k < depth; ++k) {
    add_steps<1, Left::step>(rows, panel, sum);
    HWY_UNROLL(6)
    for (int r = 0; r < Rows; ++r) rows[r] += Left::step;
    panel += tile_cols;
  }
  ahead.data = line_ahead;
}

}  // namespace sharcs::internal::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // SHARCS_KERNELS_MICRO_KERNEL_INL_
