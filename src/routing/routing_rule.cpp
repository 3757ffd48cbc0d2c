#include <cmath>
#include <cstdio>
#include <limits>

#include "sharcs/routing.hpp"

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

std::string RoutingRule::name() const {
  const auto text = [](double number) {
    char digits[32];
    std::snprintf(digits, sizeof digits, "%.4g", number);
    return std::string(digits);
  };
  if (unit == CostUnit::seconds) return "calibrated to " + text(budget * full_cost * 1000) + " ms";
  return "calibrated to " + text(budget) + " of the multiply-adds";
}

}  // namespace sharcs
