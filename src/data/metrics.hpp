#pragma once

#include <span>
#include <vector>

#include "sharcs/task.hpp"

namespace sharcs::internal {

// These functions take one class index (or value) per sample. They throw ShapeError when there are no samples, or not
// as many predictions as labels.

/// The share of samples whose prediction is the label.
double accuracy(std::span<const int> labels, std::span<const int> predictions);

/// 2 · TP / (2 · TP + FP + FN) of the class `positive`; 0 when the class is neither among the labels nor predicted
/// (scikit-learn's f1_score with zero_division 0).
double f1(std::span<const int> labels, std::span<const int> predictions, int positive = 1);

/// The mean of f1 over the classes that occur among the labels or predictions.
double macro_f1(std::span<const int> labels, std::span<const int> predictions);

/// Matthews' correlation for any number of classes (Gorodkin 2004, scikit-learn's matthews_corrcoef), in [−1, 1]; 0
/// when all labels, or all predictions, are of one class.
double matthews(std::span<const int> labels, std::span<const int> predictions);

/// Pearson's correlation, in [−1, 1]; 0 when either side is constant (where SciPy gives NaN, which could not be
/// compared when the best checkpoint is chosen). NaN when a value is NaN.
double pearson(std::span<const double> targets, std::span<const double> predictions);

/// Pearson's correlation of the ranks, ties sharing the mean of their ranks (SciPy's spearmanr); degenerate cases as
/// there.
double spearman(std::span<const double> targets, std::span<const double> predictions);

/// Area under the ROC curve: the probability that a positive sample has a larger score than a negative one, ties
/// counting one half (Mann and Whitney 1947). `positive` holds 0 or 1 a sample. 0.5 when all samples are on one side.
double auc(std::span<const int> positive, std::span<const double> scores);

/// The metric of class predictions. Throws ConfigError for a metric of regression.
double measure(Metric metric, std::span<const int> labels, std::span<const int> predictions);
/// The metric of a regression. Throws ConfigError for a metric of classes.
double measure(Metric metric, std::span<const double> targets, std::span<const double> predictions);

/// The same for several metrics.
MetricMap measure(std::span<const Metric> metrics, std::span<const int> labels, std::span<const int> predictions);
MetricMap measure(std::span<const Metric> metrics, std::span<const double> targets,
                  std::span<const double> predictions);

/// One number for choosing the best checkpoint: the mean of the metrics, which is how GLUE scores a task with two of
/// them. NaN when there are none.
double score(const MetricMap& metrics);

}  // namespace sharcs::internal
