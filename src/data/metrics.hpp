#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "data/entity_scores.hpp"
#include "sharcs/task.hpp"

namespace sharcs::internal {

/// A metric, as a file in data/metrics/ defines it.
struct MetricDefinition {
  /// Of a classification: an index of a class for each sample.
  using OfClasses = double (*)(std::span<const int> labels, std::span<const int> predictions);
  /// Of a regression: a number for each sample.
  using OfValues = double (*)(std::span<const double> targets, std::span<const double> predictions);

  /// Of a multi-label classification: a set of labels for each sample, bit i for label i.
  struct OfLabelSets {
    OfClasses measure;
  };

  /// Of a token classification, of answers to questions or of masked tokens: from what was counted in all texts.
  struct OfTags {
    double (TagCounts::*measure)() const;
    bool needs_entities;      ///< whether it says nothing of tags that are none of entities
    bool of_answers = false;  ///< of question answering
    bool of_masks = false;    ///< of masked language models
  };

  std::string name;
  /// The larger its result, the better; see score() for the one that is otherwise.
  std::variant<OfClasses, OfValues, OfLabelSets, OfTags> measure;

  TaskKind kind() const {
    if (const auto* of_tags = std::get_if<OfTags>(&measure))
      return of_tags->of_answers ? TaskKind::question_answering
             : of_tags->of_masks ? TaskKind::masked_lm
                                 : TaskKind::token_classification;
    if (std::holds_alternative<OfLabelSets>(measure)) return TaskKind::multi_label;
    return std::holds_alternative<OfClasses>(measure) ? TaskKind::classification : TaskKind::regression;
  }
  static const MetricDefinition& of(Metric metric) { return *metric.definition_; }
};

namespace metrics {
/// Those of every file in data/metrics/. Written by CMake.
std::vector<MetricDefinition> all();
}  // namespace metrics

/// Whether the metric is the share of samples that are answered right: "accuracy", or "exact_match" of sets of labels;
/// not "word_accuracy", whose words are no samples.
bool is_share_of_right_answers(Metric metric);

/// The metric of predicted classes or sets of labels. Throws ConfigError for a metric of regression, and ShapeError
/// when there are no samples, or not as many predictions as labels.
double measure(Metric metric, std::span<const int> labels, std::span<const int> predictions);
/// The metric of a regression; of several outputs its mean over them. targets, predictions: [samples, outputs]. Throws
/// ConfigError for a metric of classification, and ShapeError as above.
double measure(Metric metric, std::span<const double> targets, std::span<const double> predictions,
               std::size_t outputs = 1);

/// The metric of tags. Throws ConfigError for a metric of another kind.
double measure(Metric metric, const TagCounts& counts);

/// The same for several metrics.
MetricMap measure(std::span<const Metric> metrics, const TagCounts& counts);
MetricMap measure(std::span<const Metric> metrics, std::span<const int> labels, std::span<const int> predictions);
MetricMap measure(std::span<const Metric> metrics, std::span<const double> targets, std::span<const double> predictions,
                  std::size_t outputs = 1);

/// One number for choosing the best checkpoint: the mean of the metrics, which is how GLUE scores a task with two of
/// them. Minus the logarithm of perplexity alone where that is one of them. NaN when there are none.
double score(const MetricMap& metrics);

/// Area under the ROC curve: the probability that a positive sample has a larger score than a negative one, ties
/// counting one half (Mann and Whitney 1947). `positive` holds 0 or 1 a sample. 0.5 when all samples are on one side.
/// Throws ShapeError when there are no samples, or not as many scores.
double auc(std::span<const int> positive, std::span<const double> scores);

// What several metrics are made of.

/// Throws ShapeError when there are no samples, or not as many predictions as labels.
void require_same_size(std::size_t labels, std::size_t predictions);

/// How often each class is the label, is predicted, and is both.
struct ClassCounts {
  std::vector<double> labels, predictions, correct;
};
/// Throws ShapeError as require_same_size(), and for an index that is not a class's.
ClassCounts count_classes(std::span<const int> labels, std::span<const int> predictions);
/// The same for each label, of sets of labels. Throws ShapeError as require_same_size().
ClassCounts count_labels_in_sets(std::span<const int> labels, std::span<const int> predictions);

/// Pearson's correlation, in [−1, 1]; 0 when either side is constant (where SciPy gives NaN, which could not be
/// compared when the best checkpoint is chosen). NaN when a value is NaN. Throws as require_same_size().
double correlation(std::span<const double> targets, std::span<const double> predictions);

/// The place of each value among all, from 1 for the least. Equal values share the mean of their ranks.
std::vector<double> ranks(std::span<const double> values);

bool has_nan(std::span<const double> values);

}  // namespace sharcs::internal
