#include "nn/loss.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

#include "core/threads.hpp"
#include "kernels/elementwise.hpp"

namespace sharcs::internal {

namespace {

/// Of a loss with so many classes; fewer rows are not worth waking another thread for.
Index rows_of_a_thread(Index classes) { return std::max<Index>(1, (1 << 13) / classes); }

/// So many classes, those of a vocabulary, are worth vectors of exponentials.
constexpr Index many_classes = 256;

template <class T>
std::span<const T> row_of(ConstMatrix<T> matrix, Index row) {
  return {matrix.row(row), static_cast<std::size_t>(matrix.cols)};
}

/// cross_entropy() of a row of many classes: its loss without the scale. `probabilities` and `gradient` may be one.
template <class T>
double cross_entropy_of_many(std::span<const T> logits, std::int32_t label, T scale, T* probabilities, T* gradient) {
  const T largest = *std::ranges::max_element(logits);
  const T sum = kernels::exp_below<T>(logits, largest, T(1), probabilities);
  for (std::size_t c = 0; c < logits.size(); ++c) {
    const T probability = probabilities[c] / sum;
    probabilities[c] = probability;
    gradient[c] = scale * probability;
  }
  gradient[label] -= scale;
  return std::log(static_cast<double>(sum)) + static_cast<double>(largest) -
         static_cast<double>(logits[static_cast<std::size_t>(label)]);
}

/// distillation() of one of many classes: the row's loss, its gradient is added. scratch: twice as many elements.
template <class T>
double distillation_of_many(std::span<const T> student, std::span<const T> teacher, T temperature, T scale,
                            std::span<T> scratch, T* gradient) {
  const T inverse = T(1) / temperature;
  T *const ours = scratch.data(), *const theirs = ours + student.size();
  const T our_largest = *std::ranges::max_element(student), their_largest = *std::ranges::max_element(teacher);
  const T our_sum = kernels::exp_below<T>(student, our_largest, inverse, ours);
  const T their_sum = kernels::exp_below<T>(teacher, their_largest, inverse, theirs);
  // log p − log q = (t − s − their largest + our largest) / temperature − log(their sum) + log(our sum)
  const T offset = (our_largest - their_largest) * inverse + std::log(our_sum) - std::log(their_sum);
  double loss = 0;
  for (std::size_t c = 0; c < student.size(); ++c) {
    const T p = theirs[c] / their_sum, q = ours[c] / our_sum;
    loss += static_cast<double>(p * ((teacher[c] - student[c]) * inverse + offset));
    gradient[c] += scale * temperature * (q - p);
  }
  return static_cast<double>(temperature * temperature) * loss;
}

}  // namespace

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
                     MatrixView<T> probabilities, MatrixView<T> d_logits, std::span<const float> class_weights) {
  std::vector<double> losses(static_cast<std::size_t>(logits.rows));
  parallel_ranges(logits.rows, rows_of_a_thread(logits.cols), [&](Index begin, Index end) {
    const bool has_many = logits.cols >= many_classes;
    if (!has_many) softmax<T>(logits.row_range(begin, end - begin), probabilities.row_range(begin, end - begin));
    for (Index s = begin; s < end; ++s) {
      const double weight = class_weights.empty() ? 1.0 : class_weights[static_cast<std::size_t>(labels[s])];
      if (has_many) {
        losses[static_cast<std::size_t>(s)] =
            weight * cross_entropy_of_many<T>(row_of<T>(logits, s), labels[s], static_cast<T>(weight * scale),
                                              probabilities.row(s), d_logits.row(s));
        continue;
      }
      const T* row = logits.row(s);
      const double largest = *std::max_element(row, row + logits.cols);
      double sum = 0;
      for (Index c = 0; c < logits.cols; ++c) sum += std::exp(static_cast<double>(row[c]) - largest);
      losses[static_cast<std::size_t>(s)] = weight * (largest + std::log(sum) - static_cast<double>(row[labels[s]]));
      for (Index c = 0; c < logits.cols; ++c)
        d_logits(s, c) = static_cast<T>(weight * scale) * (probabilities(s, c) - T(c == labels[s]));
    }
  });
  return std::accumulate(losses.begin(), losses.end(), 0.0);
}

