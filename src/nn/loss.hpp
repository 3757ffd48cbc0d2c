#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/matrix_view.hpp"

namespace sharcs::internal {

/// Every loss returns its sum over the samples and writes `scale` times its gradient: a caller that wants a mean over a
/// batch of n, cut in any way, passes scale = 1 / n and divides the sum by n.

/// Cross-entropy with softmax. logits: [samples, classes]; labels: [samples]. `probabilities` [samples, classes]
/// receives the softmax; d_logits [samples, classes] the gradient.
template <class T>
double cross_entropy(ConstMatrix<T> logits, std::span<const std::int32_t> labels, double scale,
                     MatrixView<T> probabilities, MatrixView<T> d_logits);

/// Mean squared error's summand (x − y)². predictions: [samples, 1]; targets: [samples].
template <class T>
double squared_error(ConstMatrix<T> predictions, std::span<const float> targets, double scale,
                     MatrixView<T> d_predictions);

/// Binary cross-entropy with logits, summed over samples and the mean over widths. logits, targets: [samples, widths].
template <class T>
double binary_cross_entropy(ConstMatrix<T> logits, MatrixView<const float> targets, double scale,
                            MatrixView<T> d_logits);

/// Softmax of each row.
template <class T>
void softmax(ConstMatrix<T> logits, MatrixView<T> probabilities);
/// The same for one row.
std::vector<float> softmax(std::span<const float> logits);

}  // namespace sharcs::internal
