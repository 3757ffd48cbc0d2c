#include "model/policy_json.hpp"

#include <fmt/format.h>

#include <cmath>
#include <limits>

#include "core/number.hpp"
#include "model/answers.hpp"
#include "model/length_cost.hpp"
#include "sharcs/error.hpp"
#include "sharcs/policy.hpp"

namespace sharcs {
using namespace internal;
namespace {

/// A list of lists of numbers, each of `columns` where that is not 0. Errors name the whole list.
std::vector<std::vector<double>> read_rows(const JsonCursor& place, std::size_t columns, const std::string& expected) {
  if (!place.exists() || !place.value().is_array()) place.fail(expected);
  std::vector<std::vector<double>> rows;
  for (const nlohmann::json& row : place.list()) {
    if (!row.is_array() || (columns > 0 && row.size() != columns)) place.fail(expected);
    rows.emplace_back();
    for (const nlohmann::json& number : row) {
      if (!number.is_number()) place.fail(expected);
      rows.back().push_back(number.get<double>());
    }
  }
  return rows;
}

}  // namespace

void RoutingRule::check(int model_widths, const std::string& name) const {
  const auto fail = [&](const std::string& key, const std::string& found, const std::string& expected) {
    throw ConfigError(name + ": \"sharcs.policy.router." + key + "\" is " + found + "; expected " + expected);
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
    for (const double part : numbers_of(costs[w]))
      if (!(part >= 0 && finite(part))) fail("costs", "with " + short_number(part), "finite numbers ≥ 0");
  }
}

RoutingRule internal::read_routing_rule(const JsonCursor& object) {
  object.object();
  RoutingRule rule;
  rule.budget = object["budget"].get<double>({.least = 0, .greatest = 1});
  rule.unit = object["unit"].get_or(CostUnit::multiply_adds);
  rule.full_cost = object["full_cost"].get<double>({.least = 0});
  rule.logistic = object["logistic"].get<bool>();
  rule.weights = read_rows(object["weights"], 0, "a list of lists of numbers, one list a width");
  rule.offsets = object["offsets"].get<std::vector<double>>();
  rule.price = object["price"].get<double>();
  const std::string rows = "a list of [constant, linear, quadratic], one a width";  // or with windowed and window
  for (const auto& row : read_rows(object["costs"], 0, rows)) {
    if (row.size() != 3 && row.size() != 5) object["costs"].fail(rows);
    rule.costs.push_back(cost_of_numbers(row));
  }
  object.refuse_unread("is not a known key");
  return rule;
}

nlohmann::ordered_json internal::to_json(const RoutingRule& rule) {
  nlohmann::ordered_json written = {{"budget", rule.budget},       {"unit", name_of(rule.unit)},
                                    {"full_cost", rule.full_cost}, {"logistic", rule.logistic},
                                    {"weights", rule.weights},     {"offsets", rule.offsets},
                                    {"price", rule.price},         {"costs", nlohmann::ordered_json::array()}};
  for (const LengthCost& cost : rule.costs) written["costs"].push_back(numbers_of(cost));
  return written;
}

void PolicyRule::check(const ModelConfig& config, const std::string& file) const {
  const auto fail = [&](const std::string& key, const std::string& found, const std::string& expected) {
    throw ConfigError(file + ": \"sharcs.policy." + key + "\" is " + found + "; expected " + expected);
  };
  try {
    Confidence{confidence};
  } catch (const ConfigError& error) {
    throw ConfigError(file + ": \"sharcs.policy.confidence\": " + error.what());
  }
  const std::size_t answers = answers_of(config).size();
  if (thresholds.empty() ? kind != "router" : thresholds.size() != answers)
    fail("thresholds", "of " + std::to_string(thresholds.size()) + " numbers",
         std::to_string(answers) + ", one for each of the model's answers");
  for (const double threshold : thresholds)
    if (!(threshold >= 0)) fail("thresholds", "with " + short_number(threshold), "numbers ≥ 0, or null");
  if (router) router->check(static_cast<int>(config.sharcs->width_mult_list.size()), file);
}

PolicyRule internal::read_policy_rule(const JsonCursor& object) {
  object.object();
  PolicyRule rule;
  rule.kind = object["kind"].get<std::string>();
  rule.target = object["target"].get_or(std::string());
  rule.confidence = object["confidence"].get_or(rule.confidence);
  if (object["thresholds"].present())
    for (const nlohmann::json& threshold : object["thresholds"].list()) {
      if (!threshold.is_null() && !threshold.is_number()) object["thresholds"].fail("a list of numbers and nulls");
      rule.thresholds.push_back(threshold.is_null() ? PolicyRule::never : threshold.get<double>());
    }
  if (object["router"].present()) rule.router = read_routing_rule(object["router"]);
  object.refuse_unread("is not a known key");
  return rule;
}

nlohmann::ordered_json internal::to_json(const PolicyRule& rule) {
  nlohmann::ordered_json written = {{"kind", rule.kind}};
  if (!rule.target.empty()) written["target"] = rule.target;
  written["confidence"] = rule.confidence;
  for (const double threshold : rule.thresholds) written["thresholds"].push_back(finite_or_null(threshold));
  if (rule.router) written["router"] = to_json(*rule.router);
  return written;
}

}  // namespace sharcs
