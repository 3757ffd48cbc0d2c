// Philox4x32-10 in vectors, and the dropout of one row. Included by files that are compiled once per SIMD target
// (hwy/foreach_target.h), hence the guard that opens again for each of them.
#if defined(SHARCS_KERNELS_PHILOX_INL_) == defined(HWY_TARGET_TOGGLE)
#ifdef SHARCS_KERNELS_PHILOX_INL_
#undef SHARCS_KERNELS_PHILOX_INL_
#else
#define SHARCS_KERNELS_PHILOX_INL_
#endif

#include <hwy/highway.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "core/random.hpp"
#include "kernels/dropout.hpp"

HWY_BEFORE_NAMESPACE();
namespace sharcs::internal::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

/// The words of philox(key, 0, row), philox(key, 1, row), … one after the other, from word `first` on: lanes of `low`,
/// then lanes of `high`. `first` is a multiple of 2 · Lanes(du).
///
/// The four words of a counter stand in the low halves of four vectors of 64-bit lanes. Junk may stand in the high
/// halves: MulEven reads only the low ones. So a round of 2 · Lanes(du) words is 2 multiplies, 2 shifts and 2 three-way
/// xors, which is what bounds it; keeping 32-bit lanes dense would need both an even and an odd multiply and blends.
template <class DU, class VU = hn::Vec<DU>>
HWY_INLINE void philox_words(DU du, std::uint64_t key, std::uint64_t row, std::uint64_t first, VU& low, VU& high) {
#if HWY_TARGET == HWY_SCALAR
  const auto words = philox(key, first / 4, row);
  low = hn::Set(du, words[first % 4]);
  high = hn::Set(du, words[first % 4 + 1]);
#else
  const hn::RepartitionToWide<DU> dw;
  const auto iota = hn::Iota(dw, 0);
  // Lanes 2i and 2i + 1 hold counters i and i + half, so that the final interleaving leaves the words in order.
  const auto upper = hn::Set(dw, hn::Lanes(dw) / 2);
  const auto offset = hn::Add(hn::ShiftRight<1>(iota), hn::IfThenElseZero(hn::TestBit(iota, hn::Set(dw, 1)), upper));
  const auto counter = hn::Add(hn::Set(dw, first / 4), offset);
  const auto multiplier0 = hn::BitCast(du, hn::Set(dw, 0xD2511F53u));
  const auto multiplier2 = hn::BitCast(du, hn::Set(dw, 0xCD9E8D57u));
  auto c0 = counter, c1 = hn::ShiftRight<32>(counter), c2 = hn::Set(dw, row), c3 = hn::Set(dw, row >> 32);
  std::uint32_t k0 = static_cast<std::uint32_t>(key), k1 = static_cast<std::uint32_t>(key >> 32);
  for (int round = 0; round < 10; ++round) {
    const auto a = hn::MulEven(hn::BitCast(du, c0), multiplier0);
    const auto b = hn::MulEven(hn::BitCast(du, c2), multiplier2);
    c0 = hn::Xor3(hn::ShiftRight<32>(b), c1, hn::Set(dw, k0));
    c1 = b;
    c2 = hn::Xor3(hn::ShiftRight<32>(a), c3, hn::Set(dw, k1));
    c3 = a;
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
  const auto words01 = hn::OddEven(hn::BitCast(du, hn::ShiftLeft<32>(c1)), hn::BitCast(du, c0));
  const auto words23 = hn::OddEven(hn::BitCast(du, hn::ShiftLeft<32>(c3)), hn::BitCast(du, c2));
  low = hn::BitCast(du, hn::InterleaveLower(dw, hn::BitCast(dw, words01), hn::BitCast(dw, words23)));
  high = hn::BitCast(du, hn::InterleaveUpper(dw, hn::BitCast(dw, words01), hn::BitCast(dw, words23)));
#endif
}

/// y[c] = kept ? x[c] / (1 − rate) : 0 for one row; `row` is its number in the whole batch (first_row does not enter).
/// y may be x. The bits equal those of the portable code.
HWY_INLINE void drop_row(const Dropout& dropout, std::uint64_t row, const float* x, float* y, std::size_t count) {
  const hn::ScalableTag<float> d;
  const hn::RebindToUnsigned<decltype(d)> du;
  const std::size_t lanes = hn::Lanes(d);
  const std::uint64_t key = dropout.key;  // copied: a store to y could change the original, for all the compiler knows
  const auto scale = hn::Set(d, 1.0f / (1.0f - dropout.rate));
  const auto drop_below = hn::Set(du, static_cast<std::uint32_t>(static_cast<double>(dropout.rate) * 0x1p32));
  const auto drop_pair = [&](const float* from, float* to, std::size_t first) HWY_ATTR {
    auto low = hn::Zero(du), high = hn::Zero(du);
    philox_words(du, key, row, first, low, high);
    const auto drop_low = hn::RebindMask(d, hn::Lt(low, drop_below));
    const auto drop_high = hn::RebindMask(d, hn::Lt(high, drop_below));
    hn::StoreU(hn::IfThenZeroElse(drop_low, hn::Mul(hn::LoadU(d, from), scale)), d, to);
    hn::StoreU(hn::IfThenZeroElse(drop_high, hn::Mul(hn::LoadU(d, from + lanes), scale)), d, to + lanes);
  };
  std::size_t c = 0;
  for (; c + 2 * lanes <= count; c += 2 * lanes) drop_pair(x + c, y + c, c);
  if (c < count) {
    HWY_ALIGN float rest[2 * hn::MaxLanes(hn::ScalableTag<float>())] = {};
    std::copy(x + c, x + count, rest);
    drop_pair(rest, rest, c);
    std::copy(rest, rest + (count - c), y + c);
  }
}

}  // namespace sharcs::internal::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // SHARCS_KERNELS_PHILOX_INL_
