#include "eval/policy_search.hpp"

#include <algorithm>
#include <cmath>

#include "core/threads.hpp"
#include "data/metrics.hpp"
#include "eval/folds.hpp"
#include "eval/pareto_front.hpp"

namespace sharcs::internal {

PolicySearcher::PolicySearcher(const PolicyTable& table, const ThresholdSearch& search,
                               const CalibrationOptions& options)
    : table_(table), fold_of_sample_(deal_folds(table.recording().size(), options.folds, options.seed)) {
  const Recording& recording = table.recording();
  score_is_worth_ = recording.metrics.size() == 1 && is_share_of_right_answers(recording.metrics.front());
  const int folds = std::ranges::max(fold_of_sample_) + 1;
  parts_.resize(static_cast<std::size_t>(folds) + 1);
  parallel_for(folds + 1, [&](Index p) {
    Part& part = parts_[static_cast<std::size_t>(p)];
    for (std::size_t i = 0; i < recording.size(); ++i)
      if (fold_of_sample_[i] != static_cast<int>(p)) part.samples.push_back(i);
    const auto count = static_cast<double>(part.samples.size());
    const GainEstimate gains(table, part.samples);
    for (const std::size_t i : part.samples) part.worth_of_full += table.worth(i, recording.full_width()) / count;
    part.tried = search_thresholds(table, gains, part.samples, search);
  });
}

template <class AnswerOf>
double PolicySearcher::score_of(const AnswerOf& answer_of, const std::vector<std::size_t>& samples) const {
  const Recording& recording = table_.recording();
  std::vector<int> labels, truth;
  std::vector<double> values, targets;
  TagCounts tags;
  for (const std::size_t i : samples) {
    const int answer = answer_of(i);
    if (recording.labels_words()) {
      tags += table_.tag_counts(i, answer);
      continue;
    }
    if (recording.is_regression()) {
      std::ranges::copy(recording.logits_of(i, answer), std::back_inserter(values));
      std::ranges::copy(recording.targets_of(i), std::back_inserter(targets));
    } else {
      labels.push_back(recording.label_of(i, answer));
      truth.push_back(recording.labels[i]);
    }
  }
  if (recording.labels_words()) return score(measure(recording.metrics, tags));
  return score(recording.is_regression() ? measure(recording.metrics, targets, values, recording.outputs)
                                         : measure(recording.metrics, truth, labels));
}

PolicySearcher::Choice PolicySearcher::choose(const Part& part, const CalibrationTarget& target) const {
  std::vector<CostAndScore> points;
  for (const TriedPolicy& tried : part.tried) points.push_back({tried.cost, tried.gain});
  // Of equal points the front has all; the first will do.
  const std::vector<std::size_t> front = pareto_front(points);
  if (target.max_drop) {
    const int full = table_.recording().full_width();
    const double full_score =
        score_is_worth_ ? part.worth_of_full : score_of([&](std::size_t) { return full; }, part.samples);
    // The cheapest that is good enough by estimate, unless the samples' own labels speak against it. One label more or
    // less decides nothing: of 872 sentences, the half point that a target usually allows is four, which is no more
    // than their standard error. Taken at their word, so few labels often leave nothing but full width. Where no drop
    // at all is allowed, they are.
    const auto good_enough = [&](const TriedPolicy& tried) {
      const double least = -*target.max_drop - 1e-12;
      if (score_is_worth_) {
        if (tried.gain < least) return false;
        const double lead = tried.worth - full_score;
        return lead >= least || (*target.max_drop > 0 && lead >= least - error_of_lead(part, tried.policy));
      }
      const auto answer_of = [&](std::size_t i) { return table_.run(tried.policy, i).answer; };
      return score_of(answer_of, part.samples) - full_score >= least;
    };
    for (const std::size_t c : front)
      if (good_enough(part.tried[c])) return {&part.tried[c].policy, true};
    return {&part.tried.front().policy, true};  // full width
  }
  const double allowed = *target.budget * (1 + 1e-9);
  std::size_t best = front.front();
  for (const std::size_t c : front)
    if (points[c].cost <= allowed && points[c].score > points[best].score) best = c;
  return {&part.tried[best].policy, points[best].cost <= allowed};
}

double PolicySearcher::error_of_lead(const Part& part, const CandidatePolicy& policy) const {
  const int full = table_.recording().full_width();
  const auto count = static_cast<double>(part.samples.size());
  double sum = 0, squares = 0;
  for (const std::size_t i : part.samples) {
    const double lead = table_.worth(i, table_.run(policy, i).answer) - table_.worth(i, full);
    sum += lead;
    squares += lead * lead;
  }
  const double mean = sum / count;
  return std::sqrt(std::max(0.0, squares / count - mean * mean) / count);
}

std::vector<const CandidatePolicy*> PolicySearcher::choose_without_each_fold(const CalibrationTarget& target) const {
  std::vector<const CandidatePolicy*> of_fold;
  for (std::size_t fold = 0; fold + 1 < parts_.size(); ++fold) of_fold.push_back(choose(parts_[fold], target).policy);
  return of_fold;
}

CalibrationTarget PolicySearcher::careful(const CalibrationTarget& target) const {
  if (!target.max_drop) return target;
  const double full_score =
      score_of([&](std::size_t) { return table_.recording().full_width(); }, parts_.back().samples);
  CalibrationTarget careful = target;
  for (const double share : {1.0, 0.8, 0.6, 0.4, 0.2}) {
    careful.max_drop = share * *target.max_drop;
    const std::vector<const CandidatePolicy*> of_fold = choose_without_each_fold(careful);
    const double expected = score_of(
        [&](std::size_t i) { return table_.run(*of_fold[static_cast<std::size_t>(fold_of_sample_[i])], i).answer; },
        parts_.back().samples);
    if (expected >= full_score - *target.max_drop - 1e-12) break;
  }
  return careful;
}

Calibration PolicySearcher::calibrate(const CalibrationTarget& target) const {
  const Recording& recording = table_.recording();
  const CalibrationTarget aim = careful(target);
  const Choice chosen = choose(parts_.back(), aim);
  const std::vector<const CandidatePolicy*> of_fold = choose_without_each_fold(aim);
  Calibration calibration = {.rule = table_.rule(*chosen.policy), .met = chosen.met};
  const CostModel multiply_adds = CostModel::multiply_adds(recording);
  const auto add = [&](Routing& routing, const CandidatePolicy& policy, std::size_t sample) {
    const PolicyTable::Outcome outcome = table_.run(policy, sample);
    routing.answer_of_sample.push_back(outcome.answer);
    routing.asked.push_back(outcome.asked);
    routing.cost_of_sample.push_back(multiply_adds.of(recording, routing, sample));
  };
  for (std::size_t i = 0; i < recording.size(); ++i) {
    add(calibration.fitted, *chosen.policy, i);
    add(calibration.expected, *of_fold[static_cast<std::size_t>(fold_of_sample_[i])], i);
  }
  return calibration;
}

}  // namespace sharcs::internal
