#include "sharcs/evaluation.hpp"

#include <algorithm>
#include <cmath>

#include "data/metrics.hpp"
#include "eval/dataset_runner.hpp"
#include "eval/recording_metrics.hpp"
#include "eval/reliability.hpp"

namespace sharcs {
using namespace internal;
namespace {

/// The metrics of the samples that the routing gave this answer.
MetricMap metrics_there(const Recording& recording, const Routing& routing, int answer) {
  if (recording.finds_answers() || recording.fills_masks()) {
    TagCounts counts;
    for (std::size_t i = 0; i < recording.size(); ++i)
      if (routing.answer_of_sample[i] == answer) counts += tag_counts(recording, TagSet({}), i, answer);
    return counts.questions + counts.words == 0 ? MetricMap{} : measure(recording.metrics, counts);
  }
  Recording there = {.config = recording.config,
                     .metrics = recording.metrics,
                     .outputs = recording.outputs,
                     .answers = {RecordedAnswer{}}};
  for (std::size_t i = 0; i < recording.size(); ++i) {
    if (routing.answer_of_sample[i] != answer) continue;
    there.tokens.push_back(recording.tokens[i]);
    if (recording.labels_words()) {
      if (there.first_words.empty()) there.first_words.push_back(0);
      std::ranges::copy(recording.true_tags_of(i), std::back_inserter(there.labels));
      there.first_words.push_back(there.labels.size());
    } else if (!recording.labels.empty()) {
      there.labels.push_back(recording.labels[i]);
    }
    if (!recording.targets.empty()) std::ranges::copy(recording.targets_of(i), std::back_inserter(there.targets));
    const auto row = recording.logits_of(i, answer);
    there.answers.front().logits.insert(there.answers.front().logits.end(), row.begin(), row.end());
  }
  return there.size() == 0 ? MetricMap{} : metrics_at(there, everything_at(there, 0));
}

/// The router's probability for a width, beside whether the width is right. Each width has a logit of its own, which
/// was trained against 0 or 1. `width_index`: of the answer, which is no exit's.
std::vector<ReliabilityBin> reliability_of(const Recording& recording, int answer, std::size_t width_index) {
  if (recording.router_logits.empty() || recording.labels.empty()) return {};
  std::vector<double> probabilities;
  std::vector<double> right;
  for (std::size_t i = 0; i < recording.size(); ++i) {
    const double logit = recording.router_logits_of(i)[width_index];
    probabilities.push_back(1 / (1 + std::exp(-logit)));
    right.push_back(share_right(recording, i, answer));
  }
  return reliability_bins(probabilities, right);
}

}  // namespace

Evaluation evaluate(const Recording& recording, const Routing& routing) {
  Evaluation evaluation;
  evaluation.samples = static_cast<std::int64_t>(recording.size());
  evaluation.routed = metrics_at(recording, routing.answer_of_sample);
  evaluation.full = metrics_at(recording, everything_at(recording, recording.full_width()));
  evaluation.cost_fraction = cost_fraction(recording, routing);
  evaluation.seconds_full = recording.answers.back().seconds;
  std::size_t width_index = 0;
  for (int answer = 0; answer <= recording.full_width(); ++answer) {
    const RecordedAnswer& recorded = recording.answers[static_cast<std::size_t>(answer)];
    const std::vector<int> all_here = everything_at(recording, answer);
    AnswerMetrics& metrics = evaluation.answers.emplace_back();
    metrics.name = recorded.name;
    metrics.width = recorded.width;
    metrics.samples = std::ranges::count(routing.answer_of_sample, answer);
    metrics.cost_fraction = cost_fraction(recording, route(recording, all_here));
    metrics.routed = metrics_there(recording, routing, answer);
    metrics.all = metrics_at(recording, all_here);
    if (recorded.exit_layer == 0) metrics.reliability = reliability_of(recording, answer, width_index++);
  }
  return evaluation;
}

Recording record(const Classifier& classifier, const Task& task, const Dataset& dataset) {
  return ClassifierRunner(classifier, task, dataset).record();
}

Evaluation evaluate(const Classifier& classifier, const Task& task, const Dataset& dataset, int timing_rounds) {
  ClassifierRunner runner(classifier, task, dataset);
  const Recording recording = runner.record();
  const Policy& policy = classifier.engine().policy();
  return evaluate_timed(runner, recording, route(recording, policy), policy, timing_rounds);
}

}  // namespace sharcs
