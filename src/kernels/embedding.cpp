#include "kernels/embedding.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/embedding.cpp"
#include <hwy/foreach_target.h>  // IWYU pragma: keep
#include <hwy/highway.h>

#include <algorithm>

#include "core/aligned_buffer.hpp"
#include "core/half.hpp"
#include "core/rounding.hpp"
#include "core/threads.hpp"
#include "kernels/backend.hpp"
#include "kernels/portable.hpp"
#include "kernels/vector_loop-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace sharcs::internal::kernels::HWY_NAMESPACE {

/// y += x for one row.
HWY_INLINE void add_row(const float* x, float* y, Index cols) {
  for_each_vector(
      cols, [=](auto d, Index c) HWY_ATTR { hn::StoreU(hn::Add(hn::LoadU(d, y + c), hn::LoadU(d, x + c)), d, y + c); });
}

/// y = the entry of the table, or y += it.
HWY_INLINE void add_int8_row(const Int8Table& table, Index entry, float* y, bool is_first) {
  const std::int8_t* values = table.values.row(entry);
  for_each_vector(table.values.cols, [=, scale = table.scales[entry]](auto d, Index c) HWY_ATTR {
    const hn::Rebind<std::int8_t, decltype(d)> bytes;
    const hn::RebindToSigned<decltype(d)> ints;
    const auto x = hn::Mul(hn::ConvertTo(d, hn::PromoteTo(ints, hn::LoadU(bytes, values + c))), hn::Set(d, scale));
    hn::StoreU(is_first ? x : hn::Add(hn::LoadU(d, y + c), x), d, y + c);
  });
}

/// The same for a row of the bits of bf16 numbers.
HWY_INLINE void add_bf16_row(const std::uint16_t* values, float* y, Index cols, bool is_first) {
  for_each_vector(cols, [=](auto d, Index c) HWY_ATTR {
    const hn::Rebind<std::uint16_t, decltype(d)> halves;
    const hn::RebindToUnsigned<decltype(d)> words;
    const auto x = hn::BitCast(d, hn::ShiftLeft<16>(hn::PromoteTo(words, hn::LoadU(halves, values + c))));
    hn::StoreU(is_first ? x : hn::Add(hn::LoadU(d, y + c), x), d, y + c);
  });
}

/// The tokens first .. first + y.rows − 1. Each table's row is added to a row of y that stays in the L1 cache.
void embedding_sum_rows(std::span<const EmbeddingLookup<float>> lookups, Index first, MatrixView<float> y) {
  for (Index t = 0; t < y.rows; ++t) {
    float* out = y.row(t);
    if (lookups.empty()) std::fill_n(out, y.cols, 0.0f);
    for (std::size_t i = 0; i < lookups.size(); ++i) {
      if (lookups[i].int8) {
        add_int8_row(lookups[i].int8, lookups[i].ids[first + t], out, i == 0);
        continue;
      }
      if (lookups[i].bf16) {
        add_bf16_row(lookups[i].bf16.row(lookups[i].ids[first + t]), out, y.cols, i == 0);
        continue;
      }
      const float* entry = lookups[i].table.row(lookups[i].ids[first + t]);
      i == 0 ? static_cast<void>(std::copy_n(entry, y.cols, out)) : add_row(entry, out, y.cols);
    }
  }
}

void embedding_backward_cols(MatrixView<const float> dy, std::span<const std::int32_t> ids,
                             MatrixView<float> gradient) {
  for (Index t = 0; t < dy.rows; ++t) add_row(dy.row(t), gradient.row(ids[t]), dy.cols);
}

}  // namespace sharcs::internal::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace sharcs::internal::kernels {
HWY_EXPORT(embedding_sum_rows);
HWY_EXPORT(embedding_backward_cols);

namespace simd {
namespace {

void embedding_sum(std::span<const EmbeddingLookup<float>> lookups, MatrixView<float> y) {
  parallel_ranges(y.rows, grain(16384, y.cols), [&](Index begin, Index end) {
    HWY_DYNAMIC_DISPATCH(embedding_sum_rows)(lookups, begin, y.row_range(begin, end - begin));
  });
}

void embedding_backward(MatrixView<const float> dy, std::span<const std::int32_t> ids, MatrixView<float> gradient) {
  // Threads take columns, so every row of the table adds up its tokens in order, however often an entry occurs; whole
  // cache lines of columns, so that no two threads write to one.
  parallel_ranges(ceil_divide(dy.cols, line_floats), grain(16384, line_floats * dy.rows), [&](Index begin, Index end) {
    const Index first = begin * line_floats, cols = std::min(end * line_floats, dy.cols) - first;
    HWY_DYNAMIC_DISPATCH(embedding_backward_cols)(dy.col_range(first, cols), ids, gradient.col_range(first, cols));
  });
}

}  // namespace
}  // namespace simd

namespace portable {
namespace {

template <class T>
void embedding_sum(std::span<const EmbeddingLookup<T>> lookups, MatrixView<T> y) {
  for_each_row(y.rows, y.cols, [&](Index t) {
    std::fill_n(y.row(t), y.cols, T(0));
    for (const auto& lookup : lookups) {
      if (lookup.int8) {
        const auto scale = static_cast<T>(lookup.int8.scales[lookup.ids[t]]);
        for (Index c = 0; c < y.cols; ++c) y(t, c) += static_cast<T>(lookup.int8.values(lookup.ids[t], c)) * scale;
        continue;
      }
      if (lookup.bf16) {
        for (Index c = 0; c < y.cols; ++c) y(t, c) += static_cast<T>(float_of_bf16(lookup.bf16(lookup.ids[t], c)));
        continue;
      }
      const T* entry = lookup.table.row(lookup.ids[t]);
      for (Index c = 0; c < y.cols; ++c) y(t, c) += entry[c];
    }
  });
}

template <class T>
void embedding_backward(MatrixView<const T> dy, std::span<const std::int32_t> ids, MatrixView<T> gradient) {
  // Threads take columns, so every row of the table adds up its tokens in order.
  parallel_ranges(dy.cols, grain(8192, dy.rows), [&](Index begin, Index end) {
    for (Index t = 0; t < dy.rows; ++t) {
      T* entry = gradient.row(ids[t]);
      for (Index c = begin; c < end; ++c) entry[c] += dy(t, c);
    }
  });
}

}  // namespace
}  // namespace portable

template <class T>
void embedding_sum(std::span<const EmbeddingLookup<T>> lookups, MatrixView<T> y) {
  dispatch<T>(simd::embedding_sum, portable::embedding_sum<T>, lookups, y);
}

template <class T>
void embedding_backward(ConstMatrix<T> dy, std::span<const std::int32_t> ids, MatrixView<T> gradient) {
  dispatch<T>(simd::embedding_backward, portable::embedding_backward<T>, dy, ids, gradient);
}

#define SHARCS_INSTANTIATE(T)                                                      \
  template void embedding_sum(std::span<const EmbeddingLookup<T>>, MatrixView<T>); \
  template void embedding_backward<T>(ConstMatrix<T>, std::span<const std::int32_t>, MatrixView<T>);
SHARCS_INSTANTIATE(float)
SHARCS_INSTANTIATE(double)
#undef SHARCS_INSTANTIATE

}  // namespace sharcs::internal::kernels
#endif
