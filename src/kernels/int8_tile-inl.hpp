// The register tile of int8 products. Included by files that are compiled once per SIMD target (hwy/foreach_target.h),
// hence the guard that opens again for each of them.
#if defined(SHARCS_KERNELS_INT8_TILE_INL_) == defined(HWY_TARGET_TOGGLE)
#ifdef SHARCS_KERNELS_INT8_TILE_INL_
#undef SHARCS_KERNELS_INT8_TILE_INL_
#else
#define SHARCS_KERNELS_INT8_TILE_INL_
#endif

#include <hwy/highway.h>

#include <algorithm>
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
// - Without one, on x86: the even and the odd bytes become 16-bit numbers, whose products are added in pairs. Both ways
//   are exact. AVX2's 8-bit pairs (vpmaddubsw) would be shorter, but 255 · 127 · 2 does not fit into their 16 bits.
// - Elsewhere: one byte after the other.
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

#if SHARCS_INT8_PAIRS
using PairTag = hn::Repartition<std::int16_t, IntTag>;
using PairVector = hn::Vec<PairTag>;

/// sum + the products of two pairs of 16-bit numbers, in each lane.
HWY_INLINE IntVector add_pair(PairVector weight, PairVector x, IntVector sum) {
  IntVector unused = hn::Zero(IntTag());
  return hn::ReorderWidenMulAccumulate(IntTag(), weight, x, sum, unused);
}
#endif

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
  sum = hn::Add(sum, hn::Mul(hn::ShiftRight<24>(weight), hn::ShiftRight<24>(x)));
  sum = hn::Add(sum, hn::Mul(hn::ShiftRight<24>(hn::ShiftLeft<8>(weight)), hn::ShiftRight<24>(hn::ShiftLeft<8>(x))));
  sum = hn::Add(sum, hn::Mul(hn::ShiftRight<24>(hn::ShiftLeft<16>(weight)), hn::ShiftRight<24>(hn::ShiftLeft<16>(x))));
  sum = hn::Add(sum, hn::Mul(hn::ShiftRight<24>(hn::ShiftLeft<24>(weight)), hn::ShiftRight<24>(hn::ShiftLeft<24>(x))));
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

/// What a tile prefetches with each step.
class Int8Prefetch {
 public:
  explicit Int8Prefetch(Int8Ahead& ahead)
      : ahead_(ahead), line_(ahead.data), lines_(ahead.data < ahead.end ? ahead.lines : 0) {}
  ~Int8Prefetch() { ahead_.data = line_; }
  void step() {
    for (Index i = 0; i < lines_; ++i) {
      __builtin_prefetch(line_, /*to be written*/ 0, /*L2*/ 2);
      line_ += line_floats;
    }
  }

 private:
  Int8Ahead& ahead_;
  const std::int32_t* line_;
  Index lines_;
};

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
  Int8Prefetch prefetch(ahead);
  Index g = 0;
  for (; g + int8_steps <= groups; g += int8_steps) {
    prefetch.step();
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
  HWY_UNROLL(6)
  for (int r = 0; r < Rows; ++r) {
    HWY_UNROLL(4)
    for (int v = 0; v < Vectors; ++v) hn::StoreU(sum[r][v], d, sums + r * tile_cols + v * tile_lanes);
  }
}

#if SHARCS_INT8_PAIRS
/// The left operand of a tile as 16-bit numbers: of each group of four the first and the third in `even`, the others in
/// `odd`. So many groups are widened at once; 6 KB, which stay in the L1 cache.
inline constexpr Index widened_groups = 128;
template <int Rows>
struct WidenedRows {
  alignas(64) std::int32_t even[Rows][widened_groups];
  alignas(64) std::int32_t odd[Rows][widened_groups];

