#include "sharcs/routing_rule.hpp"

#include <cmath>
#include <cstdio>
#include <limits>

#include "model/routing_rule_json.hpp"
#include "sharcs/error.hpp"

namespace sharcs {
using namespace internal;
namespace {

constexpr double huge = std::numeric_limits<double>::max();
constexpr const char* multiply_adds_name = "multiply_adds";
constexpr const char* seconds_name = "seconds";

/// A list of lists of numbers, each of `columns` where that is not 0.
std::vector<std::vector<double>> read_rows(JsonReader& reader, const std::string& key, std::size_t columns,
                                           const std::string& expected) {
  const nlohmann::json& found = reader.raw(key);
  std::vector<std::vector<double>> rows;
  if (!found.is_array()) reader.fail(key, expected);
  for (const nlohmann::json& row : found) {
    if (!row.is_array() || (columns > 0 && row.size() != columns)) reader.fail(key, expected);
    rows.emplace_back();
    for (const nlohmann::json& number : row) {
      if (!number.is_number()) reader.fail(key, expected);
      rows.back().push_back(number.get<double>());
    }
  }
  return rows;
}

}  // namespace

double RoutingRule::value(std::span<const float> router_logits, int width) const {
  const auto w = static_cast<std::size_t>(width);
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

void RoutingRule::check(int model_widths, const std::string& name) const {
  const auto fail = [&](const std::string& key, const std::string& found, const std::string& expected) {
    throw ConfigError(name + ": \"sharcs.routing." + key + "\" is " + found + "; expected " + expected);
  };
  const auto count = static_cast<std::size_t>(model_widths);
  const std::string per_width = " for the model's " + std::to_string(model_widths) + " widths";
  const auto finite = [](double number) { return std::isfinite(number); };
  if (!(budget > 0 && budget <= 1)) fail("budget", short_number(budget), "a number above 0 and at most 1");
  if (!(full_cost > 0 && finite(full_cost))) fail("full_cost", short_number(full_cost), "a number above 0");
  if (!finite(price)) fail("price", short_number(price), "a finite number");
  if (offsets.size() != count)
    fail("offsets", "of " + std::to_string(offsets.size()) + " numbers", std::to_string(count) + per_width);
  if (costs.size() != count)
    fail("costs", "of " + std::to_string(costs.size()) + " rows", std::to_string(count) + per_width);
  if (weights.size() != count)
    fail("weights", "of " + std::to_string(weights.size()) + " rows", std::to_string(count) + per_width);
  for (std::size_t w = 0; w < count; ++w) {
    if (weights[w].size() != count)
      fail("weights", "with a row of " + std::to_string(weights[w].size()), std::to_string(count) + per_width);
    for (const double weight : weights[w])
      if (!finite(weight)) fail("weights", "with " + short_number(weight), "finite numbers");
    if (!finite(offsets[w])) fail("offsets", "with " + short_number(offsets[w]), "finite numbers");
    for (const double part : {costs[w].constant, costs[w].linear, costs[w].quadratic})
      if (!(part >= 0 && finite(part))) fail("costs", "with " + short_number(part), "finite numbers ≥ 0");
  }
}

RoutingRule internal::read_routing_rule(JsonReader& reader, const std::string& key) {
  JsonReader own = reader.object(key);
  RoutingRule rule;
  const auto require = [&](bool found, const std::string& name, const std::string& expected) {
    if (!found) own.fail(name, expected);
  };
  require(own.read("budget", rule.budget, 0, 1), "budget", "a number above 0 and at most 1");
  std::string unit = multiply_adds_name;
  own.read("unit", unit);
  if (unit != multiply_adds_name && unit != seconds_name) own.fail("unit", "\"multiply_adds\" or \"seconds\"");
  rule.unit = unit == seconds_name ? CostUnit::seconds : CostUnit::multiply_adds;
  require(own.read("full_cost", rule.full_cost, 0, huge), "full_cost", "a number above 0");
  require(own.read("logistic", rule.logistic), "logistic", "true or false");
  rule.weights = read_rows(own, "weights", 0, "a list of lists of numbers, one list a width");
  require(own.read("offsets", rule.offsets), "offsets", "a list of numbers, one a width");
  require(own.read("price", rule.price, -huge, huge), "price", "a number");
  for (const auto& row : read_rows(own, "costs", 3, "a list of [constant, linear, quadratic], one a width"))
    rule.costs.push_back({row[0], row[1], row[2]});
  if (!own.unread().empty())
    throw ConfigError(own.name() + ": \"sharcs.routing." + own.unread().front() + "\" is not a known key");
  return rule;
}

nlohmann::ordered_json internal::to_json(const RoutingRule& rule) {
  nlohmann::ordered_json written = {
      {"budget", rule.budget},       {"unit", rule.unit == CostUnit::seconds ? seconds_name : multiply_adds_name},
      {"full_cost", rule.full_cost}, {"logistic", rule.logistic},
      {"weights", rule.weights},     {"offsets", rule.offsets},
      {"price", rule.price},         {"costs", nlohmann::ordered_json::array()}};
  for (const LengthCost& cost : rule.costs) written["costs"].push_back({cost.constant, cost.linear, cost.quadratic});
  return written;
}

}  // namespace sharcs
