#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "sharcs/dataset.hpp"
#include "sharcs/evaluation_record.hpp"
#include "sharcs/routing_policy.hpp"
#include "sharcs/task.hpp"

namespace [[gnu::visibility("default")]] sharcs {

class Classifier;

/// What a model answers to every sample of a data set at every width, and what its router says. Everything about
/// routing (any policy, its cost, the oracle) follows from it without running the model again.
struct Answers {
  std::vector<double> widths;                            ///< the model's, ascending, as fractions
  std::size_t outputs = 0;                               ///< classes, or 1 for a regression
  std::vector<std::int32_t> tokens;                      ///< of each sample
  std::vector<std::vector<float>> logits;                ///< [widths], each [samples, outputs]
  std::vector<float> router_logits;                      ///< [samples, widths]; empty without a router
  std::vector<std::vector<std::int64_t>> multiply_adds;  ///< [widths], each [samples]; by the paper's counting
  std::vector<std::int64_t> stem_multiply_adds;          ///< [samples]; the part of them that all widths share
  std::vector<int> labels;                               ///< the true classes; empty for a regression or without labels
  std::vector<double> targets;                           ///< the true values of a regression; empty otherwise
  std::vector<double> seconds;                           ///< time of the whole data set at each width

  std::size_t samples() const { return tokens.size(); }
  std::span<const float> logits_of(std::size_t sample, int width) const;
  std::span<const float> router_logits_of(std::size_t sample) const;
  /// The class with the largest logit, the first of equals.
  int label_of(std::size_t sample, int width) const;
  /// The answer of a regression.
  double value_of(std::size_t sample, int width) const { return static_cast<double>(logits_of(sample, width)[0]); }
  bool is_regression() const { return outputs == 1; }
  int widest() const { return static_cast<int>(widths.size()) - 1; }
};

/// What a policy does with each sample of a data set.
struct Routing {
  std::vector<int> width_of_sample;         ///< by index: the width that answers, the last one of a cascade
  std::vector<std::int64_t> multiply_adds;  ///< of each sample, all attempts of a cascade counted
  std::vector<std::int64_t> runs;           ///< [widths]; how many samples were run there, whether kept or run again
};

/// What the policy does; everything at the widest width for a model without router. Throws ConfigError as the policy.
Routing route(const Answers& answers, const WidthSet& widths, const RoutingPolicy& policy);
/// Sample i at width_of_sample[i], once. Throws ShapeError when the sizes differ or the widths do not exist.
Routing route(const Answers& answers, std::vector<int> width_of_sample);

/// The task's metrics when sample i is answered at width_of_sample[i]. Throws ShapeError when the sizes differ or the
/// samples have no labels.
std::vector<MetricValue> metrics_at(const Answers& answers, const Task& task, std::span<const int> width_of_sample);

/// Multiply-adds of the routing over those of the widest width, each summed over the samples.
double cost_fraction(const Answers& answers, const Routing& routing);

struct EvaluationOptions {
  std::string name = "dev";
  /// How often routed and full width are run in turn for the clock; the medians count.
  int timing_rounds = 1;
};

/// A model's results on a labelled data set.
struct Evaluation {
  EvaluationRecord record;
  Answers answers;
  Routing routing;  ///< by the classifier's policy
};

/// Runs the data set at every width, and routed by the engine's policy. Throws DataError when a sample has no
/// label, ConfigError when the task does not fit the model.
Evaluation evaluate(const Classifier& classifier, const Task& task, const Dataset& dataset,
                    const EvaluationOptions& options = {});

}  // namespace gnu::visibility("default")]]sharcs
