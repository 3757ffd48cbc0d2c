#include <algorithm>
#include <numeric>

#include "eval/escalation.hpp"
#include "sharcs/error.hpp"
#include "sharcs/evaluation.hpp"

namespace sharcs {
using namespace internal;

std::span<const float> Answers::logits_of(std::size_t sample, int width) const {
  return std::span(logits[static_cast<std::size_t>(width)]).subspan(sample * outputs, outputs);
}

std::span<const float> Answers::router_logits_of(std::size_t sample) const {
  if (router_logits.empty()) return {};
  return std::span(router_logits).subspan(sample * widths.size(), widths.size());
}

int Answers::label_of(std::size_t sample, int width) const {
  const auto row = logits_of(sample, width);
  return static_cast<int>(std::max_element(row.begin(), row.end()) - row.begin());
}

Routing route(const Answers& answers, const WidthSet& widths, const RoutingPolicy& policy) {
  Routing routing = route(answers, std::vector<int>(answers.samples(), answers.widest()));
  if (answers.router_logits.empty()) return routing;
  routing.runs.assign(answers.widths.size(), 0);
  const auto count_run = [&](int width) { ++routing.runs[static_cast<std::size_t>(width)]; };
  for (std::size_t i = 0; i < answers.samples(); ++i) {
    const RoutingQuery query = {answers.router_logits_of(i), widths, answers.tokens[i]};
    int& width = routing.width_of_sample[i];
    const auto cost_here = [&] { return answers.multiply_adds[static_cast<std::size_t>(width)][i]; };
    width = policy.choose(query);
    routing.multiply_adds[i] = cost_here();
    count_run(width);
    if (!policy.escalates()) continue;
    while (true) {
      const int next = escalate(policy, query, width, answers.logits_of(i, width), answers.is_regression());
      if (next == width) break;
      width = next;
      count_run(width);
      routing.multiply_adds[i] += cost_here() - answers.stem_multiply_adds.at(i);
    }
  }
  return routing;
}

Routing route(const Answers& answers, std::vector<int> width_of_sample) {
  if (width_of_sample.size() != answers.samples())
    throw ShapeError(std::to_string(width_of_sample.size()) + " widths for " + std::to_string(answers.samples()) +
                     " samples");
  Routing routing = {std::move(width_of_sample), {}, std::vector<std::int64_t>(answers.widths.size())};
  for (std::size_t i = 0; i < answers.samples(); ++i) {
    const int width = routing.width_of_sample[i];
    if (width < 0 || width > answers.widest())
      throw ShapeError("sample " + std::to_string(i) + " has width number " + std::to_string(width) +
                       "; expected 0 to " + std::to_string(answers.widest()));
    routing.multiply_adds.push_back(answers.multiply_adds[static_cast<std::size_t>(width)][i]);
    ++routing.runs[static_cast<std::size_t>(width)];
  }
  return routing;
}

std::vector<MetricValue> metrics_at(const Answers& answers, const Task& task, std::span<const int> width_of_sample) {
  if (width_of_sample.size() != answers.samples())
    throw ShapeError(std::to_string(width_of_sample.size()) + " widths for " + std::to_string(answers.samples()) +
                     " samples");
  if (task.kind() == TaskKind::regression) {
    std::vector<double> values;
    for (std::size_t i = 0; i < answers.samples(); ++i) values.push_back(answers.value_of(i, width_of_sample[i]));
    return evaluate(task.metrics(), answers.targets, values);
  }
  std::vector<int> labels;
  for (std::size_t i = 0; i < answers.samples(); ++i) labels.push_back(answers.label_of(i, width_of_sample[i]));
  return evaluate(task.metrics(), answers.labels, labels);
}

double cost_fraction(const Answers& answers, const Routing& routing) {
  const auto sum = [](const std::vector<std::int64_t>& costs) {
    return static_cast<double>(std::accumulate(costs.begin(), costs.end(), std::int64_t{0}));
  };
  return sum(routing.multiply_adds) / sum(answers.multiply_adds.back());
}

}  // namespace sharcs
