#include "routing/routing_rule.hpp"

#include <fmt/format.h>

#include <cmath>
#include <limits>

namespace sharcs {
using namespace internal;

double RoutingRule::value(std::span<const float> router_logits, int width_index) const {
  const auto w = static_cast<std::size_t>(width_index);
  double sum = offsets[w];
  for (std::size_t v = 0; v < router_logits.size(); ++v) sum += weights[w][v] * static_cast<double>(router_logits[v]);
  return logistic ? 1 / (1 + std::exp(-sum)) : sum;
}

int RoutingRule::choose(std::span<const float> router_logits, int tokens) const {
  int best = 0;
  double most = -std::numeric_limits<double>::infinity();
  for (int width = 0; width < widths(); ++width) {
    const double gain = value(router_logits, width) - price * costs[static_cast<std::size_t>(width)].of(tokens);
    if (gain > most) best = width, most = gain;
  }
  return best;
}

std::string internal::calibrated_to(const RoutingRule& rule) {
  if (rule.unit == CostUnit::seconds)
    return fmt::format("calibrated to {:.4g} ms", rule.budget * rule.full_cost * 1000);
  return fmt::format("calibrated to {:.4g} of the multiply-adds", rule.budget);
}

std::string PolicyRule::name() const {
  if (!target.empty()) return kind + ", calibrated to " + target;
  return router ? kind + ", " + calibrated_to(*router) : kind;
}

}  // namespace sharcs
