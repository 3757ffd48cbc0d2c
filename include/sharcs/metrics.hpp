#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace [[gnu::visibility("default")]] sharcs {

/// What a task is judged by. Larger is better for each of them.
enum class Metric { accuracy, f1, macro_f1, matthews, pearson, spearman };

/// "accuracy", "f1", "macro_f1", "matthews", "pearson", "spearman".
std::string to_string(Metric metric);
/// The metric of that name. Throws ConfigError that lists the names.
Metric metric_named(std::string_view name);

/// The functions below take one class index (or value) per sample. They throw ShapeError when there are no samples, or
/// not as many predictions as labels.

/// The share of equal ones.
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

struct MetricValue {
  Metric metric;
  double value;
};

/// Each metric of class predictions. Throws ConfigError for a metric of regression.
std::vector<MetricValue> evaluate(std::span<const Metric> metrics, std::span<const int> labels,
                                  std::span<const int> predictions);
/// Each metric of a regression. Throws ConfigError for a metric of classes.
std::vector<MetricValue> evaluate(std::span<const Metric> metrics, std::span<const double> targets,
                                  std::span<const double> predictions);

/// One number for choosing the best checkpoint: the mean of the metrics, which is how GLUE scores a task with two of
/// them.
double score(std::span<const MetricValue> values);

struct Interval {
  double low;
  double high;
};

/// Wilson's interval for a proportion (Wilson 1927): holds the true accuracy with probability `confidence`, within [0,
/// 1] and sensible also for 0 or all correct. Throws ShapeError when total is 0 or correct > total.
Interval wilson_interval(std::size_t correct, std::size_t total, double confidence = 0.95);

struct BootstrapOptions {
  double confidence = 0.95;
  int resamples = 2000;
  std::uint64_t seed = 1;
};

/// A value with the percentile interval of its bootstrap distribution.
struct Estimate {
  double value;
  Interval interval;
};

/// A metric with its bootstrap interval (Efron 1979): the metric over `resamples` draws of as many samples with
/// replacement. The same seed gives the same interval, whatever the thread count. Throws ShapeError as the metric;
/// ConfigError when the confidence is not between 0 and 1 or there are no resamples.
Estimate bootstrap(Metric metric, std::span<const int> labels, std::span<const int> predictions,
                   const BootstrapOptions& options = {});
Estimate bootstrap(Metric metric, std::span<const double> targets, std::span<const double> predictions,
                   const BootstrapOptions& options = {});

/// metric(ours) − metric(theirs) on the same samples, with the interval from drawing samples jointly for both sides,
/// which cancels what is hard or easy for both. The difference is significant at 1 − confidence when the interval
/// leaves out 0. Throws as bootstrap().
Estimate paired_bootstrap(Metric metric, std::span<const int> labels, std::span<const int> ours,
                          std::span<const int> theirs, const BootstrapOptions& options = {});
Estimate paired_bootstrap(Metric metric, std::span<const double> targets, std::span<const double> ours,
                          std::span<const double> theirs, const BootstrapOptions& options = {});

}  // namespace gnu::visibility("default")]]sharcs
