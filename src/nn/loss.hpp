#pragma once

#include <cmath>
#include <cstdint>
#include <span>
#include <vector>

#include "core/matrix_view.hpp"

namespace sharcs::internal {

/// Every loss returns its sum over the samples and writes `scale` times its gradient: a caller that wants a mean over a
/// batch of n, cut in any way, passes scale = 1 / n and divides the sum by n.

/// Cross-entropy with softmax. logits: [samples, classes]; labels: [samples]. `probabilities` [samples, classes]
/// receives the softmax; d_logits [samples, classes] the gradient; both may be one. class_weights: factors of the
/// losses of samples by their true class, or empty: 1.
template <class T>
double cross_entropy(ConstMatrix<T> logits, std::span<const std::int32_t> labels, double scale,
                     MatrixView<T> probabilities, MatrixView<T> d_logits, std::span<const float> class_weights = {});

/// What a student learns from its teacher's logits, which are constants here: temperature² · KL(teacher ‖ student) of
/// the softmaxes of the logits divided by the temperature (Hinton et al. 2015, arXiv:1503.02531). All: [samples,
/// classes]. Adds the gradient by the student's logits to `d_student`.
template <class T>
double distillation(ConstMatrix<T> student, ConstMatrix<T> teacher, double temperature, double scale,
                    MatrixView<T> d_student);

/// The distance of hidden states: the mean over the dimensions of (student − teacher)², summed over the samples. The
/// teacher is constant and may have more columns, of which the leading ones count. Adds the gradient to `d_student`.
template <class T>
double hidden_distance(ConstMatrix<T> student, ConstMatrix<T> teacher, double scale, MatrixView<T> d_student);

/// Squared error: the mean over the outputs of (x − y)², summed over the samples. predictions: [samples, outputs];
/// targets: the same, row by row.
template <class T>
double squared_error(ConstMatrix<T> predictions, std::span<const float> targets, double scale,
                     MatrixView<T> d_predictions);

/// Binary cross-entropy with logits, summed over samples and the mean over widths. logits, targets: [samples, widths].
template <class T>
double binary_cross_entropy(ConstMatrix<T> logits, MatrixView<const float> targets, double scale,
                            MatrixView<T> d_logits);

/// The same loss of a multi-label model, whose true labels are a set for each sample: bit i of the number is label i.
template <class T>
double binary_cross_entropy(ConstMatrix<T> logits, std::span<const std::int32_t> label_sets, double scale,
                            MatrixView<T> d_logits);

/// distillation() of a multi-label model: temperature² · KL(teacher ‖ student) of each label's two probabilities, its
/// mean over the labels. The teacher's are sigmoid(logit / temperature). Adds the gradient to `d_student`.
template <class T>
double binary_distillation(ConstMatrix<T> student, ConstMatrix<T> teacher, double temperature, double scale,
                           MatrixView<T> d_student);

/// The losses of a model that finds answers: of all tokens of a window, at which one the answer begins, and at which it
/// ends. logits: [tokens, 2]; window s has the rows offsets[s] … offsets[s + 1] − 1. Sums over the windows of the mean
/// of both. `scale` as above.
///
/// Cross-entropy. places: [windows, 2], rows counted within the window. `probabilities` receives the softmax of each
/// column over the window's rows; d_logits the gradient.
template <class T>
double span_cross_entropy(ConstMatrix<T> logits, std::span<const Index> offsets, std::span<const std::int32_t> places,
                          double scale, MatrixView<T> probabilities, MatrixView<T> d_logits);
/// distillation() of each column over the window's rows. Adds the gradient to `d_student`.
template <class T>
double span_distillation(ConstMatrix<T> student, ConstMatrix<T> teacher, std::span<const Index> offsets,
                         double temperature, double scale, MatrixView<T> d_student);

/// How far a regression's answer is from another one or from the true values: the root of the mean over the outputs of
/// (x − y)². Of one output |x − y|.
template <class A, class B>
double value_distance(std::span<A> x, std::span<B> y) {
  const auto difference = [&](std::size_t i) { return static_cast<double>(x[i]) - static_cast<double>(y[i]); };
  if (x.size() == 1) return std::abs(difference(0));
  double sum = 0;
  for (std::size_t i = 0; i < x.size(); ++i) sum += difference(i) * difference(i);
  return std::sqrt(sum / static_cast<double>(x.size()));
}

/// Softmax of each row.
template <class T>
void softmax(ConstMatrix<T> logits, MatrixView<T> probabilities);
/// The same for one row.
std::vector<float> softmax(std::span<const float> logits);

}  // namespace sharcs::internal
