#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <iosfwd>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "eval/call_times.hpp"
#include "sharcs/calibration.hpp"
#include "sharcs/classifier.hpp"
#include "sharcs/evaluation.hpp"

namespace sharcs::internal {

struct EvaluationReportOptions {
  std::string name = "dev";  ///< of the data
  int timing_rounds = 3;     ///< the policy and full width are timed so often, in turn
  double call_seconds = 5;   ///< see CallTimeOptions::seconds_each; 0: single calls are not timed
  std::uint64_t seed = 1;    ///< of the bootstrap intervals
  /// The policy, found from what was recorded, which gets it as the model's; absent: the classifier's.
  std::function<PolicyRule(const Recording&)> choose_policy = {};
};

/// A model on a labelled data set, as people and programs want to read it.
class EvaluationReport {
 public:
  /// Records, and evaluates a policy.
  EvaluationReport(const Classifier& classifier, const Task& task, const Dataset& dataset,
                   const EvaluationReportOptions& options);
  /// The same from what was recorded before, under a policy; without times.
  EvaluationReport(Recording recording, const Policy& policy, const EvaluationReportOptions& options);

  /// By the policy and at full width; then each answer; then how long calls take; then, where the data tell their
  /// difficulty, each level of it.
  void print(std::ostream& out) const;
  /// True against predicted classes; nothing for a regression, several labels a text or more classes than fit a line.
  void print_confusion(std::ostream& out) const;
  /// Precision, recall and F1 of each class; nothing for a regression.
  void print_classes(std::ostream& out) const;
  /// What the policy answered to each sample, a line each with a header: TSV.
  std::string predictions() const;
  nlohmann::ordered_json json() const;

  const Recording& recording() const { return recording_; }
  const Evaluation& evaluation() const { return evaluation_; }
  /// The policy's name.
  const std::string& policy() const { return policy_; }
  /// The routing beside its baselines.
  std::vector<OperatingPoint> compare() const;
  /// Measures the engine's latency and writes a recording.json, which `sharcs report` draws from. `model`: its folder.
  /// comparison: what compare() returned. The budgets that `sharcs calibrate` added to the file before stay when the
  /// model gives the same samples the same answers. Returns a line that says what became of them; "" when there were
  /// none.
  std::string save(const std::filesystem::path& path, const std::string& model, const Engine& engine,
                   const std::vector<OperatingPoint>& comparison, const LatencyOptions& latency = {}) const;

 private:
  /// A policy's metrics with their intervals.
  struct Row {
    std::string name;
    std::vector<Estimate> metrics;
    double cost;
    double seconds;
  };

  /// Fills in the rows, once the evaluation is there.
  void compare_policies();
  Estimate estimate(Metric metric, const std::vector<int>& answer_of_sample) const;
  void print_policies(std::ostream& out) const;
  void print_widths(std::ostream& out) const;
  void print_calls(std::ostream& out) const;
  void print_difficulty(std::ostream& out) const;

  EvaluationReportOptions options_;
  std::string policy_;
  std::vector<std::string> notes_;  ///< of the data set
  std::size_t truncated_ = 0;       ///< samples that were cut to the model's positions
  std::size_t max_tokens_ = 0;
  Recording recording_;
  Routing routing_;
  Evaluation evaluation_;
  std::vector<CallTimes> calls_;
  std::vector<Row> rows_;
};

}  // namespace sharcs::internal
