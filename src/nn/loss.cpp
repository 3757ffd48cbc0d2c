#include "nn/loss.hpp"

#include <algorithm>
#include <cmath>

namespace sharcs::internal {

template <class T>
void softmax(ConstMatrix<T> logits, MatrixView<T> probabilities) {
  for (Index s = 0; s < logits.rows; ++s) {
    const T largest = *std::max_element(logits.row(s), logits.row(s) + logits.cols);
    T sum = 0;
    for (Index c = 0; c < logits.cols; ++c) sum += probabilities(s, c) = std::exp(logits(s, c) - largest);
    for (Index c = 0; c < logits.cols; ++c) probabilities(s, c) /= sum;
  }
}

std::vector<float> softmax(std::span<const float> logits) {
  std::vector<float> probabilities(logits.size());
  const auto classes = static_cast<Index>(logits.size());
  softmax<float>(MatrixView<const float>(logits.data(), 1, classes),
                 MatrixView<float>(probabilities.data(), 1, classes));
  return probabilities;
}

template <class T>
double cross_entropy(ConstMatrix<T> logits, std::span<const std::int32_t> labels, double scale,
                     MatrixView<T> probabilities, MatrixView<T> d_logits) {
  softmax<T>(logits, probabilities);
  double loss = 0;
  for (Index s = 0; s < logits.rows; ++s) {
    const T* row = logits.row(s);
    const double largest = *std::max_element(row, row + logits.cols);
    double sum = 0;
    for (Index c = 0; c < logits.cols; ++c) sum += std::exp(static_cast<double>(row[c]) - largest);
    loss += largest + std::log(sum) - static_cast<double>(row[labels[s]]);
    for (Index c = 0; c < logits.cols; ++c)
      d_logits(s, c) = static_cast<T>(scale) * (probabilities(s, c) - T(c == labels[s]));
  }
  return loss;
}

template <class T>
double squared_error(ConstMatrix<T> predictions, std::span<const float> targets, double scale,
                     MatrixView<T> d_predictions) {
  double loss = 0;
  for (Index s = 0; s < predictions.rows; ++s) {
    const double error = static_cast<double>(predictions(s, 0)) - targets[s];
    loss += error * error;
    d_predictions(s, 0) = static_cast<T>(scale * 2 * error);
  }
  return loss;
}

template <class T>
double binary_cross_entropy(ConstMatrix<T> logits, MatrixView<const float> targets, double scale,
                            MatrixView<T> d_logits) {
  const double share = 1.0 / static_cast<double>(logits.cols);
  double loss = 0;
  for (Index s = 0; s < logits.rows; ++s)
    for (Index c = 0; c < logits.cols; ++c) {
      const double x = logits(s, c), y = targets(s, c);
      loss += share * (std::max(x, 0.0) - x * y + std::log1p(std::exp(-std::abs(x))));
      d_logits(s, c) = static_cast<T>(scale * share * (1 / (1 + std::exp(-x)) - y));
    }
  return loss;
}

#define SHARCS_INSTANTIATE(T)                                                                            \
  template void softmax<T>(ConstMatrix<T>, MatrixView<T>);                                               \
  template double cross_entropy<T>(ConstMatrix<T>, std::span<const std::int32_t>, double, MatrixView<T>, \
                                   MatrixView<T>);                                                       \
  template double squared_error<T>(ConstMatrix<T>, std::span<const float>, double, MatrixView<T>);       \
  template double binary_cross_entropy<T>(ConstMatrix<T>, MatrixView<const float>, double, MatrixView<T>);

SHARCS_INSTANTIATE(float)
SHARCS_INSTANTIATE(double)
#undef SHARCS_INSTANTIATE

}  // namespace sharcs::internal
