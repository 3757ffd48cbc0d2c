#include "sharcs/metrics.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <utility>

#include "core/quote.hpp"
#include "data/bootstrap.hpp"
#include "sharcs/error.hpp"

namespace sharcs {
using namespace internal;
namespace {

constexpr std::array<std::pair<Metric, std::string_view>, 6> metric_names = {{{Metric::accuracy, "accuracy"},
                                                                              {Metric::f1, "f1"},
                                                                              {Metric::macro_f1, "macro_f1"},
                                                                              {Metric::matthews, "matthews"},
                                                                              {Metric::pearson, "pearson"},
                                                                              {Metric::spearman, "spearman"}}};

void require_same_size(std::size_t labels, std::size_t predictions) {
  if (labels != predictions)
    throw ShapeError(std::to_string(labels) + " labels but " + std::to_string(predictions) + " predictions");
  if (labels == 0) throw ShapeError("no samples to measure");
}

/// How often each class is the label, is predicted, and is both.
struct ClassCounts {
  std::vector<double> labels, predictions, correct;
};

ClassCounts count_classes(std::span<const int> labels, std::span<const int> predictions) {
  require_same_size(labels.size(), predictions.size());
  constexpr int most_classes = 1 << 20;
  int last = 0;
  for (const std::span<const int> side : {labels, predictions}) {
    const auto [low, high] = std::minmax_element(side.begin(), side.end());
    if (*low < 0 || *high >= most_classes)
      throw ShapeError("class " + std::to_string(*low < 0 ? *low : *high) + ": expected 0 to " +
                       std::to_string(most_classes - 1));
    last = std::max(last, *high);
  }
  const auto classes = static_cast<std::size_t>(last) + 1;
  ClassCounts counts = {std::vector<double>(classes), std::vector<double>(classes), std::vector<double>(classes)};
  for (std::size_t i = 0; i < labels.size(); ++i) {
    ++counts.labels[static_cast<std::size_t>(labels[i])];
    ++counts.predictions[static_cast<std::size_t>(predictions[i])];
    if (labels[i] == predictions[i]) ++counts.correct[static_cast<std::size_t>(labels[i])];
  }
  return counts;
}

bool is_constant(std::span<const double> values) {
  return std::all_of(values.begin(), values.end(), [&](double value) { return value == values.front(); });
}

bool has_nan(std::span<const double> values) {
  return std::any_of(values.begin(), values.end(), [](double value) { return std::isnan(value); });
}

// 1-based; equal values share the mean of their ranks.
std::vector<double> ranks(std::span<const double> values) {
  std::vector<std::size_t> order(values.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return values[a] < values[b]; });
  std::vector<double> rank(values.size());
  for (std::size_t first = 0; first < order.size();) {
    std::size_t end = first + 1;
    while (end < order.size() && values[order[end]] == values[order[first]]) ++end;
    for (std::size_t i = first; i < end; ++i) rank[order[i]] = 0.5 * static_cast<double>(first + 1 + end);
    first = end;
  }
  return rank;
}

double measure(Metric metric, std::span<const int> labels, std::span<const int> predictions) {
  switch (metric) {
    case Metric::accuracy:
      return accuracy(labels, predictions);
    case Metric::f1:
      return f1(labels, predictions);
    case Metric::macro_f1:
      return macro_f1(labels, predictions);
    case Metric::matthews:
      return matthews(labels, predictions);
    case Metric::pearson:
    case Metric::spearman:
      break;
  }
  throw ConfigError(to_string(metric) + " is a metric of regression; expected one of classification");
}

double measure(Metric metric, std::span<const double> targets, std::span<const double> predictions) {
  if (metric == Metric::pearson) return pearson(targets, predictions);
  if (metric == Metric::spearman) return spearman(targets, predictions);
  throw ConfigError(to_string(metric) + " is a metric of classification; expected one of regression");
}

template <class T>
std::vector<MetricValue> measure_each(std::span<const Metric> metrics, std::span<const T> labels,
                                      std::span<const T> predictions) {
  std::vector<MetricValue> values;
  for (const Metric metric : metrics) values.push_back({metric, measure(metric, labels, predictions)});
  return values;
}

template <class T>
Estimate estimate(Metric metric, std::span<const T> labels, std::span<const T> predictions,
                  const BootstrapOptions& options) {
  const double value = measure(metric, labels, predictions);
  return {value, bootstrap_interval(labels.size(), options, [&](const std::vector<std::size_t>& draw) {
            return measure(metric, std::span<const T>(drawn(labels, draw)),
                           std::span<const T>(drawn(predictions, draw)));
          })};
}

template <class T>
Estimate estimate_difference(Metric metric, std::span<const T> labels, std::span<const T> ours,
                             std::span<const T> theirs, const BootstrapOptions& options) {
  const double value = measure(metric, labels, ours) - measure(metric, labels, theirs);
  return {value, bootstrap_interval(labels.size(), options, [&](const std::vector<std::size_t>& draw) {
            const std::vector<T> truth = drawn(labels, draw);
            return measure(metric, std::span<const T>(truth), std::span<const T>(drawn(ours, draw))) -
                   measure(metric, std::span<const T>(truth), std::span<const T>(drawn(theirs, draw)));
          })};
}

}  // namespace

