#include "data/metrics.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/enum_names.hpp"
#include "core/number.hpp"
#include "core/quote.hpp"
#include "model/predicted_label.hpp"
#include "sharcs/error.hpp"

namespace sharcs::internal {
namespace {

const std::vector<MetricDefinition>& known_metrics() {
  static const std::vector<MetricDefinition> known = metrics::all();
  return known;
}

/// outputs: of the metric of a regression.
template <class T, class... Outputs>
MetricMap measure_each(std::span<const Metric> metrics, std::span<const T> labels, std::span<const T> predictions,
                       Outputs... outputs) {
  MetricMap values;
  for (const Metric metric : metrics) values[to_string(metric)] = measure(metric, labels, predictions, outputs...);
  return values;
}

/// One output of each sample.
std::vector<double> column(std::span<const double> rows, std::size_t output, std::size_t outputs) {
  std::vector<double> values;
  for (std::size_t i = output; i < rows.size(); i += outputs) values.push_back(rows[i]);
  return values;
}

bool is_constant(std::span<const double> values) {
  return std::all_of(values.begin(), values.end(), [&](double value) { return value == values.front(); });
}

}  // namespace

double measure(Metric metric, std::span<const int> labels, std::span<const int> predictions) {
  const auto& measure_of = MetricDefinition::of(metric).measure;
  if (const auto* const of_sets = std::get_if<MetricDefinition::OfLabelSets>(&measure_of))
    return of_sets->measure(labels, predictions);
  const auto* const of_classes = std::get_if<MetricDefinition::OfClasses>(&measure_of);
  if (of_classes == nullptr)
    throw ConfigError(to_string(metric) + " is a metric of " + to_string(MetricDefinition::of(metric).kind()) +
                      "; expected one of classification");
  return (*of_classes)(labels, predictions);
}

bool is_share_of_right_answers(Metric metric) {
  return to_string(metric) == "accuracy" || to_string(metric) == "exact_match";
}

double measure(Metric metric, std::span<const double> targets, std::span<const double> predictions,
               std::size_t outputs) {
  const auto* const of_values = std::get_if<MetricDefinition::OfValues>(&MetricDefinition::of(metric).measure);
  if (of_values == nullptr)
    throw ConfigError(to_string(metric) + " is a metric of " + to_string(MetricDefinition::of(metric).kind()) +
                      "; expected one of regression");
  if (outputs == 1) return (*of_values)(targets, predictions);
  require_same_size(targets.size(), predictions.size());
  double sum = 0;
  for (std::size_t output = 0; output < outputs; ++output)
    sum += (*of_values)(column(targets, output, outputs), column(predictions, output, outputs));
  return sum / static_cast<double>(outputs);
}

double measure(Metric metric, const TagCounts& counts) {
  const auto* const of_tags = std::get_if<MetricDefinition::OfTags>(&MetricDefinition::of(metric).measure);
  if (of_tags == nullptr)
    throw ConfigError(to_string(metric) + " is a metric of " + to_string(MetricDefinition::of(metric).kind()) +
                      "; expected one of token_classification");
  return (counts.*of_tags->measure)();
}

MetricMap measure(std::span<const Metric> metrics, const TagCounts& counts) {
  MetricMap values;
  for (const Metric metric : metrics) values[to_string(metric)] = measure(metric, counts);
  return values;
}

MetricMap measure(std::span<const Metric> metrics, std::span<const int> labels, std::span<const int> predictions) {
  return measure_each(metrics, labels, predictions);
}

MetricMap measure(std::span<const Metric> metrics, std::span<const double> targets, std::span<const double> predictions,
                  std::size_t outputs) {
  return measure_each(metrics, targets, predictions, outputs);
}

double score(const MetricMap& metrics) {
  if (const auto perplexity = metrics.find("perplexity"); perplexity != metrics.end())
    return -std::log(perplexity->second);
  double sum = 0;
  for (const auto& [name, value] : metrics) sum += value;
  return metrics.empty() ? nan : sum / static_cast<double>(metrics.size());
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

void require_same_size(std::size_t labels, std::size_t predictions) {
  if (labels != predictions)
    throw ShapeError(std::to_string(labels) + " labels but " + std::to_string(predictions) + " predictions");
  if (labels == 0) throw ShapeError("no samples to measure");
}

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

ClassCounts count_labels_in_sets(std::span<const int> labels, std::span<const int> predictions) {
  require_same_size(labels.size(), predictions.size());
  const auto zeros = std::vector<double>(most_labels_in_set);
  ClassCounts counts = {zeros, zeros, zeros};
  for (std::size_t i = 0; i < labels.size(); ++i)
    for (std::size_t label = 0; label < most_labels_in_set; ++label) {
      counts.labels[label] += is_in_set(labels[i], label);
      counts.predictions[label] += is_in_set(predictions[i], label);
      counts.correct[label] += is_in_set(labels[i] & predictions[i], label);
    }
  return counts;
}

double correlation(std::span<const double> targets, std::span<const double> predictions) {
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

bool has_nan(std::span<const double> values) {
  return std::any_of(values.begin(), values.end(), [](double value) { return std::isnan(value); });
}

}  // namespace sharcs::internal

namespace sharcs {
using namespace internal;

Metric::Metric(const std::string& name) {
  const auto found = std::ranges::find(known_metrics(), name, &MetricDefinition::name);
  if (found == known_metrics().end())
    throw ConfigError("the metric is " + quote(name) + "; expected " + one_of(names()));
  definition_ = &*found;
}

std::vector<std::string> Metric::names() {
  std::vector<std::string> names;
  for (const MetricDefinition& metric : known_metrics()) names.push_back(metric.name);
  return names;
}

std::string to_string(Metric metric) { return MetricDefinition::of(metric).name; }

}  // namespace sharcs
