#include "kernels/bf16_pairs.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/bf16_pairs.cpp"
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

#include "core/stages.hpp"
#include "core/threads.hpp"
#include "kernels/bf16_pair-inl.hpp"
#include "kernels/vector_loop-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace sharcs::internal::kernels::HWY_NAMESPACE {

bool has_bf16_dots() {
#ifdef SHARCS_BF16_DOT
  return true;
#else
  return false;
#endif
}

void pair_columns_of_rows(MatrixView<const float> x, Index begin, Index end, MatrixView<float> pairs) {
  for (Index r = begin; r < end; ++r) {
    const float* from = x.row(r);
    float* to = pairs.row(r);
    Index i = 0;
#if HWY_TARGET != HWY_SCALAR
    const TileTag d;
    for (; 2 * i + 2 * tile_lanes <= x.cols; i += tile_lanes) {
      const auto low = hn::LoadU(d, from + 2 * i), high = hn::LoadU(d, from + 2 * i + tile_lanes);
      hn::StoreU(pairs_of(d, hn::ConcatEven(d, high, low), hn::ConcatOdd(d, high, low)), d, to + i);
    }
#endif
    for (; 2 * i + 2 <= x.cols; ++i) to[i] = pair_of(from[2 * i], from[2 * i + 1]);
    if (2 * i < x.cols) to[i] = pair_of(from[2 * i], 0);
  }
}

/// Rows begin .. end − 1 of the pairs.
void pair_some_rows(MatrixView<const float> x, Index begin, Index end, MatrixView<float> pairs) {
  for (Index i = begin; i < end; ++i) {
    const float* first = x.row(2 * i);
    const bool is_whole = 2 * i + 1 < x.rows;
    const float* second = is_whole ? x.row(2 * i + 1) : first;
    float* to = pairs.row(i);
    for_each_vector(x.cols, [=](auto d, Index c) HWY_ATTR {
      const auto other = is_whole ? hn::LoadU(d, second + c) : hn::Zero(d);
      hn::StoreU(pairs_of(d, hn::LoadU(d, first + c), other), d, to + c);
    });
  }
}

}  // namespace sharcs::internal::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace sharcs::internal::kernels {
HWY_EXPORT(has_bf16_dots);
HWY_EXPORT(pair_columns_of_rows);
HWY_EXPORT(pair_some_rows);

void pair_columns(MatrixView<const float> x, MatrixView<float> pairs, Stages* stages) {
  assert(pairs.rows == x.rows && pairs.cols == pair_count(x.cols));
  share_ranges(stages, x.rows, grain(32768, x.cols), [=](Index begin, Index end) {
    HWY_DYNAMIC_DISPATCH(pair_columns_of_rows)(x, begin, end, pairs);
  });
}

void pair_rows(MatrixView<const float> x, MatrixView<float> pairs, Stages* stages) {
  assert(pairs.rows == pair_count(x.rows) && pairs.cols == x.cols);
  share_ranges(stages, pairs.rows, grain(32768, 2 * x.cols), [=](Index begin, Index end) {
    HWY_DYNAMIC_DISPATCH(pair_some_rows)(x, begin, end, pairs);
  });
}

std::vector<MatrixView<const float>> pair_each(std::span<const MatrixView<const float>> operands,
                                               void (*pair)(MatrixView<const float>, MatrixView<float>, Stages*),
                                               Workspace& memory, Stages* stages) {
  const auto is_same = [](const MatrixView<const float>& a, const MatrixView<const float>& b) {
    return a.data == b.data && a.rows == b.rows && a.cols == b.cols && a.stride == b.stride;
  };
  const bool along_columns = pair == pair_columns;
  std::vector<MatrixView<const float>> pairs;
  for (const MatrixView<const float>& x : operands) {
    const auto first = std::ranges::find_if(operands, [&](const auto& other) { return is_same(other, x); });
    if (const auto place = static_cast<std::size_t>(first - operands.begin()); place < pairs.size()) {
      pairs.push_back(pairs[place]);
      continue;
    }
    const MatrixView<float> to = along_columns ? memory.matrix<float>(x.rows, pair_count(x.cols))
                                               : memory.matrix<float>(pair_count(x.rows), x.cols);
    pair(x, to, stages);
    pairs.push_back(to);
  }
  return pairs;
}

namespace {

std::atomic<bool> bf16_instruction_allowed = true;

bool processor_has_bf16() {
#if HWY_ARCH_X86
  unsigned a = 0, b = 0, c = 0, d = 0;
  return __get_cpuid_count(7, 1, &a, &b, &c, &d) && (a & (1u << 5));  // AVX512_BF16
#elif HWY_ARCH_ARM_A64 && defined(__linux__)
  constexpr unsigned long bf16 = 1ul << 14;  // HWCAP2_BF16
  return (getauxval(AT_HWCAP2) & bf16) != 0;
#else
  return false;
#endif
}

}  // namespace

bool uses_bf16_instruction() {
  static const bool has = processor_has_bf16();
  return has && bf16_instruction_allowed && HWY_DYNAMIC_DISPATCH(has_bf16_dots)();
}

void allow_bf16_instruction(bool allowed) { bf16_instruction_allowed = allowed; }

}  // namespace sharcs::internal::kernels
#endif