std::string to_string(Metric metric) {
  for (const auto& [each, name] : metric_names)
    if (each == metric) return std::string(name);
  return {};
}

Metric metric_named(std::string_view name) {
  std::string known;
  for (const auto& [metric, each] : metric_names) {
    if (each == name) return metric;
    known.append(known.empty() ? "" : ", ").append(each);
  }
  throw ConfigError("unknown metric " + quote(name) + "; expected one of " + known);
}

double accuracy(std::span<const int> labels, std::span<const int> predictions) {
  require_same_size(labels.size(), predictions.size());
  std::size_t correct = 0;
  for (std::size_t i = 0; i < labels.size(); ++i) correct += labels[i] == predictions[i];
  return static_cast<double>(correct) / static_cast<double>(labels.size());
}

double f1(std::span<const int> labels, std::span<const int> predictions, int positive) {
  require_same_size(labels.size(), predictions.size());
  std::size_t both = 0, either = 0;
  for (std::size_t i = 0; i < labels.size(); ++i) {
    both += labels[i] == positive && predictions[i] == positive;
    either += static_cast<std::size_t>(labels[i] == positive) + static_cast<std::size_t>(predictions[i] == positive);
  }
  return either == 0 ? 0 : 2 * static_cast<double>(both) / static_cast<double>(either);
}

double macro_f1(std::span<const int> labels, std::span<const int> predictions) {
  const ClassCounts counts = count_classes(labels, predictions);
  double sum = 0;
  int classes = 0;
  for (std::size_t c = 0; c < counts.labels.size(); ++c) {
    const double either = counts.labels[c] + counts.predictions[c];
    if (either == 0) continue;
    sum += 2 * counts.correct[c] / either;
    ++classes;
  }
  return sum / classes;
}

double matthews(std::span<const int> labels, std::span<const int> predictions) {
  const ClassCounts counts = count_classes(labels, predictions);
  const auto total = static_cast<double>(labels.size());
  const double correct = std::accumulate(counts.correct.begin(), counts.correct.end(), 0.0);
  const auto dot = [](const std::vector<double>& a, const std::vector<double>& b) {
    return std::inner_product(a.begin(), a.end(), b.begin(), 0.0);
  };
  const double label_spread = total * total - dot(counts.labels, counts.labels);
  const double prediction_spread = total * total - dot(counts.predictions, counts.predictions);
  if (label_spread == 0 || prediction_spread == 0) return 0;
  return (correct * total - dot(counts.labels, counts.predictions)) /
         (std::sqrt(label_spread) * std::sqrt(prediction_spread));
}

