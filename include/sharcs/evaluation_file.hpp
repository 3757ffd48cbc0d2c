#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sharcs/comparison.hpp"
#include "sharcs/dataset.hpp"
#include "sharcs/evaluation.hpp"
#include "sharcs/evaluation_record.hpp"
#include "sharcs/latency.hpp"
#include "sharcs/metrics.hpp"
#include "sharcs/model_config.hpp"
#include "sharcs/task.hpp"

namespace [[gnu::visibility("default")]] sharcs {

// evaluation.json, schema 1: what a trained model answers to every sample of a data set, at every width. Reports are
// drawn from it without the model and without the data.
//
// clang-format off
// | key | type | meaning |
// |---|---|---|
// | `schema` | integer | 1. Keys may be added under the same number: a reader skips those it does not know |
// | `sharcs` | text | version of the library that wrote the file |
// | `model` | text | the model directory, as it was given |
// | `config` | object | the model's configuration, as in its config.json |
// | `task.name`, `.kind` | text | "sst-2"; "classification" or "regression" |
// | `task.labels[]` | list | names of the classes; [] for a regression |
// | `task.metrics[]` | list | names of the task's metrics, the first is the main one |
// | `data` | text | the data file, as it was given |
// | `policy` | text | how widths were chosen: "argmax", … |
// | `threads` | integer | of the engine; 0: all |
// | `widths[]` | list | the model's, ascending, as fractions; widths are given by their place in it below |
// | `summary` | object | as evaluation_record.hpp says |
// | `points[]` | list | ways to choose widths, for accuracy against cost; [] when none were compared |
// | – `.name` | text | "routed", "fixed 0.25", "by length", "budget 0.5", "8 ms", … |
// | – `.series` | text | what belongs together: "routed", "fixed", "random", "oracle", "calibrated", … |
// | – `.shares[]` | list | share of the samples that each width answers |
// | – `.cost_fraction` | number | multiply-adds over those at the largest width |
// | – `.time_fraction` | number | measured time over that at the largest width; only where it was measured |
// | – `.metrics` | object | metric to value |
// | – `.score` | object | `value`, `low`, `high`: mean of the metrics with its 95 % bootstrap interval |
// | – `.lead` | object | the same: score of "routed" minus this one's, by paired bootstrap; only where it was measured |
// | `latency[]` | list | measured time of a call at a forced width; [] when it was not measured |
// | – `.width` | number | as a fraction |
// | – `.tokens`, `.batch`, `.runs` | integer | of each input; inputs in a call; runs measured |
// | – `.seconds`, `.low`, `.high` | number | median and quartiles |
// | `samples[]` | list | one entry a sample, in the data file's order |
// | – `.text`, `.pair` | text | `pair` only for tasks of pairs |
// | – `.id`, `.line` | text, integer | where the data file has it; "" and 0 when it comes from no file |
// | – `.difficulty` | integer | only when it is known |
// | – `.tokens` | integer | special tokens included |
// | – `.label` or `.target` | integer or number | the true class, by its place in `task.labels`; or the true value |
// | – `.width` | integer | chosen by the policy |
// | – `.router_logits[]` | list | one a width; [] for a model without router |
// | – `.predicted[]` | list | one a width: the class, by its place in `task.labels`; or the value |
// | – `.confidence[]` | list | one a width: probability of the predicted class; [] for a regression |
// | – `.true_confidence[]` | list | one a width: probability of the true class; [] for a regression |
// clang-format on
//
// A number that does not exist is null in the file and NaN in the structs. Probabilities and logits have six decimals.

/// A sample and what the model says of it.
struct SampleResult {
  std::string text;
  std::optional<std::string> pair = {};
  std::string id = {};
  std::int64_t line = 0;
  std::optional<int> difficulty = {};
  int tokens = 0;
  int label = 0;                             ///< classification
  double target = 0;                         ///< regression
  int width = 0;                             ///< by index
  std::vector<double> router_logits = {};    ///< one a width; empty without a router
  std::vector<int> predicted = {};           ///< one a width; empty for a regression
  std::vector<double> values = {};           ///< one a width; empty for a classification
  std::vector<double> confidence = {};       ///< one a width; empty for a regression
  std::vector<double> true_confidence = {};  ///< one a width; empty for a regression

  /// Whether width i answers right. Only for a classification.
  bool right(std::size_t i) const { return predicted[i] == label; }
};

/// A way to choose widths, and what comes of it.
struct OperatingPoint {
  std::string name;
  std::string series;
  std::vector<double> shares = {};
  double cost_fraction = 1;
  std::optional<double> time_fraction = {};
  MetricMap metrics = {};
  Estimate score = {};
  std::optional<Estimate> lead = {};
};

/// The series of the points that `sharcs calibrate` adds.
constexpr const char* calibrated_series = "calibrated";

/// The routing, named "routed", and its baselines.
std::vector<OperatingPoint> points_of(const Comparison& comparison);

/// The content of an evaluation.json. The fields are explained in the table above.
struct EvaluationFile {
  static constexpr int schema = 1;

  std::string version = {};  ///< of the library that wrote it; to_json() writes its own
  std::string model = {};
  ModelConfig config = {};
  std::string task = {};
  TaskKind kind = TaskKind::classification;
  std::vector<std::string> labels = {};
  std::vector<std::string> metrics = {};
  std::string data = {};
  std::string policy = "argmax";
  int threads = 0;
  std::vector<double> widths = {};
  EvaluationRecord summary = {};
  std::vector<OperatingPoint> points = {};
  std::vector<LatencyRecord> latency = {};
  std::vector<SampleResult> samples = {};

  bool is_regression() const { return kind == TaskKind::regression; }

  /// From the results of evaluate() on that task and data set. Model, policy, threads, points and latency are left to
  /// the caller. Throws ShapeError when evaluation and data set have not as many samples.
  static EvaluationFile of(const Evaluation& evaluation, const Task& task, const Dataset& dataset,
                           const ModelConfig& config);

  /// The text of the file, a sample a line.
  std::string to_json() const;
  /// `name` stands for the file in messages. Throws DataError when it is not of the schema, ConfigError when the
  /// model's configuration in it is none.
  static EvaluationFile parse(std::string_view json, const std::string& name);

  /// Throws IoError, and as parse(), naming the file, the key, what was found and what was expected.
  static EvaluationFile load(const std::filesystem::path& file);
  /// Writes atomically. Throws IoError.
  void save(const std::filesystem::path& file) const;
};

}  // namespace gnu::visibility("default")]]sharcs
