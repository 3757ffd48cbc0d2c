// The register tile of every matrix product, attention's included. Included by files that are compiled once per SIMD
// target (hwy/foreach_target.h), hence the guard that opens again for each of them.
#if defined(SHARCS_KERNELS_REGISTER_TILE_INL_) == defined(HWY_TARGET_TOGGLE)
#ifdef SHARCS_KERNELS_REGISTER_TILE_INL_
#undef SHARCS_KERNELS_REGISTER_TILE_INL_
#else
#define SHARCS_KERNELS_REGISTER_TILE_INL_
#endif

#include <hwy/highway.h>

#include "core/aligned_buffer.hpp"
#include "core/matrix_view.hpp"

HWY_BEFORE_NAMESPACE();
namespace sharcs::internal::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using TileTag = hn::ScalableTag<float>;
using TileVector = hn::Vec<TileTag>;
inline constexpr Index tile_lanes = hn::MaxLanes(TileTag());

// Vector registers: 32 on AArch64 and with AVX-512, which is every x86 target with vectors of 16 floats, whatever
// Highway calls it; 16 on others.
inline constexpr int vector_registers = HWY_ARCH_ARM_A64 || tile_lanes >= 16 ? 32 : 16;

// A tile of the result is 6 rows by 4 vectors where there are 32 registers, 6 by 2 where there are 16. Its 24 (12) sums
// stay in registers for the whole depth. Beside them stand 4 (2) vectors of the right operand and one element of the
// left one, copied to all lanes. So a step of k loads 4 vectors and 6 elements for 24 multiply-adds: the loads (two a
// cycle) take less time than the multiply-adds (one or two a cycle). And 24 independent sums are enough to keep the
// multiply-add units busy: one has a latency of 4 or 5 cycles and two start in a cycle, so 8 to 10 sums would do.
inline constexpr int tile_rows = 6;
inline constexpr int tile_vectors = vector_registers / 8;
/// Columns of a tile; also the outputs of a panel of a packed weight.
inline constexpr Index tile_cols = tile_vectors * tile_lanes;

// The left operand of a tile: element (r, k) stands at data[r · row + k · step]. Where the compiler knows a step, it
// costs the loop no instruction. below(rows) is the operand of the tile that begins so many rows lower. The right
// operand is a panel, see panel-inl.hpp.

/// A matrix.
struct LeftRows {
  const float* data;
  Index row;
  static constexpr Index step = 1;
  LeftRows below(Index rows) const { return {data + rows * row, row}; }
};
/// The transpose of a matrix.
struct LeftColumns {
  const float* data;
  Index step;
  static constexpr Index row = 1;
  LeftColumns below(Index rows) const { return {data + rows, step}; }
};
/// The transpose of a matrix as pack_left_transposed copies it: tile_rows rows together, and the next tile_rows rows
/// `group` elements after them. `rows` must be a multiple of tile_rows.
struct LeftGroups {
  const float* data;
  Index group;
  static constexpr Index row = 1, step = tile_rows;
  LeftGroups below(Index rows) const { return {data + rows / tile_rows * group, group}; }
};

/// Steps of k that a tile takes at once.
inline constexpr int tile_steps = 4;

/// What tiles prefetch into the L2 cache while they compute: the memory from data up to end, so many cache lines with
/// every tile_steps steps of k. It is a part of a panel that later tiles read. It comes from far away, and without this
/// the first of them would wait for it.
struct TileAhead {
  const float* data = nullptr;
  const float* end = nullptr;
  Index lines = 0;
};

/// sum += a · b.
HWY_INLINE void add_product(TileVector a, TileVector b, TileVector& sum) {
#if HWY_ARCH_X86 && HWY_CAP_GE256  // AVX2 and later
  // Left to itself GCC writes some sums over a factor and then moves them back.
  asm("vfmadd231ps %2, %1, %0" : "+v"(sum.raw) : "v"(a.raw), "v"(b.raw));
#else
  sum = hn::MulAdd(a, b, sum);
#endif
}

/// What a tile does with an element of each operand: floats are multiplied. bf16_pair-inl.hpp has what it does with
/// pairs of bf16. An element may be taken in several parts, one after the other.
struct FloatProducts {
  static constexpr int parts = 1;
  template <int>
  static HWY_INLINE TileVector part(TileVector v) {
    return v;
  }
  static HWY_INLINE void add(TileVector a, TileVector b, TileVector& sum) { add_product(a, b, sum); }
};

/// Adds part `which` of one step of k. left: element of row r at rows[r][offset].
template <class Arithmetic, int which, int Rows, int Vectors>
HWY_INLINE void add_part(const float* const (&rows)[Rows], Index offset, const float* panel,
                         TileVector (&sum)[Rows][Vectors]) {
  const TileTag d;
  TileVector right[Vectors];
  HWY_UNROLL(4)
  for (int v = 0; v < Vectors; ++v) right[v] = Arithmetic::template part<which>(hn::LoadU(d, panel + v * tile_lanes));
  HWY_UNROLL(6)
  for (int r = 0; r < Rows; ++r) {
    const auto left = Arithmetic::template part<which>(hn::Set(d, rows[r][offset]));
    HWY_UNROLL(4)
    for (int v = 0; v < Vectors; ++v) Arithmetic::add(left, right[v], sum[r][v]);
  }
}

/// Adds `Steps` steps of k, which are `step` elements apart in each of `rows`.
template <class Arithmetic, int Steps, int Rows, int Vectors>
HWY_INLINE void add_steps(const float* const (&rows)[Rows], Index step, const float* panel,
                          TileVector (&sum)[Rows][Vectors]) {
  HWY_UNROLL(4)
  for (int k = 0; k < Steps; ++k) {
    add_part<Arithmetic, 0>(rows, k * step, panel + k * tile_cols, sum);
    if constexpr (Arithmetic::parts == 2) add_part<Arithmetic, 1>(rows, k * step, panel + k * tile_cols, sum);
  }
}

/// sum[r][v] += Σ_k a(r, k) · panel(k, columns of v). Each sum adds up its products one by one in the order of k. So it
/// has the same bits in a tile of any shape, and also where the depth is cut into several calls.
///
/// The loop should hold next to nothing but multiply-adds and loads. Where two hardware threads share a core, each gets
/// about three instructions a cycle: 36 in the 12 cycles that a step of the largest tile takes for its 24
/// multiply-adds. The step has 34.
template <class Arithmetic, int Rows, int Vectors, class Left>
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
    add_steps<Arithmetic, tile_steps>(rows, a.step, panel, sum);
    HWY_UNROLL(6)
    for (int r = 0; r < Rows; ++r) rows[r] += tile_steps * a.step;
    panel += tile_steps * tile_cols;
  }
  for (; k < depth; ++k) {
    add_steps<Arithmetic, 1>(rows, a.step, panel, sum);
    HWY_UNROLL(6)
    for (int r = 0; r < Rows; ++r) rows[r] += a.step;
    panel += tile_cols;
  }
  ahead.data = line_ahead;
}

}  // namespace sharcs::internal::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // SHARCS_KERNELS_REGISTER_TILE_INL_
