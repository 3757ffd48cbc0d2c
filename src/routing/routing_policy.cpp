#include <algorithm>

#include "core/number.hpp"
#include "sharcs/error.hpp"
#include "sharcs/model_config.hpp"
#include "sharcs/routing.hpp"

namespace sharcs {
using namespace internal;

RoutingPolicy RoutingPolicy::argmax() {
  const auto largest = [](const RoutingQuery& query) {
    return static_cast<int>(std::ranges::max_element(query.router_logits) - query.router_logits.begin());
  };
  return custom(largest, "argmax");
}

RoutingPolicy RoutingPolicy::calibrated(RoutingRule rule) {
  const std::string name = rule.name();
  const auto by_rule = [rule = std::move(rule)](const RoutingQuery& query) {
    if (rule.widths() != query.widths.size())
      throw ConfigError("the calibrated rule is for " + std::to_string(rule.widths()) + " widths, the model has " +
                        std::to_string(query.widths.size()));
    return rule.choose(query.router_logits, query.tokens);
  };
  return custom(by_rule, name);
}

RoutingPolicy RoutingPolicy::of_model(const ModelConfig& config) {
  return config.sharcs && config.sharcs->routing ? calibrated(*config.sharcs->routing) : argmax();
}

RoutingPolicy RoutingPolicy::fixed(double width) {
  const auto here = [width](const RoutingQuery& query) { return query.widths.at(width).index(); };
  return custom(here, "fixed " + short_number(width));
}

RoutingPolicy RoutingPolicy::custom(Choice choose, std::string name) {
  return RoutingPolicy(Parts{.choose = std::move(choose), .escalate = {}, .name = std::move(name)});
}

RoutingPolicy RoutingPolicy::capped(double width) const {
  Parts parts = parts_;
  parts.name += ", at most " + short_number(width);
  parts.choose = [inner = parts_.choose, width](const RoutingQuery& query) {
    return std::min(inner(query), query.widths.at(width).index());
  };
  if (escalates())
    parts.escalate = [inner = parts_.escalate, width](const EscalationQuery& query) {
      const int cap = query.routing.widths.at(width).index();
      return query.width_index >= cap ? query.width_index : std::min(inner(query), cap);
    };
  return RoutingPolicy(std::move(parts));
}

RoutingPolicy RoutingPolicy::cascade(double confidence) const {
  if (!(confidence > 0 && confidence <= 1))
    throw ConfigError("the cascade's confidence is " + short_number(confidence) +
                      "; expected a number above 0 and at most 1");
  const auto next_if_unsure = [confidence](const EscalationQuery& query) {
    if (query.probabilities.empty())
      throw ConfigError("a cascade by confidence needs class probabilities; a regression has none");
    const bool sure = *std::ranges::max_element(query.probabilities) >= confidence;
    const bool widest = query.width_index + 1 == query.routing.widths.size();
    return sure || widest ? query.width_index : query.width_index + 1;
  };
  return escalating(next_if_unsure, name() + ", wider below confidence " + short_number(confidence));
}

RoutingPolicy RoutingPolicy::escalating(Escalation escalate, std::string name) const {
  return RoutingPolicy(Parts{.choose = parts_.choose, .escalate = std::move(escalate), .name = std::move(name)});
}

int RoutingPolicy::choose(const RoutingQuery& query) const {
  const int index = parts_.choose(query);
  if (index < 0 || index >= query.widths.size())
    throw ConfigError("the routing policy \"" + name() + "\" chose width number " + std::to_string(index) +
                      "; expected 0 to " + std::to_string(query.widths.size() - 1));
  return index;
}

int RoutingPolicy::escalate(const EscalationQuery& query) const {
  if (!escalates()) return query.width_index;
  const int index = parts_.escalate(query);
  if (index < query.width_index || index >= query.routing.widths.size())
    throw ConfigError("the routing policy \"" + name() + "\" chose width number " + std::to_string(index) +
                      " after width number " + std::to_string(query.width_index) + "; expected " +
                      std::to_string(query.width_index) + " to " + std::to_string(query.routing.widths.size() - 1));
  return index;
}

}  // namespace sharcs