  void widen(const std::int8_t* x, Index stride, Index groups) {
    const IntTag d;
    const PairTag pairs;
    for (int r = 0; r < Rows; ++r) {
      const std::int8_t* row = x + r * stride;
      Index g = 0;
      for (; g + tile_lanes <= groups; g += tile_lanes) {
        const auto both = hn::BitCast(pairs, hn::LoadU(hn::Repartition<std::int8_t, IntTag>(), row + 4 * g));
        hn::Store(hn::BitCast(d, hn::ShiftRight<8>(hn::ShiftLeft<8>(both))), d, even[r] + g);
        hn::Store(hn::BitCast(d, hn::ShiftRight<8>(both)), d, odd[r] + g);
      }
      for (; g < groups; ++g) {
        const auto pair_of = [four = row + 4 * g](int first) {
          const auto low = static_cast<std::uint16_t>(four[first]), high = static_cast<std::uint16_t>(four[first + 2]);
          return static_cast<std::int32_t>(low | static_cast<std::uint32_t>(high) << 16);
        };
        even[r][g] = pair_of(0);
        odd[r][g] = pair_of(1);
      }
    }
  }
};

/// Adds the products of pairs. One half of a group after the other: with 16 registers, 12 sums leave room for the two
/// vectors of weights of one half only.
template <int Rows, int Vectors>
HWY_INLINE void add_pairs(const std::int32_t (&left)[Rows][widened_groups], Index g, const PairVector (&right)[Vectors],
                          IntVector (&sum)[Rows][Vectors]) {
  HWY_UNROLL(6)
  for (int r = 0; r < Rows; ++r) {
    const auto x = hn::BitCast(PairTag(), hn::Set(IntTag(), left[r][g]));
    HWY_UNROLL(4)
    for (int v = 0; v < Vectors; ++v) sum[r][v] = add_pair(right[v], x, sum[r][v]);
  }
}

/// multiply_int8_tile where there is no instruction for dot products.
template <int Rows, int Vectors>
void multiply_widened_tile(const std::int8_t* x, Index stride, const std::int32_t* panel, Index groups,
                           Int8Ahead& ahead, std::int32_t* sums) {
  const IntTag d;
  const PairTag pairs;
  const hn::Repartition<std::uint16_t, IntTag> unsigned_pairs;
  IntVector sum[Rows][Vectors];
  HWY_UNROLL(6)
  for (int r = 0; r < Rows; ++r) {
    HWY_UNROLL(4)
    for (int v = 0; v < Vectors; ++v) sum[r][v] = hn::Zero(d);
  }
  Int8Prefetch prefetch(ahead);
  WidenedRows<Rows> left;
  for (Index begin = 0; begin < groups; begin += widened_groups) {
    const Index count = std::min(widened_groups, groups - begin);
    left.widen(x + 4 * begin, stride, count);
    for (Index g = 0; g < count; ++g) {
      if (g % int8_steps == 0) prefetch.step();
      PairVector right[Vectors];
      HWY_UNROLL(4)
      for (int v = 0; v < Vectors; ++v)
        right[v] = hn::And(hn::BitCast(pairs, hn::LoadU(d, panel + v * tile_lanes)), hn::Set(pairs, 0xFF));
      add_pairs(left.even, g, right, sum);
      HWY_UNROLL(4)
      for (int v = 0; v < Vectors; ++v)
        right[v] =
            hn::BitCast(pairs, hn::ShiftRight<8>(hn::BitCast(unsigned_pairs, hn::LoadU(d, panel + v * tile_lanes))));
      add_pairs(left.odd, g, right, sum);
      panel += tile_cols;
    }
  }
  HWY_UNROLL(6)
  for (int r = 0; r < Rows; ++r) {
    HWY_UNROLL(4)
    for (int v = 0; v < Vectors; ++v) hn::StoreU(sum[r][v], d, sums + r * tile_cols + v * tile_lanes);
  }
}
#endif

using RunInt8Tile = void (*)(const std::int8_t*, Index, const std::int32_t*, Index, Int8Ahead&, std::int32_t*);

template <Dot how, int Rows, int... Vectors>
constexpr std::array<RunInt8Tile, tile_vectors> int8_tiles_of_height(std::integer_sequence<int, Vectors...>) {
#if SHARCS_INT8_PAIRS
  if constexpr (how == Dot::emulated) return {multiply_widened_tile<Rows, Vectors + 1>...};
#endif
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
