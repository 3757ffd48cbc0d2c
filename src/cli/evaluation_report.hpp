#pragma once

#include <iosfwd>
#include <nlohmann/json.hpp>
#include <string>

#include "sharcs/classifier.hpp"
#include "sharcs/evaluation.hpp"

namespace sharcs {

/// A model on a labelled data set, as people and programs want to read it.
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

 private:
  struct Row {
    std::string name;
    std::vector<Estimate> metrics;
    double cost;
    double seconds;
  };

  Estimate estimate(Metric metric, const std::vector<int>& width_of_sample) const;
  std::vector<std::vector<std::size_t>> confusion() const;

  const Task& task_;
  const Dataset& dataset_;
  std::string policy_;
  std::uint64_t seed_;
  std::size_t truncated_ = 0;  ///< samples that were cut to the model's positions
  std::size_t max_tokens_;
  Evaluation evaluation_;
  std::vector<Row> rows_;
};

}  // namespace sharcs
