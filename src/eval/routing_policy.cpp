#include "sharcs/routing_policy.hpp"

#include <algorithm>

#include "core/json_reader.hpp"
#include "sharcs/error.hpp"

namespace sharcs {
using namespace internal;

RoutingPolicy RoutingPolicy::argmax() {
  return {[](const RoutingQuery& query) {
            const auto largest = std::max_element(query.router_logits.begin(), query.router_logits.end());
            return static_cast<int>(largest - query.router_logits.begin());
          },
          {},
          "argmax"};
}

RoutingPolicy RoutingPolicy::calibrated(RoutingRule rule) {
  const std::string name = rule.name();
  return {[rule = std::move(rule)](const RoutingQuery& query) {
            if (rule.widths() != query.widths.size())
              throw ConfigError("the calibrated rule is for " + std::to_string(rule.widths()) +
                                " widths, the model has " + std::to_string(query.widths.size()));
            return rule.choose(query.router_logits, query.tokens);
          },
          {},
          name};
}

RoutingPolicy RoutingPolicy::of_model(const ModelConfig& config) {
  return config.sharcs && config.sharcs->routing ? calibrated(*config.sharcs->routing) : argmax();
}

RoutingPolicy RoutingPolicy::fixed(double width) {
  return {[width](const RoutingQuery& query) { return query.widths.at(width).index(); },
          {},
          "fixed " + short_number(width)};
}

RoutingPolicy RoutingPolicy::custom(Choice choose, std::string name) {
  return {std::move(choose), {}, std::move(name)};
}

RoutingPolicy RoutingPolicy::capped(double width) const {
  Escalation escalate;
  if (escalates())
    escalate = [inner = escalate_, width](const EscalationQuery& query) {
      const int cap = query.routing.widths.at(width).index();
      return query.width >= cap ? query.width : std::min(inner(query), cap);
    };
  return {[inner = choose_, width](const RoutingQuery& query) {
            return std::min(inner(query), query.widths.at(width).index());
          },
          std::move(escalate), name_ + ", at most " + short_number(width)};
}

RoutingPolicy RoutingPolicy::cascade(double confidence) const {
  if (!(confidence > 0 && confidence <= 1))
    throw ConfigError("the cascade's confidence is " + short_number(confidence) +
                      "; expected a number above 0 and at most 1");
  return escalating(
      [confidence](const EscalationQuery& query) {
        if (query.probabilities.empty())
          throw ConfigError("a cascade by confidence needs class probabilities; a regression has none");
        const bool sure = *std::max_element(query.probabilities.begin(), query.probabilities.end()) >= confidence;
        return sure || query.width + 1 == query.routing.widths.size() ? query.width : query.width + 1;
      },
      name_ + ", wider below confidence " + short_number(confidence));
}

RoutingPolicy RoutingPolicy::escalating(Escalation escalate, std::string name) const {
  return {choose_, std::move(escalate), std::move(name)};
}

int RoutingPolicy::choose(const RoutingQuery& query) const {
  const int width = choose_(query);
  if (width < 0 || width >= query.widths.size())
    throw ConfigError("the routing policy \"" + name_ + "\" chose width number " + std::to_string(width) +
                      "; expected 0 to " + std::to_string(query.widths.size() - 1));
  return width;
}

int RoutingPolicy::escalate(const EscalationQuery& query) const {
  if (!escalate_) return query.width;
  const int width = escalate_(query);
  if (width < query.width || width >= query.routing.widths.size())
    throw ConfigError("the routing policy \"" + name_ + "\" chose width number " + std::to_string(width) +
                      " after width number " + std::to_string(query.width) + "; expected " +
                      std::to_string(query.width) + " to " + std::to_string(query.routing.widths.size() - 1));
  return width;
}

}  // namespace sharcs
