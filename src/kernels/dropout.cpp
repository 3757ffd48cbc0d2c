#include "kernels/dropout.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/dropout.cpp"
#include <hwy/foreach_target.h>  // IWYU pragma: keep
#include <hwy/highway.h>

#include <algorithm>

#include "core/random.hpp"
#include "core/threads.hpp"
#include "kernels/backend.hpp"
#include "kernels/philox-inl.hpp"
#include "kernels/portable.hpp"

HWY_BEFORE_NAMESPACE();
namespace sharcs::internal::kernels::HWY_NAMESPACE {

void drop_rows(MatrixView<float> x, const Dropout& dropout) {
  for (Index r = 0; r < x.rows; ++r) {
    drop_row(dropout, dropout.first_row + static_cast<std::uint64_t>(r), x.row(r), x.row(r),
             static_cast<std::size_t>(x.cols));
  }
}

}  // namespace sharcs::internal::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace sharcs::internal::kernels {
HWY_EXPORT(drop_rows);

namespace simd {
namespace {

void dropout(MatrixView<float> x, const Dropout& dropout) {
  if (!dropout.active()) return;
  parallel_ranges(x.rows, grain(8192, x.cols), [&](Index begin, Index end) {
    Dropout share = dropout;
    share.first_row += static_cast<std::uint64_t>(begin);
    HWY_DYNAMIC_DISPATCH(drop_rows)(x.row_range(begin, end - begin), share);
  });
}

}  // namespace
}  // namespace simd

namespace portable {
namespace {

template <class T>
void dropout(MatrixView<T> x, const Dropout& d) {
  if (!d.active()) return;
  const std::uint64_t drop_below = static_cast<std::uint64_t>(static_cast<double>(d.rate) * 0x1p32);
  const T scale = T(1) / (T(1) - static_cast<T>(d.rate));
  for_each_row(x.rows, x.cols, [&](Index r) {
    for (Index c = 0; c < x.cols; c += 4) {
      const auto words = philox(d.key, static_cast<std::uint64_t>(c / 4), d.first_row + static_cast<std::uint64_t>(r));
      for (Index i = c; i < std::min(c + 4, x.cols); ++i) x(r, i) = words[i - c] >= drop_below ? x(r, i) * scale : T(0);
    }
  });
}

}  // namespace
}  // namespace portable

template <class T>
void dropout(MatrixView<T> x, const Dropout& use) {
  dispatch<T>(simd::dropout, portable::dropout<T>, x, use);
}

template void dropout(MatrixView<float>, const Dropout&);
template void dropout(MatrixView<double>, const Dropout&);

}  // namespace sharcs::internal::kernels
#endif
