#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "sharcs/dataset.hpp"
#include "sharcs/model_config.hpp"
#include "sharcs/routing.hpp"
#include "sharcs/task.hpp"

namespace [[gnu::visibility("default")]] sharcs {

class Classifier;

struct Interval {
  double low;
  double high;
};

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

/// One of the answers that a model can give, for every sample of a data set.
struct RecordedAnswer {
  std::string name = "1";          ///< a sub-network's is its width
  double width = 1;                ///< as a fraction
  LengthCost cost = {};            ///< multiply-adds of a sample, by the paper's counting
  std::vector<float> logits = {};  ///< [samples, outputs]; of a regression the values
  double seconds = 0;              ///< that the whole data set took
};

/// What a model answered to each sample of a data set, at each of its widths, and what its router said. Any policy can
/// be tried on a recording without running the model again: see route(), evaluate(), compare() and calibrate().
struct Recording {
  std::string model = {};  ///< its folder
  ModelConfig config = {};
  std::string task = {};                     ///< "sst-2"
  std::vector<std::string> classes = {};     ///< their names; empty for a regression
  std::vector<Metric> metrics = {};          ///< of the task, the main one first
  std::string data = {};                     ///< the data file
  std::size_t outputs = 0;                   ///< the number of classes; 1 for a regression
  std::vector<RecordedAnswer> answers = {};  ///< one a width, ascending; the last one is full width's
  LengthCost shared_cost = {};            ///< the part of `cost` that a sample spends once, for any number of answers
  std::vector<float> router_logits = {};  ///< [samples, widths]; empty without a router
  std::vector<std::int32_t> tokens = {};  ///< [samples], special tokens included
  std::vector<int> labels = {};           ///< [samples], the true classes; empty for a regression
  std::vector<double> targets = {};       ///< [samples], the true values of a regression; else empty
  std::vector<Sample> samples = {};       ///< with their texts; empty where only numbers were recorded

  /// Reads a recording.json of `sharcs train` or `sharcs eval --output`. Throws IoError; DataError naming the key.
  static Recording load(const std::filesystem::path& file);

  std::size_t size() const { return tokens.size(); }
  bool is_regression() const { return outputs == 1; }
  std::vector<double> widths() const;
  /// Answers are given by their index; this is full width's.
  int full_width() const { return static_cast<int>(answers.size()) - 1; }
  std::span<const float> logits_of(std::size_t sample, int answer) const;
  std::span<const float> router_logits_of(std::size_t sample) const;
  /// The class with the largest logit; the first of equals.
  int label_of(std::size_t sample, int answer) const;
  /// The value of a regression.
  double value_of(std::size_t sample, int answer) const { return static_cast<double>(logits_of(sample, answer)[0]); }
};

/// Runs the model on a labelled data set, once for each of its widths. Throws DataError when a sample has no label,
/// ConfigError when the task does not fit the model.
Recording record(const Classifier& classifier, const Task& task, const Dataset& dataset);

/// What a policy does with each sample of a recording.
struct Routing {
  std::vector<int> answer_of_sample = {};   ///< its index; of a cascade, that of the last answer
  std::vector<double> cost_of_sample = {};  ///< multiply-adds; of a cascade, with all its answers
  std::vector<std::int64_t> runs = {};      ///< [answers]; how many samples were given this answer, kept or not
};

/// What the policy does; everything at full width when the model has no router. Throws ConfigError as the policy.
Routing route(const Recording& recording, const RoutingPolicy& policy);
/// Each sample gets the answer with this index. Throws ShapeError when sizes differ or an answer does not exist.
Routing route(const Recording& recording, std::vector<int> answer_of_sample);

/// Samples to which the router gave similar probabilities. The two means agree when the router is reliable.
struct ReliabilityBin {
  double low = 0, high = 1;  ///< of the probabilities, [low, high); the last bin includes 1
  std::int64_t samples = 0;
  double predicted = 0;  ///< the mean probability; NaN without samples
  double right = 0;      ///< the share of the samples that this width answers right; NaN without samples
};

/// How one width does.
struct WidthMetrics {
  double width = 1;                              ///< as a fraction
  std::int64_t samples = 0;                      ///< that the policy answers at this width
  double cost_fraction = 1;                      ///< of everything at this width: multiply-adds over full width's
  MetricMap routed = {};                         ///< over the samples that the policy answers here
  MetricMap all = {};                            ///< over all samples, everything at this width
  std::vector<ReliabilityBin> reliability = {};  ///< of the router's probability for this width
};

/// The metrics that follow from a recording and a policy.
struct Evaluation {
  std::string name = "dev";  ///< of the data
  std::int64_t samples = 0;
  MetricMap routed = {};                  ///< by the policy
  MetricMap full = {};                    ///< everything at full width
  double cost_fraction = 1;               ///< by the policy: multiply-adds over full width's
  double seconds_routed = 0;              ///< that the data set took by the policy; 0: not measured
  double seconds_full = 0;                ///< that it took at full width
  std::vector<WidthMetrics> widths = {};  ///< ascending
};

/// From the recording alone; `name` and the policy's time are left to the caller. Throws ShapeError when sizes differ.
Evaluation evaluate(const Recording& recording, const Routing& routing);
/// Records, and evaluates the engine's policy. The policy and full width are timed in turn, `timing_rounds` times each;
/// the medians count. Throws as record().
Evaluation evaluate(const Classifier& classifier, const Task& task, const Dataset& dataset, int timing_rounds = 1);

}  // namespace sharcs
