#include "model/window_answer.hpp"

#include <algorithm>
#include <cassert>
#include <limits>
#include <numeric>

namespace sharcs::internal {
namespace {

/// The rows with the largest logits, the best one first.
std::vector<std::size_t> best_rows(std::span<const float> logits, std::size_t column) {
  std::vector<std::size_t> rows(logits.size() / 2);
  std::iota(rows.begin(), rows.end(), std::size_t{0});
  const auto count = static_cast<std::ptrdiff_t>(std::min(rows.size(), WindowAnswer::most_candidates));
  std::ranges::partial_sort(rows, rows.begin() + count, [&](std::size_t a, std::size_t b) {
    const float x = logits[2 * a + column], y = logits[2 * b + column];
    return x != y ? x > y : a < b;
  });
  rows.resize(static_cast<std::size_t>(count));
  return rows;
}

double log_sum_of_exp(std::span<const float> logits, std::size_t column) {
  double largest = -std::numeric_limits<double>::infinity(), sum = 0;
  for (std::size_t i = column; i < logits.size(); i += 2) largest = std::max(largest, static_cast<double>(logits[i]));
  for (std::size_t i = column; i < logits.size(); i += 2) sum += std::exp(static_cast<double>(logits[i]) - largest);
  return largest + std::log(sum);
}

}  // namespace

WindowAnswer WindowAnswer::of(std::span<const float> logits) {
  assert(logits.size() >= 2 && logits.size() % 2 == 0);
  WindowAnswer answer;
  answer.score = answer.none = logits[0] + logits[1];
  answer.log_total = static_cast<float>(log_sum_of_exp(logits, 0) + log_sum_of_exp(logits, 1));
  const std::vector<std::size_t> ends = best_rows(logits, 1);
  for (const std::size_t first : best_rows(logits, 0))
    for (const std::size_t last : ends) {
      if (first == 0 || last < first || last - first >= static_cast<std::size_t>(most_tokens)) continue;
      const float score = logits[2 * first] + logits[2 * last + 1];
      if (answer.last > 0 && score <= answer.score) continue;
      answer.first = static_cast<std::int32_t>(first);
      answer.last = static_cast<std::int32_t>(last);
      answer.score = score;
    }
  return answer;
}

WindowAnswer WindowAnswer::in(std::span<const float> values) {
  if (values.size() != numbers) return of(values);
  return {.first = static_cast<std::int32_t>(values[0]),
          .last = static_cast<std::int32_t>(values[1]),
          .score = values[2],
          .none = values[3],
          .log_total = values[4]};
}

std::array<float, WindowAnswer::numbers> WindowAnswer::as_numbers() const {
  return {static_cast<float>(first), static_cast<float>(last), score, none, log_total};
}

double no_answer_above(const ModelConfig& config) { return config.task ? config.task->no_answer_above.value_or(0) : 0; }

}  // namespace sharcs::internal
