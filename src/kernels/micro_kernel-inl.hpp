// The register tile of every matrix product. Included by files that are compiled once per SIMD target
// (hwy/foreach_target.h), hence the guard that opens again for each of them.
#if defined(SHARCS_KERNELS_MICRO_KERNEL_INL_) == defined(HWY_TARGET_TOGGLE)
#ifdef SHARCS_KERNELS_MICRO_KERNEL_INL_
#undef SHARCS_KERNELS_MICRO_KERNEL_INL_
#else
#define SHARCS_KERNELS_MICRO_KERNEL_INL_
#endif

#include <hwy/highway.h>

#include "core/matrix_view.hpp"

HWY_BEFORE_NAMESPACE();
namespace sharcs::kernels::HWY_NAMESPACE {
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

/// Element (r, k) stands at data[r · row + k · step].
struct TileLeft {
  const float* data;
  Index row;
  Index step;
};

/// Element (k, c) stands at data[k · step + c].
struct TileRight {
  const float* data;
  Index step;
};

/// Floats of a cache line.
inline constexpr Index line_floats = 16;

/// What a tile brings to the L2 cache for tiles after it: so many cache lines at each step of k. Panels come from far
/// away, and only the first tile of a panel would wait for it while the others compute.
struct TileAhead {
  const float* data = nullptr;
  int lines = 0;
};

/// sum[r][v] = Σ_k a(r, k) · b(k, columns of v). Each sum adds up its products one by one in the order of k, so it has
/// the same bits in a tile of any shape.
template <int Rows, int Vectors>
HWY_INLINE void multiply_tile(TileLeft a, TileRight b, Index depth, TileAhead ahead, TileVector (&sum)[Rows][Vectors]) {
  const TileTag d;
  HWY_UNROLL(6)
  for (int r = 0; r < Rows; ++r) {
    HWY_UNROLL(4)
    for (int v = 0; v < Vectors; ++v) sum[r][v] = hn::Zero(d);
  }
  const auto step = [&]() HWY_ATTR {
    TileVector right[Vectors];
    HWY_UNROLL(4)
    for (int v = 0; v < Vectors; ++v) right[v] = hn::LoadU(d, b.data + v * tile_lanes);
    HWY_UNROLL(6)
    for (int r = 0; r < Rows; ++r) {
      const auto left = hn::Set(d, a.data[r * a.row]);
      HWY_UNROLL(4)
      for (int v = 0; v < Vectors; ++v) sum[r][v] = hn::MulAdd(left, right[v], sum[r][v]);
    }
    a.data += a.step;
    b.data += b.step;
  };
  if (ahead.lines == 0) {
    for (Index k = 0; k < depth; ++k) step();
    return;
  }
  for (Index k = 0; k < depth; ++k) {
    for (int line = 0; line < ahead.lines; ++line) {
      __builtin_prefetch(ahead.data, /*to be written*/ 0, /*L2*/ 2);
      ahead.data += line_floats;
    }
    step();
  }
}

}  // namespace sharcs::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // SHARCS_KERNELS_MICRO_KERNEL_INL_