template <class T>
double distillation(ConstMatrix<T> student, ConstMatrix<T> teacher, double temperature, double scale,
                    MatrixView<T> d_student) {
  const auto classes = static_cast<std::size_t>(student.cols);
  // Logarithms of the softmax of row / temperature.
  const auto log_softmax = [temperature](const T* row, std::vector<double>& logs) {
    double largest = -std::numeric_limits<double>::infinity(), sum = 0;
    for (std::size_t c = 0; c < logs.size(); ++c) {
      logs[c] = static_cast<double>(row[c]) / temperature;
      largest = std::max(largest, logs[c]);
    }
    for (const double value : logs) sum += std::exp(value - largest);
    for (double& value : logs) value -= largest + std::log(sum);
  };
  std::vector<double> losses(static_cast<std::size_t>(student.rows));
  parallel_ranges(student.rows, rows_of_a_thread(student.cols), [&](Index begin, Index end) {
    const bool has_many = student.cols >= many_classes;
    std::vector<double> ours(has_many ? 0 : classes), theirs(has_many ? 0 : classes);
    std::vector<T> scratch(has_many ? 2 * classes : 0);
    for (Index s = begin; s < end; ++s) {
      if (has_many) {
        losses[static_cast<std::size_t>(s)] =
            distillation_of_many<T>(row_of<T>(student, s), row_of<T>(teacher, s), static_cast<T>(temperature),
                                    static_cast<T>(scale), scratch, d_student.row(s));
        continue;
      }
      log_softmax(student.row(s), ours);
      log_softmax(teacher.row(s), theirs);
      for (std::size_t c = 0; c < classes; ++c) {
        const double p = std::exp(theirs[c]);
        losses[static_cast<std::size_t>(s)] += temperature * temperature * p * (theirs[c] - ours[c]);
        // d/d student = temperature² · (q − p) / temperature
        d_student(s, static_cast<Index>(c)) += static_cast<T>(scale * temperature * (std::exp(ours[c]) - p));
      }
    }
  });
  return std::accumulate(losses.begin(), losses.end(), 0.0);
}

namespace {

/// A column of some rows as one row.
template <class T>
std::vector<T> column_of(ConstMatrix<T> matrix, Index begin, Index end, Index column) {
  std::vector<T> values;
  for (Index row = begin; row < end; ++row) values.push_back(matrix(row, column));
  return values;
}

}  // namespace

template <class T>
double span_cross_entropy(ConstMatrix<T> logits, std::span<const Index> offsets, std::span<const std::int32_t> places,
                          double scale, MatrixView<T> probabilities, MatrixView<T> d_logits) {
  double loss = 0;
  for (std::size_t s = 0; s + 1 < offsets.size(); ++s) {
    const Index begin = offsets[s], rows = offsets[s + 1] - begin;
    for (Index end = 0; end < 2; ++end) {
      const std::vector<T> scores = column_of<T>(logits, begin, begin + rows, end);
      std::vector<T> shares(scores.size()), gradient(scores.size());
      loss += 0.5 * cross_entropy<T>({scores.data(), 1, rows}, places.subspan(2 * s + static_cast<std::size_t>(end), 1),
                                     0.5 * scale, {shares.data(), 1, rows}, {gradient.data(), 1, rows});
      for (Index row = 0; row < rows; ++row) {
        probabilities(begin + row, end) = shares[static_cast<std::size_t>(row)];
        d_logits(begin + row, end) = gradient[static_cast<std::size_t>(row)];
      }
    }
  }
  return loss;
}

template <class T>
double span_distillation(ConstMatrix<T> student, ConstMatrix<T> teacher, std::span<const Index> offsets,
                         double temperature, double scale, MatrixView<T> d_student) {
  double loss = 0;
  for (std::size_t s = 0; s + 1 < offsets.size(); ++s) {
    const Index begin = offsets[s], rows = offsets[s + 1] - begin;
    for (Index end = 0; end < 2; ++end) {
      const std::vector<T> ours = column_of<T>(student, begin, begin + rows, end),
                           theirs = column_of<T>(teacher, begin, begin + rows, end);
      std::vector<T> gradient(ours.size(), T(0));
      loss += 0.5 * distillation<T>({ours.data(), 1, rows}, {theirs.data(), 1, rows}, temperature, 0.5 * scale,
                                    {gradient.data(), 1, rows});
      for (Index row = 0; row < rows; ++row) d_student(begin + row, end) += gradient[static_cast<std::size_t>(row)];
    }
  }
  return loss;
}

