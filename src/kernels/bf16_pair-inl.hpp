// Pairs of bf16 and what a register tile does with them. Included by files that are compiled once per SIMD target
// (hwy/foreach_target.h), hence the guard that opens again for each of them.
#if defined(SHARCS_KERNELS_BF16_PAIR_INL_) == defined(HWY_TARGET_TOGGLE)
#ifdef SHARCS_KERNELS_BF16_PAIR_INL_
#undef SHARCS_KERNELS_BF16_PAIR_INL_
#else
#define SHARCS_KERNELS_BF16_PAIR_INL_
#endif

#include <hwy/highway.h>

#include <bit>
#include <cstdint>

#include "core/half.hpp"
#include "core/matrix_view.hpp"
#include "kernels/register_tile-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace sharcs::internal::kernels::HWY_NAMESPACE {

// The dot product of two bf16 with two others, added to a float, in each lane. Two ways:
//
// - The machine's own instruction, where it has one: AVX-512 BF16 or NEON's bfdot. Highway 1.0 has no operation for it,
//   so it is written here and chosen at run time. It treats subnormal numbers as zeros.
// - Without one: the lower and the upper halves of the pairs become floats, whose products are added one after the
//   other.
#undef SHARCS_BF16_DOT
#if HWY_ARCH_X86 && HWY_CAP_GE512
#define SHARCS_BF16_DOT "vdpbf16ps %2, %1, %0"
#elif HWY_TARGET == HWY_NEON && HWY_ARCH_ARM_A64
#define SHARCS_BF16_DOT ".arch armv8.2-a+crypto+bf16\n\tbfdot %0.4s, %1.8h, %2.8h"
#endif

#ifdef SHARCS_BF16_DOT
struct Bf16Dots {
  static constexpr int parts = 1;
  template <int>
  static HWY_INLINE TileVector part(TileVector pairs) {
    return pairs;
  }
  static HWY_INLINE void add(TileVector a, TileVector b, TileVector& sum) {
#if HWY_ARCH_X86
    asm(SHARCS_BF16_DOT : "+v"(sum.raw) : "v"(a.raw), "v"(b.raw));
#else
    asm(SHARCS_BF16_DOT : "+w"(sum.raw) : "w"(a.raw), "w"(b.raw));
#endif
  }
};
#endif

struct Bf16Halves {
  static constexpr int parts = 2;
  /// The first members of pairs, or the second ones, as floats.
  template <int which>
  static HWY_INLINE TileVector part(TileVector pairs) {
    const TileTag d;
    const hn::RebindToUnsigned<TileTag> bits;
    const auto word = hn::BitCast(bits, pairs);
    return hn::BitCast(d, which == 0 ? hn::ShiftLeft<16>(word) : hn::And(word, hn::Set(bits, 0xFFFF0000u)));
  }
  static HWY_INLINE void add(TileVector a, TileVector b, TileVector& sum) { add_product(a, b, sum); }
};

/// Numbers rounded to bf16, which are the upper halves of the result; what stands in the lower halves is of no use. As
/// bf16_of_float().
template <class D>
HWY_INLINE hn::Vec<hn::RebindToUnsigned<D>> rounded_to_bf16(D d, hn::Vec<D> x) {
  const hn::RebindToUnsigned<D> bits;
  const auto word = hn::BitCast(bits, x);
  const auto odd = hn::And(hn::ShiftRight<16>(word), hn::Set(bits, 1u));
  const auto rounded = hn::Add(hn::Add(word, hn::Set(bits, 0x7FFFu)), odd);
  const auto is_nan = hn::MaskFromVec(hn::BitCast(bits, hn::VecFromMask(d, hn::IsNaN(x))));
  return hn::IfThenElse(is_nan, hn::Or(word, hn::Set(bits, 0x400000u)), rounded);
}

template <class D>
HWY_INLINE hn::Vec<D> pairs_of(D d, hn::Vec<D> first, hn::Vec<D> second) {
  const hn::RebindToUnsigned<D> bits;
  const auto upper = hn::And(rounded_to_bf16(d, second), hn::Set(bits, 0xFFFF0000u));
  return hn::BitCast(d, hn::Or(hn::ShiftRight<16>(rounded_to_bf16(d, first)), upper));
}

inline float pair_of(float first, float second) {
  return std::bit_cast<float>(std::uint32_t{bf16_of_float(first)} | std::uint32_t{bf16_of_float(second)} << 16);
}

}  // namespace sharcs::internal::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // SHARCS_KERNELS_BF16_PAIR_INL_
