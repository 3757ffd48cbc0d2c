// The register tile of int8 products. Included by files that are compiled once per SIMD target (hwy/foreach_target.h),
// hence the guard that opens again for each of them.
#if defined(SHARCS_KERNELS_INT8_TILE_INL_) == defined(HWY_TARGET_TOGGLE)
#ifdef SHARCS_KERNELS_INT8_TILE_INL_
#undef SHARCS_KERNELS_INT8_TILE_INL_
#else
#define SHARCS_KERNELS_INT8_TILE_INL_
#endif

#include <hwy/highway.h>

#include <array>
#include <cstdint>
#include <cstring>
#include <utility>

#include "core/rounding.hpp"
#include "kernels/register_tile-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace sharcs::internal::kernels::HWY_NAMESPACE {

using IntTag = hn::RebindToSigned<TileTag>;
using IntVector = hn::Vec<IntTag>;

// The dot product of four int8 with four others, added to an int32, in each lane. Two ways:
//
// - The machine's own instruction, where it has one: AVX-512 VNNI, AVX-VNNI, NEON's sdot. Highway 1.0 has no operation
//   for it and no target for processors with AVX-512 VNNI alone, so it is written here and chosen at run time.
// - Without one: the even and the odd bytes become 16-bit numbers, whose products are added in pairs. Both ways are
//   exact. AVX2's 8-bit pairs (vpmaddubsw) would be shorter, but 255 · 127 · 2 does not fit into their 16 bits.
#undef SHARCS_INT8_PAIRS
#if HWY_ARCH_X86 && HWY_TARGET != HWY_SCALAR && HWY_TARGET != HWY_EMU128
#define SHARCS_INT8_PAIRS 1
#else
#define SHARCS_INT8_PAIRS 0
#endif
#undef SHARCS_INT8_DOT
#if HWY_ARCH_X86 && HWY_CAP_GE512
#define SHARCS_INT8_DOT "vpdpbusd %2, %1, %0"
#elif HWY_TARGET == HWY_AVX2
#define SHARCS_INT8_DOT "%{vex%} vpdpbusd %2, %1, %0"
#elif HWY_TARGET == HWY_NEON && HWY_ARCH_ARM_A64
#define SHARCS_INT8_DOT ".arch armv8.2-a+crypto+dotprod\n\tsdot %0.4s, %1.16b, %2.16b"
#endif

/// What is added to the weights' values: x86 multiplies unsigned numbers by signed ones.
inline constexpr std::uint8_t weight_offset = SHARCS_INT8_PAIRS ? 128 : 0;

enum class Dot { instruction, emulated };

template <Dot how>
HWY_INLINE void add_dot(IntVector weight, IntVector x, IntVector& sum) {
#ifdef SHARCS_INT8_DOT
  if constexpr (how == Dot::instruction) {
#if HWY_ARCH_X86
    asm(SHARCS_INT8_DOT : "+v"(sum.raw) : "v"(weight.raw), "v"(x.raw));
#else
    asm(SHARCS_INT8_DOT : "+w"(sum.raw) : "w"(weight.raw), "w"(x.raw));
#endif
    return;
  }
#endif
#if SHARCS_INT8_PAIRS
  const IntTag d;
  const hn::Repartition<std::int16_t, IntTag> pairs;
  const auto w = hn::BitCast(pairs, weight), v = hn::BitCast(pairs, x);
  const hn::Repartition<std::uint16_t, IntTag> unsigned_pairs;
  const auto even = hn::And(w, hn::Set(pairs, 0xFF));
  const auto odd = hn::BitCast(pairs, hn::ShiftRight<8>(hn::BitCast(unsigned_pairs, w)));
  IntVector unused = hn::Zero(d);
  sum = hn::ReorderWidenMulAccumulate(d, even, hn::ShiftRight<8>(hn::ShiftLeft<8>(v)), sum, unused);
  sum = hn::ReorderWidenMulAccumulate(d, odd, hn::ShiftRight<8>(v), sum, unused);
#else
  sum = hn::Add(sum, hn::Mul(hn::ShiftRight<24>(weight), hn::ShiftRight<24>(x)));
  sum = hn::Add(sum, hn::Mul(hn::ShiftRight<24>(hn::ShiftLeft<8>(weight)), hn::ShiftRight<24>(hn::ShiftLeft<8>(x))));
  sum = hn::Add(sum, hn::Mul(hn::ShiftRight<24>(hn::ShiftLeft<16>(weight)), hn::ShiftRight<24>(hn::ShiftLeft<16>(x))));
  sum = hn::Add(sum, hn::Mul(hn::ShiftRight<24>(hn::ShiftLeft<24>(weight)), hn::ShiftRight<24>(hn::ShiftLeft<24>(x))));
#endif
}

