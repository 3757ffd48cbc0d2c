#include "eval/difficulty.hpp"

#include <iterator>
#include <map>

#include "core/number.hpp"
#include "data/metrics.hpp"
#include "eval/recording_metrics.hpp"

namespace sharcs::internal {
namespace {

using Samples = std::vector<std::size_t>;

DifficultyLevel level_of(const Recording& recording, int level, const Samples& samples,
                         std::span<const int> answer_of_sample) {
  DifficultyLevel here = {.level = level,
                          .samples = std::ssize(samples),
                          .shares = std::vector<double>(recording.answers.size()),
                          .routed = 0,
                          .at_width = std::vector<double>(recording.answers.size())};
  const auto quality = [&](std::size_t sample, int answer) {
    return recording.is_regression() ? error_of(recording, sample, answer) : share_right(recording, sample, answer);
  };
  for (const std::size_t i : samples) {
    ++here.shares[static_cast<std::size_t>(answer_of_sample[i])];
    here.routed += quality(i, answer_of_sample[i]);
    for (int answer = 0; answer <= recording.full_width(); ++answer)
      here.at_width[static_cast<std::size_t>(answer)] += quality(i, answer);
  }
  const auto count = static_cast<double>(samples.size());
  here.routed /= count;
  for (double& share : here.shares) share /= count;
  for (double& at : here.at_width) at /= count;
  return here;
}

}  // namespace

std::optional<Difficulty> difficulty_of(const Recording& recording, std::span<const int> answer_of_sample) {
  std::map<int, Samples> by_level;
  for (std::size_t i = 0; i < recording.samples.size(); ++i) {
    if (!recording.samples[i].difficulty) return std::nullopt;
    by_level[*recording.samples[i].difficulty].push_back(i);
  }
  if (by_level.empty()) return std::nullopt;

  Difficulty result;
  std::vector<int> is_hard;
  std::vector<double> scores;
  // Twice the middle, which may lie between two levels.
  const long long twice_middle = static_cast<long long>(by_level.begin()->first) + by_level.rbegin()->first;
  for (const auto& [level, samples] : by_level) {
    result.levels.push_back(level_of(recording, level, samples, answer_of_sample));
    if (2LL * level == twice_middle) continue;
    const bool hard = 2LL * level > twice_middle;
    (hard ? result.hard : result.easy).push_back(level);
    if (recording.router_logits.empty()) continue;
    for (const std::size_t i : samples) {
      is_hard.push_back(hard);
      scores.push_back(static_cast<double>(recording.router_logits_of(i).back()));
    }
  }
  result.router_auc = scores.empty() ? nan : auc(is_hard, scores);
  return result;
}

}  // namespace sharcs::internal
