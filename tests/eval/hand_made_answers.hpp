#pragma once

#include "core/random.hpp"
#include "sharcs/evaluation.hpp"

namespace sharcs::internal::testing {

/// Answers of two classes whose label is always 0. `right[w]` holds, a character a sample, 1 where width w is right.
/// Sample i has i + 1 tokens; width w costs (w + 1) · 100 · tokens, of which 50 · tokens are the stem's.
inline Answers answers_of(const std::vector<std::string>& right) {
  Answers answers;
  answers.outputs = 2;
  for (std::size_t width = 0; width < right.size(); ++width) {
    answers.widths.push_back(static_cast<double>(width + 1) / static_cast<double>(right.size()));
    auto& logits = answers.logits.emplace_back();
    auto& multiply_adds = answers.multiply_adds.emplace_back();
    for (std::size_t i = 0; i < right[width].size(); ++i) {
      const float lead = right[width][i] == '1' ? 1 : -1;
      logits.insert(logits.end(), {lead, 0});
      multiply_adds.push_back(static_cast<std::int64_t>((width + 1) * 100 * (i + 1)));
    }
  }
  for (std::size_t i = 0; i < right.front().size(); ++i) {
    answers.tokens.push_back(static_cast<std::int32_t>(i + 1));
    answers.stem_multiply_adds.push_back(static_cast<std::int64_t>(50 * (i + 1)));
    answers.labels.push_back(0);
  }
  return answers;
}

inline Task task_of(std::vector<Metric> metrics) {
  return Task::custom({.labels = {"no", "yes"}, .metrics = std::move(metrics)});
}

}  // namespace sharcs::internal::testing