/// Prefetched into the L2 cache while tiles compute: a panel that later tiles read, so many cache lines with every four
/// groups.
struct Int8Ahead {
  const std::int32_t* data = nullptr;
  const std::int32_t* end = nullptr;
  Index lines = 0;
};

/// Steps of four inputs that a tile takes at once.
inline constexpr int int8_steps = 4;

template <Dot how, int Steps, int Rows, int Vectors>
HWY_INLINE void add_groups(const std::int8_t* const (&rows)[Rows], const std::int32_t* panel,
                           IntVector (&sum)[Rows][Vectors]) {
  const IntTag d;
  HWY_UNROLL(4)
  for (int g = 0; g < Steps; ++g) {
    IntVector right[Vectors];
    HWY_UNROLL(4)
    for (int v = 0; v < Vectors; ++v) right[v] = hn::LoadU(d, panel + g * tile_cols + v * tile_lanes);
    HWY_UNROLL(6)
    for (int r = 0; r < Rows; ++r) {
      std::int32_t four;
      std::memcpy(&four, rows[r] + 4 * g, sizeof four);
      const auto left = hn::Set(d, four);
      HWY_UNROLL(4)
      for (int v = 0; v < Vectors; ++v) add_dot<how>(right[v], left, sum[r][v]);
    }
  }
}

/// sums[r · tile_cols + c] = Σ over `groups` groups of four of x(r, ·) · panel(·, c), for Rows rows, `stride` bytes
/// apart, and Vectors vectors of columns. As with floats, the sums stay in registers for the whole depth; the depth of
/// an encoder's weight is a quarter of the steps that it is with floats, and the panel a quarter of the memory.
template <Dot how, int Rows, int Vectors>
void multiply_int8_tile(const std::int8_t* x, Index stride, const std::int32_t* panel, Index groups, Int8Ahead& ahead,
                        std::int32_t* sums) {
  const IntTag d;
  IntVector sum[Rows][Vectors];
  const std::int8_t* rows[Rows];
  HWY_UNROLL(6)
  for (int r = 0; r < Rows; ++r) {
    rows[r] = x + r * stride;
    HWY_UNROLL(4)
    for (int v = 0; v < Vectors; ++v) sum[r][v] = hn::Zero(d);
  }
  const Index lines = ahead.data < ahead.end ? ahead.lines : 0;
  const std::int32_t* line_ahead = ahead.data;
  Index g = 0;
  for (; g + int8_steps <= groups; g += int8_steps) {
    for (Index line = 0; line < lines; ++line) {
      __builtin_prefetch(line_ahead, /*to be written*/ 0, /*L2*/ 2);
      line_ahead += line_floats;
    }
    add_groups<how, int8_steps>(rows, panel, sum);
    HWY_UNROLL(6)
    for (int r = 0; r < Rows; ++r) rows[r] += int8_steps * 4;
    panel += int8_steps * tile_cols;
  }
  for (; g < groups; ++g) {
    add_groups<how, 1>(rows, panel, sum);
    HWY_UNROLL(6)
    for (int r = 0; r < Rows; ++r) rows[r] += 4;
    panel += tile_cols;
  }
  ahead.data = line_ahead;
  HWY_UNROLL(6)
  for (int r = 0; r < Rows; ++r) {
    HWY_UNROLL(4)
    for (int v = 0; v < Vectors; ++v) hn::StoreU(sum[r][v], d, sums + r * tile_cols + v * tile_lanes);
  }
}

using RunInt8Tile = void (*)(const std::int8_t*, Index, const std::int32_t*, Index, Int8Ahead&, std::int32_t*);

template <Dot how, int Rows, int... Vectors>
constexpr std::array<RunInt8Tile, tile_vectors> int8_tiles_of_height(std::integer_sequence<int, Vectors...>) {
  return {multiply_int8_tile<how, Rows, Vectors + 1>...};
}
template <Dot how, int... Rows>
constexpr std::array<std::array<RunInt8Tile, tile_vectors>, tile_rows> all_int8_tiles(
    std::integer_sequence<int, Rows...>) {
  return {int8_tiles_of_height<how, Rows + 1>(std::make_integer_sequence<int, tile_vectors>())...};
}
/// multiply_int8_tile for tiles of r rows and v vectors is int8_tiles<how>[r − 1][v − 1].
template <Dot how>
constexpr auto int8_tiles = all_int8_tiles<how>(std::make_integer_sequence<int, tile_rows>());

}  // namespace sharcs::internal::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // SHARCS_KERNELS_INT8_TILE_INL_
