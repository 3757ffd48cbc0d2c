#include "eval/policy_table.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "eval/recording_metrics.hpp"
#include "model/predicted_label.hpp"

namespace sharcs::internal {

std::vector<double> levels_between(std::vector<double> values, int steps) {
  std::erase_if(values, [](double value) { return !std::isfinite(value); });
  std::ranges::sort(values);
  values.erase(std::unique(values.begin(), values.end()), values.end());
  std::vector<double> levels;
  for (int k = 0; k < steps && !values.empty(); ++k) {
    const std::size_t rank = static_cast<std::size_t>(k) * values.size() / static_cast<std::size_t>(steps);
    const double value = rank == 0 ? values.front() : std::midpoint(values[rank - 1], values[rank]);
    if (value > 0 && (levels.empty() || value > levels.back())) levels.push_back(value);
  }
  return levels;
}

PolicyTable::PolicyTable(const Recording& recording, const CostModel& costs, const Confidence& confidence,
                         int router_prices)
    : recording_(recording),
      costs_(costs),
      answers_(answers_in(recording)),
      confidence_(confidence),
      counts_agreement_(confidence.name() == "patience") {
  int width = 0;
  for (const RecordedAnswer& answer : recording.answers) widths_.push_back(answer.exit_layer > 0 ? -1 : width++);
  const std::size_t count = answers_.size();
  for (std::vector<double>* table : {&confidences_, &margins_, &worths_, &paths_, &owns_})
    table->resize(recording.size() * count);
  const bool has_tags = recording.config.labels_tokens() && !recording.fills_masks();
  const TagSet tags(has_tags ? recording.config.labels : std::vector<std::string>());
  for (std::size_t i = 0; i < recording.size(); ++i) {
    AnswerTrail trail;
    for (int a = 0; a < answers(); ++a) {
      const RecordedAnswer& answer = recording.answers[static_cast<std::size_t>(a)];
      const bool has_logits = !recording.finds_answers() && !recording.fills_masks();
      const auto logits = has_logits ? recording.logits_of(i, a) : std::span<const float>();
      const std::vector<float> probabilities = probabilities_of(recording, i, a);
      const double change = add_to(trail, i, a);
      const std::size_t at = index(i, a);
      confidences_[at] =
          confidence.of({.answer = answers_[static_cast<std::size_t>(a)],
                         .logits = logits,
                         .probabilities = probabilities,
                         .score = probability_of_score(answer.scores.empty() ? nullptr : &answer.scores[i]),
                         .agreeing = trail.agreeing,
                         .change = change,
                         .tokens = recording.tokens[i],
                         .multi_label = recording.is_multi_label(),
                         .words = has_tags ? logits.size() / recording.outputs : 1});
      if (recording.labels_words()) tag_counts_.push_back(internal::tag_counts(recording, tags, i, a));
      if (recording.is_regression()) {
        worths_[at] = -std::pow(error_of(recording, i, a), 2);
      } else {
        worths_[at] = share_right(recording, i, a);
        const double p = surest(recording.config, probabilities);
        margins_[at] = std::log(p) - std::log(std::max(1 - p, 1e-7));
      }
      paths_[at] = costs.paths[static_cast<std::size_t>(a)].of(recording.tokens[i]);
      owns_[at] = costs.answers[static_cast<std::size_t>(a)].of(recording.tokens[i]) - paths_[at];
    }
  }
  if (router_prices == 0) return;
  const RoutingRule free = router_rule(-1);
  const double difference = free.costs.back().constant - free.costs.front().constant;
  std::vector<double> corners;
  for (std::size_t i = 0; i < recording.size(); ++i) {
    const auto logits = recording.router_logits_of(i);
    corners.push_back((static_cast<double>(logits.back()) - static_cast<double>(logits.front())) / difference);
  }
  std::ranges::sort(corners);
  corners.erase(std::unique(corners.begin(), corners.end()), corners.end());
  for (int k = 1; k <= router_prices; ++k) {
    const std::size_t rank = static_cast<std::size_t>(k) * corners.size() / static_cast<std::size_t>(router_prices + 1);
    if (rank > 0) prices_.push_back(std::midpoint(corners[rank - 1], corners[rank]));
  }
  for (int p = 0; p < prices(); ++p) {
    const RoutingRule rule = router_rule(p);
    auto& chosen = chosen_.emplace_back();
    for (std::size_t i = 0; i < recording.size(); ++i)
      chosen.push_back(rule.choose(recording.router_logits_of(i), recording.tokens[i]));
  }
}

double PolicyTable::add_to(AnswerTrail& trail, std::size_t sample, int answer) const {
  if (recording_.labels_words()) return trail.add_tags(recording_.tags_of(sample, answer));
  return trail.add(recording_.is_regression(), recording_.label_of(sample, answer),
                   recording_.logits_of(sample, answer));
}

RoutingRule PolicyTable::router_rule(int price) const {
  RoutingRule rule;
  const std::size_t widths = recording_.widths().size();
  const double full = costs_.full(recording_);
  rule.unit = costs_.unit;
  rule.full_cost = full;
  rule.weights.assign(widths, std::vector<double>(widths));
  rule.offsets.assign(widths, 0.0);
  for (std::size_t w = 0; w < widths; ++w) rule.weights[w][w] = 1;
  for (int a = 0; a < answers(); ++a) {
    if (is_exit(a)) continue;
    double sum = 0;
    for (const std::int32_t tokens : recording_.tokens) sum += costs_.answers[static_cast<std::size_t>(a)].of(tokens);
    rule.costs.push_back({.constant = sum / static_cast<double>(recording_.size()) / full});
  }
  if (price >= 0) rule.price = prices_[static_cast<std::size_t>(price)];
  return rule;
}

double PolicyTable::confidence_after(std::size_t sample, int answer, int last) const {
  if (!recording_.is_regression()) return confidence(sample, answer);
  AnswerTrail trail;
  if (last >= 0) add_to(trail, sample, last);
  return confidence_in(trail, sample, answer);
}

double PolicyTable::confidence_in(AnswerTrail& trail, std::size_t sample, int answer) const {
  const double change = add_to(trail, sample, answer);
  if (counts_agreement_) return trail.agreeing;
  return confidence_.of({.answer = answers_[static_cast<std::size_t>(answer)],
                         .logits = recording_.logits_of(sample, answer),
                         .probabilities = {},
                         .score = std::numeric_limits<double>::quiet_NaN(),
                         .agreeing = trail.agreeing,
                         .change = change,
                         .tokens = recording_.tokens[sample],
                         .multi_label = recording_.is_multi_label()});
}

double PolicyTable::ask(State& state, std::size_t sample, int answer) const {
  state.own += own(sample, answer);
  state.path = std::max(state.path, path(sample, answer));
  state.asked |= std::uint64_t{1} << answer;
  if (!depends_on_trail()) return confidence(sample, answer);
  return confidence_in(state.trail, sample, answer);
}

PolicyTable::Outcome PolicyTable::finish(const CandidatePolicy& policy, State state, std::size_t sample,
                                         int from) const {
  int kept = answers() - 1;
  for (int a = from; a < answers(); ++a) {
    if (!asks(policy, sample, a)) continue;
    if (!keeps(policy, a, ask(state, sample, a))) continue;
    kept = a;
    break;
  }
  return {kept, state.asked, state.cost()};
}

PolicyRule PolicyTable::rule(const CandidatePolicy& policy) const {
  PolicyRule rule;
  rule.thresholds = policy.thresholds;
  rule.thresholds.back() = 0;
  if (policy.price >= 0) rule.router = router_rule(policy.price);
  return rule;
}

}  // namespace sharcs::internal
