#include "eval/policy_search.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "core/random.hpp"
#include "core/threads.hpp"
#include "data/metrics.hpp"
#include "eval/pareto_front.hpp"
#include "eval/recording_metrics.hpp"
#include "nn/loss.hpp"
#include "routing/policy_walk.hpp"
#include "sharcs/error.hpp"

namespace sharcs::internal {
namespace {

constexpr int threshold_steps = 32;
constexpr int price_steps = 8;

/// Numbers between the values, at evenly spaced ranks, ascending; beyond them nothing is kept.
std::vector<double> thresholds_of(std::vector<double> values, int steps) {
  std::erase_if(values, [](double value) { return !std::isfinite(value); });
  std::ranges::sort(values);
  values.erase(std::unique(values.begin(), values.end()), values.end());
  std::vector<double> thresholds;
  for (int k = 0; k < steps && !values.empty(); ++k) {
    const std::size_t rank = static_cast<std::size_t>(k) * values.size() / static_cast<std::size_t>(steps);
    const double value = rank == 0 ? values.front() : std::midpoint(values[rank - 1], values[rank]);
    if (value > 0 && (thresholds.empty() || value > thresholds.back())) thresholds.push_back(value);
  }
  return thresholds;
}

}  // namespace

PolicyGrid::PolicyGrid(const Recording& recording, const CostModel& costs, const PolicySearch& search,
                       const Confidence& confidence)
    : recording_(recording),
      costs_(costs),
      answers_(answers_in(recording)),
      stem_layers_(recording.config.sharcs ? recording.config.sharcs->adaptive_layer_idx : 0),
      confidence_(confidence),
      counts_agreement_(confidence.name() == "patience") {
  int width = 0;
  bool has_exits = false, has_narrow = false;
  for (const RecordedAnswer& answer : recording.answers) {
    widths_.push_back(answer.exit_layer > 0 ? -1 : width++);
    has_exits = has_exits || answer.exit_layer > 0;
    has_narrow = has_narrow || (answer.exit_layer == 0 && width < static_cast<int>(recording.widths().size()));
  }
  if (search.exits && !search.narrow && !has_exits)
    throw ConfigError("the model has no exits; train it with exits, as in --exits 2,4");
  if (search.narrow && !search.exits && !has_narrow) throw ConfigError("the model has no width below 1");

  const std::size_t count = answers_.size();
  for (std::vector<double>* table : {&confidences_, &worths_, &paths_, &owns_}) table->resize(recording.size() * count);
  std::vector<double> of_exits, of_narrow;
  for (std::size_t i = 0; i < recording.size(); ++i) {
    double before = std::numeric_limits<double>::quiet_NaN();
    for (std::size_t a = 0; a < count; ++a) {
      const int answer = static_cast<int>(a);
      const auto logits = recording.logits_of(i, answer);
      const std::vector<float> probabilities = recording.is_regression() ? std::vector<float>{} : softmax(logits);
      const double value = static_cast<double>(logits[0]);
      const double score = recording.answers[a].scores.empty()
                               ? std::numeric_limits<double>::quiet_NaN()
                               : 1 / (1 + std::exp(-static_cast<double>(recording.answers[a].scores[i])));
      const double sure = confidence.of(
          {.answer = answers_[a],
           .logits = logits,
           .probabilities = probabilities,
           .score = score,
           .agreeing = 1,
           .change = std::isnan(before) ? std::numeric_limits<double>::infinity() : std::abs(value - before),
           .tokens = recording.tokens[i]});
      before = value;
      const std::size_t at = index(i, answer);
      confidences_[at] = sure;
      worths_[at] = recording.is_regression() ? -std::pow(absolute_error(recording, i, answer), 2)
                                              : static_cast<double>(is_right(recording, i, answer));
      paths_[at] = costs.paths[a].of(recording.tokens[i]);
      owns_[at] = costs.answers[a].of(recording.tokens[i]) - paths_[at];
      if (a + 1 < count) (widths_[a] < 0 ? of_exits : of_narrow).push_back(sure);
    }
  }

  if (search.router && !recording.router_logits.empty() && has_narrow) {
    const RoutingRule free = router_rule(-1);
    const double difference = free.costs.back().constant - free.costs.front().constant;
    std::vector<double> corners;
    for (std::size_t i = 0; i < recording.size(); ++i) {
      const auto logits = recording.router_logits_of(i);
      corners.push_back((static_cast<double>(logits.back()) - static_cast<double>(logits.front())) / difference);
    }
    std::ranges::sort(corners);
    corners.erase(std::unique(corners.begin(), corners.end()), corners.end());
    const int steps = search.narrow ? price_steps : 4 * threshold_steps;
    for (int k = 1; k < steps; ++k) {
      const std::size_t rank = static_cast<std::size_t>(k) * corners.size() / static_cast<std::size_t>(steps);
      if (rank == 0) continue;
      prices_.push_back(std::midpoint(corners[rank - 1], corners[rank]));
    }
    for (int p = 0; p < std::ssize(prices_); ++p) {
      const RoutingRule rule = router_rule(p);
      auto& chosen = chosen_.emplace_back();
      for (std::size_t i = 0; i < recording.size(); ++i)
        chosen.push_back(rule.choose(recording.router_logits_of(i), recording.tokens[i]));
    }
  }

  const auto levels_of = [&](const std::vector<double>& values) {
    if (!counts_agreement_) return thresholds_of(values, threshold_steps);
    std::vector<double> levels(count);
    std::iota(levels.begin(), levels.end(), 1.0);
    return levels;
  };
  std::vector<double> exit_levels = {}, narrow_levels = {PolicyRule::never};
  if (search.exits) exit_levels = levels_of(of_exits);
  if (search.narrow) {
    for (const double level : levels_of(of_narrow)) narrow_levels.push_back(level);
    narrow_levels.push_back(0);
  }
  const bool router_alone = search.router && !search.narrow && !search.exits;
  if (router_alone) narrow_levels = {0};
  for (const double narrow : narrow_levels) {
    // A price only matters where narrow widths are asked; a router alone is always asked.
    for (int price = -1; price < std::ssize(prices_); ++price) {
      if (narrow == PolicyRule::never && price >= 0) continue;
      candidates_.push_back({.narrow_threshold = narrow, .price = price});
      for (const double level : exit_levels)
        for (const Exits exits : {Exits::after_stem, Exits::all})
          candidates_.push_back({.exits = exits, .exit_threshold = level, .narrow_threshold = narrow, .price = price});
    }
  }
  if (router_alone) candidates_.push_back({});  // full width
}

RoutingRule PolicyGrid::router_rule(int price) const {
  RoutingRule rule;
  const std::size_t widths = recording_.widths().size();
  const double full = costs_.full(recording_);
  rule.unit = costs_.unit;
  rule.full_cost = full;
  rule.weights.assign(widths, std::vector<double>(widths));
  rule.offsets.assign(widths, 0.0);
  for (std::size_t w = 0; w < widths; ++w) rule.weights[w][w] = 1;
  for (std::size_t a = 0; a < recording_.answers.size(); ++a) {
    if (widths_[a] < 0) continue;
    double sum = 0;
    for (const std::int32_t tokens : recording_.tokens) sum += costs_.answers[a].of(tokens);
    rule.costs.push_back({.constant = sum / static_cast<double>(recording_.size()) / full});
  }
  if (price >= 0) rule.price = prices_[static_cast<std::size_t>(price)];
  return rule;
}

PolicyGrid::Outcome PolicyGrid::run(const Candidate& candidate, std::size_t sample) const {
  const int count = static_cast<int>(widths_.size());
  const int narrowest = candidate.price < 0 ? 0 : chosen_[static_cast<std::size_t>(candidate.price)][sample];
  Outcome outcome = {count - 1, 0, 0};
  double path = 0;
  Walk walk;
  for (int a = 0; a < count; ++a) {
    const auto at = static_cast<std::size_t>(a);
    const bool is_exit = widths_[at] < 0, is_last = a + 1 == count;
    if (!is_last && is_exit) {
      if (candidate.exits == Exits::none) continue;
      if (candidate.exits == Exits::after_stem && recording_.answers[at].exit_layer <= stem_layers_) continue;
    } else if (!is_last && (widths_[at] < narrowest || candidate.narrow_threshold == PolicyRule::never)) {
      continue;
    }
    outcome.asked |= std::uint64_t{1} << a;
    outcome.cost += owns_[index(sample, a)];
    path = std::max(path, paths_[index(sample, a)]);
    outcome.answer = a;
    if (is_last) break;
    const double sure = confidence(sample, a, walk);
    const double threshold = is_exit ? candidate.exit_threshold : candidate.narrow_threshold;
    if (threshold <= 0 || sure >= threshold) break;
  }
  outcome.cost += path;
  return outcome;
}

double PolicyGrid::confidence(std::size_t sample, int answer, Walk& walk) const {
  if (!counts_agreement_ && !recording_.is_regression()) return confidences_[index(sample, answer)];
  const double value = recording_.value_of(sample, answer);
  const double change = std::isnan(walk.value) ? std::numeric_limits<double>::infinity() : std::abs(value - walk.value);
  const int label = recording_.label_of(sample, answer);
  const bool agrees = recording_.is_regression() ? change < close_values : label == walk.label;
  walk = {.label = label, .agreeing = agrees ? walk.agreeing + 1 : 1, .value = value};
  if (counts_agreement_) return walk.agreeing;
  return confidence_.of({.answer = answers_[static_cast<std::size_t>(answer)],
                         .logits = recording_.logits_of(sample, answer),
                         .probabilities = {},
                         .score = std::numeric_limits<double>::quiet_NaN(),
                         .agreeing = walk.agreeing,
                         .change = change,
                         .tokens = recording_.tokens[sample]});
}

PolicyRule PolicyGrid::rule(const Candidate& candidate) const {
  PolicyRule rule;
  for (std::size_t a = 0; a < widths_.size(); ++a) {
    const bool is_exit = widths_[a] < 0, in_stem = recording_.answers[a].exit_layer <= stem_layers_;
    double threshold = candidate.narrow_threshold;
    if (is_exit)
      threshold = candidate.exits == Exits::all || (candidate.exits == Exits::after_stem && !in_stem)
                      ? candidate.exit_threshold
                      : PolicyRule::never;
    if (a + 1 == widths_.size()) threshold = 0;
    rule.thresholds.push_back(threshold);
  }
  if (candidate.price >= 0) rule.router = router_rule(candidate.price);
  return rule;
}

CrossValidation::CrossValidation(const PolicyGrid& grid, const CalibrationOptions& options)
    : grid_(grid), folds_(std::min(options.folds, static_cast<int>(grid.recording().size()))) {
  const Recording& recording = grid.recording();
  score_is_worth_ = recording.metrics.size() == 1 && to_string(recording.metrics.front()) == "accuracy";
  std::vector<std::size_t> order(recording.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  Random random(derive_key(options.seed, "calibration folds"));
  random.shuffle(order);
  fold_of_sample_.resize(order.size());
  for (std::size_t position = 0; position < order.size(); ++position)
    fold_of_sample_[order[position]] = static_cast<int>(position % static_cast<std::size_t>(folds_));
  full_cost_.assign(static_cast<std::size_t>(folds_), 0.0);
  for (std::size_t i = 0; i < recording.size(); ++i)
    full_cost_[static_cast<std::size_t>(fold_of_sample_[i])] += grid.costs().answers.back().of(recording.tokens[i]);
  sums_.assign(grid.candidates().size(), std::vector<Sums>(static_cast<std::size_t>(folds_)));
  parallel_for(std::ssize(sums_), [&](Index c) {
    auto& sums = sums_[static_cast<std::size_t>(c)];
    for (std::size_t i = 0; i < recording.size(); ++i) {
      const PolicyGrid::Outcome outcome = grid_.run(grid_.candidates()[static_cast<std::size_t>(c)], i);
      Sums& sum = sums[static_cast<std::size_t>(fold_of_sample_[i])];
      sum.cost += outcome.cost;
      sum.worth += grid_.worth(i, outcome.answer);
    }
  });
}

double CrossValidation::score_of(const PolicyGrid::Candidate* candidate, int without_fold) const {
  const Recording& recording = grid_.recording();
  std::vector<int> labels, truth;
  std::vector<double> values, targets;
  for (std::size_t i = 0; i < recording.size(); ++i) {
    if (fold_of_sample_[i] == without_fold) continue;
    const int answer = candidate == nullptr ? recording.full_width() : grid_.run(*candidate, i).answer;
    if (recording.is_regression()) {
      values.push_back(recording.value_of(i, answer));
      targets.push_back(recording.targets[i]);
    } else {
      labels.push_back(recording.label_of(i, answer));
      truth.push_back(recording.labels[i]);
    }
  }
  return score(recording.is_regression() ? measure(recording.metrics, targets, values)
                                         : measure(recording.metrics, truth, labels));
}

CrossValidation::Choice CrossValidation::choose(const CalibrationTarget& target, int without_fold) const {
  std::vector<CostAndScore> points;
  double full = 0;
  std::size_t samples = 0;
  for (int fold = 0; fold < folds_; ++fold)
    if (fold != without_fold) full += full_cost_[static_cast<std::size_t>(fold)];
  for (const int fold : fold_of_sample_) samples += fold != without_fold;
  for (const auto& sums : sums_) {
    CostAndScore point = {0, 0};
    for (int fold = 0; fold < folds_; ++fold) {
      if (fold == without_fold) continue;
      point.cost += sums[static_cast<std::size_t>(fold)].cost / full;
      point.score += sums[static_cast<std::size_t>(fold)].worth / static_cast<double>(samples);
    }
    points.push_back(point);
  }
  // Of equal points the front has all; the first will do.
  const std::vector<std::size_t> front = pareto_front(points);
  const double full_score = score_of(nullptr, without_fold);
  const auto score_at = [&](std::size_t c) {
    return score_is_worth_ ? points[c].score : score_of(&grid_.candidates()[c], without_fold);
  };
  if (target.max_drop) {
    // The cheapest that is good enough.
    for (const std::size_t c : front)
      if (score_at(c) >= full_score - *target.max_drop - 1e-12) return {c, true};
    return {front.back(), false};
  }
  std::size_t best = front.front();
  for (const std::size_t c : front)
    if (points[c].cost <= *target.budget * (1 + 1e-9) && points[c].score > points[best].score) best = c;
  return {best, points[best].cost <= *target.budget * (1 + 1e-9)};
}

Calibration CrossValidation::calibrate(const CalibrationTarget& target) const {
  const Recording& recording = grid_.recording();
  const Choice chosen = choose(target, -1);
  std::vector<std::size_t> of_fold;
  for (int fold = 0; fold < folds_; ++fold) of_fold.push_back(choose(target, fold).candidate);
  Calibration calibration = {.rule = grid_.rule(grid_.candidates()[chosen.candidate]), .met = chosen.met};
  const CostModel multiply_adds = CostModel::multiply_adds(recording);
  const auto add = [&](Routing& routing, std::size_t candidate, std::size_t sample) {
    const PolicyGrid::Outcome outcome = grid_.run(grid_.candidates()[candidate], sample);
    routing.answer_of_sample.push_back(outcome.answer);
    routing.asked.push_back(outcome.asked);
    routing.cost_of_sample.push_back(multiply_adds.of(recording, routing, sample));
  };
  for (std::size_t i = 0; i < recording.size(); ++i) {
    add(calibration.fitted, chosen.candidate, i);
    add(calibration.expected, of_fold[static_cast<std::size_t>(fold_of_sample_[i])], i);
  }
  return calibration;
}

}  // namespace sharcs::internal
