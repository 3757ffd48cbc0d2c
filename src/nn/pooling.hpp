#pragma once

#include <span>

#include "core/matrix_view.hpp"

namespace sharcs::internal {

/// The mean of each sample's token vectors. x: [tokens, hidden]; sample s owns its rows begins[s] .. ends[s] − 1;
/// mean: [samples, hidden].
template <class T>
void mean_over_tokens(ConstMatrix<T> x, std::span<const Index> begins, std::span<const Index> ends, MatrixView<T> mean);

/// Adds the gradient of x: d_x[t] += d_mean[s] / (ends[s] − begins[s]) for each token t of sample s.
template <class T>
void mean_over_tokens_backward(ConstMatrix<T> d_mean, std::span<const Index> begins, std::span<const Index> ends,
                               MatrixView<T> d_x);

}  // namespace sharcs::internal