template <class T>
double hidden_distance(ConstMatrix<T> student, ConstMatrix<T> teacher, double scale, MatrixView<T> d_student) {
  const double share = 1.0 / static_cast<double>(student.cols);
  double loss = 0;
  for (Index s = 0; s < student.rows; ++s)
    for (Index c = 0; c < student.cols; ++c) {
      const double difference = static_cast<double>(student(s, c)) - static_cast<double>(teacher(s, c));
      loss += share * difference * difference;
      d_student(s, c) += static_cast<T>(scale * share * 2 * difference);
    }
  return loss;
}

template <class T>
double squared_error(ConstMatrix<T> predictions, std::span<const float> targets, double scale,
                     MatrixView<T> d_predictions) {
  double loss = 0;
  const double share = 1.0 / static_cast<double>(predictions.cols);
  for (Index s = 0; s < predictions.rows; ++s)
    for (Index c = 0; c < predictions.cols; ++c) {
      const double error =
          static_cast<double>(predictions(s, c)) - targets[static_cast<std::size_t>(s * predictions.cols + c)];
      loss += share * error * error;
      d_predictions(s, c) = static_cast<T>(scale * share * 2 * error);
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

template <class T>
double binary_cross_entropy(ConstMatrix<T> logits, std::span<const std::int32_t> label_sets, double scale,
                            MatrixView<T> d_logits) {
  std::vector<float> targets;
  for (Index s = 0; s < logits.rows; ++s)
    for (Index label = 0; label < logits.cols; ++label)
      targets.push_back(static_cast<float>((label_sets[static_cast<std::size_t>(s)] >> label) & 1));
  return binary_cross_entropy<T>(logits, MatrixView<const float>(targets.data(), logits.rows, logits.cols), scale,
                                 d_logits);
}

template <class T>
double binary_distillation(ConstMatrix<T> student, ConstMatrix<T> teacher, double temperature, double scale,
                           MatrixView<T> d_student) {
  const double share = 1.0 / static_cast<double>(student.cols);
  // log sigmoid(x) = −log(1 + exp(−x)), without overflow.
  const auto log_sigmoid = [](double x) { return std::min(x, 0.0) - std::log1p(std::exp(-std::abs(x))); };
  double loss = 0;
  for (Index s = 0; s < student.rows; ++s)
    for (Index c = 0; c < student.cols; ++c) {
      const double x = static_cast<double>(student(s, c)) / temperature;
      const double y = static_cast<double>(teacher(s, c)) / temperature;
      const double q = 1 / (1 + std::exp(-x)), p = 1 / (1 + std::exp(-y));
      loss += share * temperature * temperature *
              (p * (log_sigmoid(y) - log_sigmoid(x)) + (1 - p) * (log_sigmoid(-y) - log_sigmoid(-x)));
      // d/d student = temperature² · (q − p) / temperature
      d_student(s, c) += static_cast<T>(scale * share * temperature * (q - p));
    }
  return loss;
}

#define SHARCS_INSTANTIATE(T)                                                                                          \
  template double span_cross_entropy<T>(ConstMatrix<T>, std::span<const Index>, std::span<const std::int32_t>, double, \
                                        MatrixView<T>, MatrixView<T>);                                                 \
  template double span_distillation<T>(ConstMatrix<T>, ConstMatrix<T>, std::span<const Index>, double, double,         \
                                       MatrixView<T>);                                                                 \
  template void softmax<T>(ConstMatrix<T>, MatrixView<T>);                                                             \
  template double cross_entropy<T>(ConstMatrix<T>, std::span<const std::int32_t>, double, MatrixView<T>,               \
                                   MatrixView<T>, std::span<const float>);                                             \
  template double distillation<T>(ConstMatrix<T>, ConstMatrix<T>, double, double, MatrixView<T>);                      \
  template double hidden_distance<T>(ConstMatrix<T>, ConstMatrix<T>, double, MatrixView<T>);                           \
  template double squared_error<T>(ConstMatrix<T>, std::span<const float>, double, MatrixView<T>);                     \
  template double binary_cross_entropy<T>(ConstMatrix<T>, MatrixView<const float>, double, MatrixView<T>);             \
  template double binary_cross_entropy<T>(ConstMatrix<T>, std::span<const std::int32_t>, double, MatrixView<T>);       \
  template double binary_distillation<T>(ConstMatrix<T>, ConstMatrix<T>, double, double, MatrixView<T>);

SHARCS_INSTANTIATE(float)
SHARCS_INSTANTIATE(double)
#undef SHARCS_INSTANTIATE

}  // namespace sharcs::internal
