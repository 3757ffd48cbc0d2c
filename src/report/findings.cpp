#include "report/findings.hpp"

#include <algorithm>
#include <cmath>
#include <map>

#include "core/nan.hpp"
#include "core/text_table.hpp"
#include "sharcs/routing_policy.hpp"

namespace sharcs::internal {
namespace {

std::string score_name(const MetricMap& metrics) {
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
  const double value = score_of(metrics);
  if (!is_accuracy(metrics) || samples < 1 || !(value >= 0 && value <= 1)) return {value, {nan, nan}};
  const auto right = static_cast<std::size_t>(std::llround(value * static_cast<double>(samples)));
  return {value, wilson_interval(right, static_cast<std::size_t>(samples))};
}

Headline headline_from(const EvaluationRecord& record, std::string data, std::string policy) {
  return {.data = std::move(data),
          .score = score_name(record.full),
          .is_share = is_accuracy(record.full),
          .samples = record.samples,
          .routed = estimate_of(record.routed, record.samples),
          .full = estimate_of(record.full, record.samples),
          .lead = {},
          .policy = std::move(policy),
          .cost_fraction = record.cost_fraction,
          .seconds_routed = record.seconds_routed > 0 ? record.seconds_routed : nan,
          .seconds_full = record.seconds_full > 0 ? record.seconds_full : nan};
}

std::string interval_text(const Estimate& estimate, bool is_share) {
  if (!std::isfinite(estimate.interval.low)) return "";
  return " (95 % interval " + score_text(estimate.interval.low, is_share) + " to " +
         score_text(estimate.interval.high, is_share) + ")";
}

/// How the sentence begins that tells what the policy comes to.
std::string beginning(const std::string& policy) {
  if (policy.empty()) return "Without a router";
  if (policy == RoutingPolicy::argmax().name()) return "With its router";
  return "With the policy \"" + policy + "\"";
}

}  // namespace

const EpochRecord* best_epoch(const RunFolder& run) {
  const EpochRecord* best = nullptr;
  for (const EpochRecord& epoch : run.epochs)
    if (!epoch.evaluations.empty() && (best == nullptr || epoch.best)) best = &epoch;
  return best;
}

const EvaluationRecord* best_record(const RunFolder& run) {
  if (run.evaluation) return &run.evaluation->summary;
  const EpochRecord* best = best_epoch(run);
  return best == nullptr ? nullptr : &best->evaluations.front();
}

std::optional<Headline> headline_of(const RunFolder& run) {
  if (run.evaluation) {
    const EvaluationFile& evaluation = *run.evaluation;
    Headline headline = headline_from(
        evaluation.summary,
        counted(static_cast<std::size_t>(evaluation.summary.samples), "sample") + " of " + evaluation.data,
        evaluation.config.sharcs ? evaluation.policy : "");
    for (const OperatingPoint& point : evaluation.points) {
      if (point.series == "routed") headline.routed = point.score;
      if (point.series == "fixed" && point.shares.back() == 1) {
        headline.full = point.score;
        headline.lead = point.lead;
      }
    }
    return headline;
  }
  const EpochRecord* best = best_epoch(run);
  if (best == nullptr) return {};
  const EvaluationRecord& record = best->evaluations.front();
  return headline_from(record,
                       counted(static_cast<std::size_t>(record.samples), "sample") + " of " + record.name + ", epoch " +
                           std::to_string(best->epoch),
                       RoutingPolicy::argmax().name());
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

std::vector<DifficultyLevel> difficulty_levels_of(const EvaluationFile& evaluation) {
  const std::size_t widths = evaluation.widths.size();
  std::map<int, DifficultyLevel> levels;
  for (const SampleResult& sample : evaluation.samples) {
    if (!sample.difficulty) return {};
    DifficultyLevel& level =
        levels
            .try_emplace(*sample.difficulty, DifficultyLevel{*sample.difficulty, 0, std::vector<double>(widths), 0,
                                                             std::vector<double>(widths)})
            .first->second;
    const auto quality = [&](std::size_t width) {
      return evaluation.is_regression() ? std::abs(sample.values[width] - sample.target)
                                        : static_cast<double>(sample.right(width));
    };
    const auto chosen = static_cast<std::size_t>(sample.width);
    ++level.samples;
    ++level.shares[chosen];
    level.routed += quality(chosen);
    for (std::size_t width = 0; width < widths; ++width) level.at_width[width] += quality(width);
  }
  std::vector<DifficultyLevel> result;
  for (auto& [number, level] : levels) {
    const auto samples = static_cast<double>(level.samples);
    level.routed /= samples;
    for (double& share : level.shares) share /= samples;
    for (double& at : level.at_width) at /= samples;
    result.push_back(std::move(level));
  }
  return result;
}

std::vector<std::vector<std::int64_t>> need_against_choice(const EvaluationFile& evaluation) {
  const std::size_t widths = evaluation.widths.size();
  std::vector<std::vector<std::int64_t>> counts(widths + 1, std::vector<std::int64_t>(widths));
  for (const SampleResult& sample : evaluation.samples) {
    std::size_t need = 0;
    while (need < widths && !sample.right(need)) ++need;
    ++counts[need][static_cast<std::size_t>(sample.width)];
  }
  return counts;
}

double calibration_error(std::span<const CalibrationBin> bins) {
  double sum = 0, samples = 0;
  for (const CalibrationBin& bin : bins) {
    if (bin.samples == 0) continue;
    sum += static_cast<double>(bin.samples) * std::abs(bin.predicted - bin.right);
    samples += static_cast<double>(bin.samples);
  }
  return samples > 0 ? sum / samples : nan;
}

double hardness(const SampleResult& sample, bool is_regression) {
  if (!sample.router_logits.empty()) return sample.router_logits.back() - sample.router_logits.front();
  return is_regression ? std::abs(sample.values.front() - sample.target) : 1 - sample.true_confidence.front();
}

}  // namespace sharcs::internal
