#include "report/findings.hpp"

#include <algorithm>
#include <cmath>

#include "core/number.hpp"
#include "data/metrics.hpp"
#include "eval/bootstrap.hpp"
#include "eval/comparison.hpp"
#include "eval/pareto_front.hpp"
#include "eval/recording_metrics.hpp"
#include "sharcs/routing.hpp"

namespace sharcs::internal {
namespace {

std::string score_name(const MetricMap& metrics) {
  if (metrics.contains("perplexity")) return "log-likelihood of a masked token";
  std::string names;
  for (const auto& [name, value] : metrics) {
    std::string word = name;
    std::replace(word.begin(), word.end(), '_', ' ');
    names += (names.empty() ? "" : name == metrics.rbegin()->first ? " and " : ", ") + word;
  }
  return metrics.size() > 1 ? "mean of " + names : names;
}

bool is_accuracy(const MetricMap& metrics) { return metrics.size() == 1 && metrics.begin()->first == "accuracy"; }

/// With Wilson's interval where the score is an accuracy, else without.
Estimate estimate_of(const MetricMap& metrics, std::int64_t samples) {
  const double value = score(metrics);
  if (!is_accuracy(metrics) || samples < 1 || !(value >= 0 && value <= 1)) return {value, {nan, nan}};
  const auto right = static_cast<std::size_t>(std::llround(value * static_cast<double>(samples)));
  return {value, wilson_interval(right, static_cast<std::size_t>(samples))};
}

Headline headline_of(const Evaluation& evaluation, std::string data, std::string policy) {
  return {.data = std::move(data),
          .score = score_name(evaluation.full),
          .is_share = is_accuracy(evaluation.full),
          .samples = evaluation.samples,
          .routed = estimate_of(evaluation.routed, evaluation.samples),
          .full = estimate_of(evaluation.full, evaluation.samples),
          .lead = {},
          .policy = std::move(policy),
          .cost_fraction = evaluation.cost_fraction,
          .seconds_routed = evaluation.seconds_routed > 0 ? evaluation.seconds_routed : nan,
          .seconds_full = evaluation.seconds_full > 0 ? evaluation.seconds_full : nan};
}

std::string interval_text(const Estimate& estimate, bool is_share) {
  if (!std::isfinite(estimate.interval.low)) return "";
  return " (95 % interval " + score_text(estimate.interval.low, is_share) + " to " +
         score_text(estimate.interval.high, is_share) + ")";
}

/// How the sentence begins that tells what the policy comes to.
std::string beginning(const std::string& policy) {
  if (policy.empty()) return "Without a router";
  const bool older_name = policy == "argmax";
  if (policy == Policy::router().name() || older_name) return "With its router";
  return "With the policy \"" + policy + "\"";
}

}  // namespace

const EpochRecord* best_epoch(const RunFolder& run) {
  const EpochRecord* best = nullptr;
  for (const EpochRecord& epoch : run.epochs)
    if (!epoch.evaluations.empty() && (best == nullptr || epoch.best)) best = &epoch;
  return best;
}

const Evaluation* best_evaluation(const RunFolder& run) {
  if (run.recorded) return &run.recorded->evaluation;
  const EpochRecord* best = best_epoch(run);
  return best == nullptr ? nullptr : &best->evaluations.front();
}

std::optional<Headline> headline_of(const RunFolder& run) {
  const Evaluation* evaluation = best_evaluation(run);
  if (evaluation == nullptr) return {};
  const std::string samples = counted(static_cast<std::size_t>(evaluation->samples), "sample") + " of ";
  if (!run.recorded)
    return headline_of(*evaluation, samples + evaluation->name + ", epoch " + std::to_string(best_epoch(run)->epoch),
                       Policy::router().name());
  const Recording& recording = run.recorded->recording;
  Headline headline =
      headline_of(*evaluation, samples + recording.data, recording.config.sharcs ? run.recorded->policy : "");
  for (const OperatingPoint& point : run.recorded->points) {
    if (point.series == "routed") headline.routed = point.score;
    if (point.series == "fixed" && !point.shares.empty() && point.shares.back() == 1) {
      headline.full = point.score;
      headline.lead = point.lead;
    }
  }
  return headline;
}

std::vector<bool> on_front(const std::vector<OperatingPoint>& points) {
  std::vector<std::size_t> candidates;
  std::vector<CostAndScore> figures;
  for (std::size_t i = 0; i < points.size(); ++i) {
    if (points[i].series == to_string(Baseline::oracle)) continue;
    candidates.push_back(i);
    figures.push_back({points[i].cost_fraction, points[i].score.value});
  }
  std::vector<bool> is_on(points.size());
  for (const std::size_t i : pareto_front(figures)) is_on[candidates[i]] = true;
  return is_on;
}

std::vector<OperatingPoint> points_of(const RunFolder& run, const Headline& headline) {
  if (run.recorded && !run.recorded->points.empty()) return run.recorded->points;
  const Evaluation& evaluation = *best_evaluation(run);
  std::vector<OperatingPoint> points = {{.name = "routed",
                                         .series = "routed",
                                         .cost_fraction = evaluation.cost_fraction,
                                         .time_fraction = headline.seconds_routed / headline.seconds_full,
                                         .score = headline.routed}};
  for (const AnswerMetrics& width : evaluation.answers)
    points.push_back({.name = "fixed " + width.name,
                      .series = "fixed",
                      .cost_fraction = width.cost_fraction,
                      .score = {score(width.all), {nan, nan}}});
  return points;
}

std::string score_text(double value, bool is_share) { return is_share ? percent(value) : decimal(value, 3); }

std::string difference_text(double value, bool is_share) {
  if (!std::isfinite(value)) return "-";
  const std::string size = decimal(std::abs(is_share ? 100 * value : value), is_share ? 1 : 3);
  const bool is_zero = size.find_first_of("123456789") == std::string::npos;
  return (is_zero ? "" : value < 0 ? "−" : "+") + size + (is_share ? " points" : "");
}

std::string in_words(const Headline& headline) {
  const bool share = headline.is_share;
  std::string words = beginning(headline.policy) + " the model reaches " + headline.score + " " +
                      score_text(headline.routed.value, share) + interval_text(headline.routed, share) + ", and " +
                      score_text(headline.full.value, share) + interval_text(headline.full, share) +
                      " when everything runs at full width";
  if (headline.lead && headline.lead->interval.low == 0 && headline.lead->interval.high == 0) {
    words += ": no difference in any resample";
  } else if (headline.lead) {
    const Interval& interval = headline.lead->interval;
    words += ": a difference of " + difference_text(headline.lead->value, share);
    if (interval.low <= 0 && interval.high >= 0)
      words += ", which may be chance (95 % interval " + difference_text(interval.low, share) + " to " +
               difference_text(interval.high, share) + ")";
    else if (std::isfinite(interval.low))
      words += ", which is more than chance (95 % interval " + difference_text(interval.low, share) + " to " +
               difference_text(interval.high, share) + ")";
  }
  words += ". It spends " + percent(headline.cost_fraction) + " of the multiply-adds of full width";
  const double speedup = headline.seconds_full / headline.seconds_routed;
  if (std::isfinite(speedup))
    words += ", and took " + seconds_text(headline.seconds_routed) + " instead of " +
             seconds_text(headline.seconds_full) + ": " + decimal(speedup, 2) + " times as fast";
  return words + ".";
}

std::vector<std::vector<std::int64_t>> need_against_choice(const RecordedEvaluation& recorded) {
  const Recording& recording = recorded.recording;
  const std::size_t widths = recording.answers.size();
  std::vector<std::vector<std::int64_t>> counts(widths + 1, std::vector<std::int64_t>(widths));
  for (std::size_t i = 0; i < recording.size(); ++i) {
    std::size_t need = 0;
    while (need < widths && !is_right(recording, i, static_cast<int>(need))) ++need;
    ++counts[need][static_cast<std::size_t>(recorded.answer_of_sample[i])];
  }
  return counts;
}

double router_margin(const Recording& recording, std::size_t sample) {
  const auto logits = recording.router_logits_of(sample);
  if (!logits.empty()) return static_cast<double>(logits.back()) - static_cast<double>(logits.front());
  return recording.is_regression() ? error_of(recording, sample, 0) : 1 - true_probability(recording, sample, 0);
}

}  // namespace sharcs::internal
