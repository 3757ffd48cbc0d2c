#include "sharcs/routing_policy.hpp"

#include <algorithm>

#include "core/json_reader.hpp"

namespace sharcs {

RoutingPolicy RoutingPolicy::argmax() {
  return {[](const RoutingQuery& query) {
            const auto largest = std::max_element(query.router_logits.begin(), query.router_logits.end());
            return static_cast<int>(largest - query.router_logits.begin());
          },
          "argmax"};
}

RoutingPolicy RoutingPolicy::fixed(double width) {
  return {[width](const RoutingQuery& query) { return query.widths.at(width).index(); },
          "fixed " + short_number(width)};
}

RoutingPolicy RoutingPolicy::custom(Choice choose, std::string name) { return {std::move(choose), std::move(name)}; }

RoutingPolicy RoutingPolicy::capped(double width) const {
  return {[choose = choose_, width](const RoutingQuery& query) {
            return std::min(choose(query), query.widths.at(width).index());
          },
          name_ + ", at most " + short_number(width)};
}

}  // namespace sharcs
