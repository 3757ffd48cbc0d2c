#include <algorithm>
#include <cmath>
#include <numeric>

#include "eval/recording_metrics.hpp"
#include "nn/loss.hpp"
#include "routing/escalation.hpp"
#include "sharcs/error.hpp"
#include "sharcs/evaluation.hpp"
#include "sharcs/model_config.hpp"

namespace sharcs {
using namespace internal;
std::vector<double> Recording::widths() const {
  std::vector<double> widths;
  for (const RecordedAnswer& answer : answers) widths.push_back(answer.width);
  return widths;
}

std::span<const float> Recording::logits_of(std::size_t sample, int answer) const {
  return std::span(answers[static_cast<std::size_t>(answer)].logits).subspan(sample * outputs, outputs);
}

std::span<const float> Recording::router_logits_of(std::size_t sample) const {
  if (router_logits.empty()) return {};
  return std::span(router_logits).subspan(sample * answers.size(), answers.size());
}

int Recording::label_of(std::size_t sample, int answer) const {
  const auto row = logits_of(sample, answer);
  return static_cast<int>(std::max_element(row.begin(), row.end()) - row.begin());
}

Routing route(const Recording& recording, const RoutingPolicy& policy) {
  Routing routing = route(recording, everything_at(recording, recording.full_width()));
  if (recording.router_logits.empty()) return routing;
  const WidthSet widths(recording.config);
  routing.runs.assign(recording.answers.size(), 0);
  for (std::size_t i = 0; i < recording.size(); ++i) {
    const RoutingQuery query = {recording.router_logits_of(i), widths, recording.tokens[i]};
    int& answer = routing.answer_of_sample[i];
    const auto is_given = [&](int index) {
      answer = index;
      ++routing.runs[static_cast<std::size_t>(index)];
    };
    is_given(policy.choose(query));
    routing.cost_of_sample[i] = cost_of(recording, i, answer);
    if (!policy.escalates()) continue;
    while (true) {
      const int next = escalate(policy, query, answer, recording.logits_of(i, answer), recording.is_regression());
      if (next == answer) break;
      is_given(next);
      routing.cost_of_sample[i] += cost_of(recording, i, answer) - recording.shared_cost.of(recording.tokens[i]);
    }
  }
  return routing;
}

Routing route(const Recording& recording, std::vector<int> answer_of_sample) {
  require_one_answer_each(recording, answer_of_sample.size());
  Routing routing = {std::move(answer_of_sample), {}, std::vector<std::int64_t>(recording.answers.size())};
  for (std::size_t i = 0; i < recording.size(); ++i) {
    const int answer = routing.answer_of_sample[i];
    if (answer < 0 || answer > recording.full_width())
      throw ShapeError("sample " + std::to_string(i) + " has answer number " + std::to_string(answer) +
                       "; expected 0 to " + std::to_string(recording.full_width()));
    routing.cost_of_sample.push_back(cost_of(recording, i, answer));
    ++routing.runs[static_cast<std::size_t>(answer)];
  }
  return routing;
}

}  // namespace sharcs
