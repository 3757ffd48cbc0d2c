#include "nn/pooling.hpp"

#include <algorithm>

#include "core/threads.hpp"

namespace sharcs::internal {

template <class T>
void mean_over_tokens(ConstMatrix<T> x, std::span<const Index> begins, std::span<const Index> ends,
                      MatrixView<T> mean) {
  parallel_for(mean.rows, [&](Index s) {
    T* row = mean.row(s);
    std::fill_n(row, x.cols, T(0));
    for (Index t = begins[s]; t < ends[s]; ++t)
      for (Index c = 0; c < x.cols; ++c) row[c] += x(t, c);
    const T share = T(1) / static_cast<T>(ends[s] - begins[s]);
    for (Index c = 0; c < x.cols; ++c) row[c] *= share;
  });
}

template <class T>
void mean_over_tokens_backward(ConstMatrix<T> d_mean, std::span<const Index> begins, std::span<const Index> ends,
                               MatrixView<T> d_x) {
  parallel_for(d_mean.rows, [&](Index s) {
    const T share = T(1) / static_cast<T>(ends[s] - begins[s]);
    for (Index t = begins[s]; t < ends[s]; ++t)
      for (Index c = 0; c < d_x.cols; ++c) d_x(t, c) += d_mean(s, c) * share;
  });
}

template void mean_over_tokens<float>(ConstMatrix<float>, std::span<const Index>, std::span<const Index>,
                                      MatrixView<float>);
template void mean_over_tokens<double>(ConstMatrix<double>, std::span<const Index>, std::span<const Index>,
                                       MatrixView<double>);
template void mean_over_tokens_backward<float>(ConstMatrix<float>, std::span<const Index>, std::span<const Index>,
                                               MatrixView<float>);
template void mean_over_tokens_backward<double>(ConstMatrix<double>, std::span<const Index>, std::span<const Index>,
                                                MatrixView<double>);

}  // namespace sharcs::internal
