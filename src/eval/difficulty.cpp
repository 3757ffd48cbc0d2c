#include "eval/difficulty.hpp"

#include <algorithm>
#include <map>

#include "core/nan.hpp"
#include "sharcs/metrics.hpp"

namespace sharcs::internal {
namespace {

/// The share of the samples that are answered right; width_of(i): where sample i is.
template <class WidthOf>
double accuracy_of(const Answers& answers, const std::vector<std::size_t>& samples, const WidthOf& width_of) {
  if (answers.labels.empty()) return nan;
  const auto right = std::count_if(samples.begin(), samples.end(), [&](std::size_t i) {
    return answers.label_of(i, width_of(i)) == answers.labels[i];
  });
  return static_cast<double>(right) / static_cast<double>(samples.size());
}

}  // namespace

std::optional<DifficultyEvaluation> evaluate_difficulty(const Dataset& dataset, const Evaluation& evaluation) {
  const Answers& answers = evaluation.answers;
  std::map<int, std::vector<std::size_t>> by_level;
  for (std::size_t i = 0; i < dataset.size(); ++i) {
    if (!dataset.samples[i].difficulty) return std::nullopt;
    by_level[*dataset.samples[i].difficulty].push_back(i);
  }
  if (by_level.empty()) return std::nullopt;

  DifficultyEvaluation result;
  std::vector<int> is_hard;
  std::vector<double> scores;
  // Twice the middle, which may lie between two levels.
  const long long twice_middle = static_cast<long long>(by_level.begin()->first) + by_level.rbegin()->first;
  for (const auto& [level, samples] : by_level) {
    LevelEvaluation here = {.level = level, .samples = samples.size(), .routed = 0, .at_width = {}, .width_share = {}};
    here.routed = accuracy_of(answers, samples, [&](std::size_t i) { return evaluation.routing.width_of_sample[i]; });
    for (int width = 0; width <= answers.widest(); ++width) {
      here.at_width.push_back(accuracy_of(answers, samples, [&](std::size_t) { return width; }));
      const auto sent = std::count_if(samples.begin(), samples.end(),
                                      [&](std::size_t i) { return evaluation.routing.width_of_sample[i] == width; });
      here.width_share.push_back(static_cast<double>(sent) / static_cast<double>(samples.size()));
    }
    result.levels.push_back(std::move(here));

    if (2LL * level == twice_middle) continue;
    const bool hard = 2LL * level > twice_middle;
    (hard ? result.hard : result.easy).push_back(level);
    if (answers.router_logits.empty()) continue;
    for (const std::size_t i : samples) {
      is_hard.push_back(hard);
      scores.push_back(static_cast<double>(answers.router_logits_of(i).back()));
    }
  }
  result.router_auc = scores.empty() ? nan : auc(is_hard, scores);
  return result;
}

}  // namespace sharcs::internal