double pearson(std::span<const double> targets, std::span<const double> predictions) {
  require_same_size(targets.size(), predictions.size());
  if (is_constant(targets) || is_constant(predictions)) return 0;
  const auto mean = [](std::span<const double> values) {
    return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
  };
  const double target_mean = mean(targets), prediction_mean = mean(predictions);
  double covariance = 0, target_spread = 0, prediction_spread = 0;
  for (std::size_t i = 0; i < targets.size(); ++i) {
    const double x = targets[i] - target_mean, y = predictions[i] - prediction_mean;
    covariance += x * y;
    target_spread += x * x;
    prediction_spread += y * y;
  }
  return std::clamp(covariance / (std::sqrt(target_spread) * std::sqrt(prediction_spread)), -1.0, 1.0);
}

double spearman(std::span<const double> targets, std::span<const double> predictions) {
  require_same_size(targets.size(), predictions.size());
  if (has_nan(targets) || has_nan(predictions)) return std::nan("");
  return pearson(ranks(targets), ranks(predictions));
}

double auc(std::span<const int> positive, std::span<const double> scores) {
  require_same_size(positive.size(), scores.size());
  if (has_nan(scores)) return std::nan("");
  const std::vector<double> rank = ranks(scores);
  double positives = 0, rank_sum = 0;
  for (std::size_t i = 0; i < rank.size(); ++i) {
    if (positive[i] == 0) continue;
    ++positives;
    rank_sum += rank[i];
  }
  const double negatives = static_cast<double>(rank.size()) - positives;
  if (positives == 0 || negatives == 0) return 0.5;
  return (rank_sum - positives * (positives + 1) / 2) / (positives * negatives);
}

std::vector<MetricValue> evaluate(std::span<const Metric> metrics, std::span<const int> labels,
                                  std::span<const int> predictions) {
  return measure_each(metrics, labels, predictions);
}

std::vector<MetricValue> evaluate(std::span<const Metric> metrics, std::span<const double> targets,
                                  std::span<const double> predictions) {
  return measure_each(metrics, targets, predictions);
}

double score(std::span<const MetricValue> values) {
  if (values.empty()) throw ShapeError("no metrics to take the mean of");
  double sum = 0;
  for (const MetricValue& value : values) sum += value.value;
  return sum / static_cast<double>(values.size());
}

Interval wilson_interval(std::size_t correct, std::size_t total, double confidence) {
  require_confidence(confidence);
  if (total == 0 || correct > total) throw ShapeError(std::to_string(correct) + " correct of " + std::to_string(total));
  double low = 0, high = 40;  // z such that P(|N(0, 1)| < z) = confidence, by bisection
  for (int i = 0; i < 100; ++i) {
    const double middle = (low + high) / 2;
    (std::erf(middle / std::sqrt(2.0)) < confidence ? low : high) = middle;
  }
  const double z = low, n = static_cast<double>(total), p = static_cast<double>(correct) / n;
  const double center = (p + z * z / (2 * n)) / (1 + z * z / n);
  const double half = z / (1 + z * z / n) * std::sqrt(p * (1 - p) / n + z * z / (4 * n * n));
  return {std::max(0.0, center - half), std::min(1.0, center + half)};
}

Estimate bootstrap(Metric metric, std::span<const int> labels, std::span<const int> predictions,
                   const BootstrapOptions& options) {
  return estimate(metric, labels, predictions, options);
}
Estimate bootstrap(Metric metric, std::span<const double> targets, std::span<const double> predictions,
                   const BootstrapOptions& options) {
  return estimate(metric, targets, predictions, options);
}

Estimate paired_bootstrap(Metric metric, std::span<const int> labels, std::span<const int> ours,
                          std::span<const int> theirs, const BootstrapOptions& options) {
  return estimate_difference(metric, labels, ours, theirs, options);
}
Estimate paired_bootstrap(Metric metric, std::span<const double> targets, std::span<const double> ours,
                          std::span<const double> theirs, const BootstrapOptions& options) {
  return estimate_difference(metric, targets, ours, theirs, options);
}

}  // namespace sharcs
