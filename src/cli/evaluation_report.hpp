#pragma once

#include <filesystem>
#include <iosfwd>
#include <nlohmann/json.hpp>
#include <string>

#include "sharcs/classifier.hpp"
#include "sharcs/comparison.hpp"
#include "sharcs/evaluation.hpp"
#include "sharcs/latency.hpp"

namespace sharcs::internal {

/// A model on a labelled data set, as people and programs want to read it. What it is made of must outlive it.
class EvaluationReport {
 public:
  /// Evaluates. `seed`: of the bootstrap intervals.
  EvaluationReport(const Classifier& classifier, const Task& task, const Dataset& dataset, const std::string& name,
                   int timing_rounds, std::uint64_t seed);

  /// With the router and at full width; then each width; then, where the data tell their difficulty, each level of it.
  void print(std::ostream& out) const;
  /// True against predicted classes; nothing for a regression or more classes than fit a line.
  void print_confusion(std::ostream& out) const;
  nlohmann::ordered_json json() const;

  const Evaluation& evaluation() const { return evaluation_; }
  /// The routing beside its baselines.
  Comparison compare() const;
  /// Measures the model's latency and writes an evaluation.json, which `sharcs report` draws from. `model`: its folder.
  /// The budgets that `sharcs calibrate` added to the file before stay where the model answers the same samples as it
  /// did then. Returns a line that says what became of them; "" where there were none.
  std::string save(const std::filesystem::path& path, const std::string& model, const Comparison& comparison,
                   const LatencyOptions& latency = {}) const;

 private:
  struct Row {
    std::string name;
    std::vector<Estimate> metrics;
    double cost;
    double seconds;
  };

  Estimate estimate(Metric metric, const std::vector<int>& width_of_sample) const;
  std::vector<std::vector<std::size_t>> confusion() const;

  const Classifier& classifier_;
  const Task& task_;
  const Dataset& dataset_;
  std::string policy_;
  std::uint64_t seed_;
  std::size_t truncated_ = 0;  ///< samples that were cut to the model's positions
  Evaluation evaluation_;
  std::vector<Row> rows_;
};

}  // namespace sharcs::internal
