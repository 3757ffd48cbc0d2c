#include <algorithm>

#include "sharcs/error.hpp"
#include "sharcs/evaluation.hpp"

namespace sharcs {

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

std::vector<int> choose_widths(const Answers& answers, const WidthSet& widths, const RoutingPolicy& policy) {
  std::vector<int> chosen(answers.samples(), answers.widest());
  for (std::size_t i = 0; i < chosen.size(); ++i)
    chosen[i] = policy.choose({answers.router_logits_of(i), widths, answers.tokens[i]});
  return chosen;
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

double cost_fraction(const Answers& answers, std::span<const int> width_of_sample) {
  double chosen = 0, full = 0;
  for (std::size_t i = 0; i < width_of_sample.size(); ++i) {
    chosen += static_cast<double>(answers.multiply_adds[static_cast<std::size_t>(width_of_sample[i])][i]);
    full += static_cast<double>(answers.multiply_adds.back()[i]);
  }
  return chosen / full;
}

}  // namespace sharcs
