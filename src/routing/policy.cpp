#include "sharcs/policy.hpp"

#include <algorithm>

#include "core/number.hpp"
#include "routing/routing_rule.hpp"
#include "sharcs/error.hpp"
#include "sharcs/model_config.hpp"

namespace sharcs {
using namespace internal;
namespace {

std::string with_confidence(const std::string& name, const Confidence& confidence) {
  return confidence.name() == Confidence().name() ? name : name + " of " + confidence.name();
}

void require_threshold(double threshold, const Confidence& confidence) {
  if (!(threshold > 0 && threshold <= confidence.greatest()))
    throw ConfigError("the threshold of " + confidence.name() + " is " + short_number(threshold) +
                      "; expected a number above 0 and at most " + short_number(confidence.greatest()));
}

}  // namespace

Policy Policy::router() {
  const auto largest = [](const RoutingQuery& query) {
    return static_cast<int>(std::ranges::max_element(query.router_logits) - query.router_logits.begin());
  };
  return custom(largest, "router");
}

Policy Policy::router(RoutingRule rule) {
  std::string name = "router, " + calibrated_to(rule);
  const auto by_rule = [rule = std::move(rule)](const RoutingQuery& query) {
    if (rule.widths() != query.widths.size())
      throw ConfigError("the calibrated rule is for " + std::to_string(rule.widths()) + " widths, the model has " +
                        std::to_string(query.widths.size()));
    return rule.choose(query.router_logits, query.tokens);
  };
  return custom(by_rule, std::move(name));
}

Policy Policy::cascade(double threshold, const Confidence& confidence) {
  require_threshold(threshold, confidence);
  return Policy(Parts{.confidence = confidence,
                      .narrow = threshold,
                      .name = with_confidence("cascade " + short_number(threshold), confidence)});
}

Policy Policy::exits(double threshold, const Confidence& confidence) {
  require_threshold(threshold, confidence);
  return Policy(Parts{.confidence = confidence,
                      .narrow = PolicyRule::never,
                      .exits = threshold,
                      .name = with_confidence("exits " + short_number(threshold), confidence)});
}

Policy Policy::combined(double narrow, double exits, const Confidence& confidence) {
  require_threshold(narrow, confidence);
  require_threshold(exits, confidence);
  return Policy(
      Parts{.confidence = confidence,
            .narrow = narrow,
            .exits = exits,
            .name = with_confidence("combined " + short_number(narrow) + ", " + short_number(exits), confidence)});
}

Policy Policy::fixed(double width) { return Policy(Parts{.fixed = width, .name = "fixed " + short_number(width)}); }

Policy Policy::fixed_exit(int layer) {
  return Policy(Parts{.only_exit = layer, .name = "fixed exit " + std::to_string(layer)});
}

Policy Policy::of(const PolicyRule& rule) {
  Parts parts = {.confidence = Confidence(rule.confidence), .thresholds = rule.thresholds, .name = rule.name()};
  if (rule.router) parts.choose = router(*rule.router).parts_.choose;
  return Policy(std::move(parts));
}

Policy Policy::of_model(const ModelConfig& config) {
  return config.sharcs && config.sharcs->policy ? of(*config.sharcs->policy) : router();
}

Policy Policy::custom(Choice choose, std::string name) {
  return Policy(Parts{.choose = std::move(choose), .name = std::move(name)});
}

Policy Policy::capped(double width) const {
  Parts parts = parts_;
  parts.cap = parts.cap ? std::min(*parts.cap, width) : width;
  parts.name += ", at most " + short_number(width);
  return Policy(std::move(parts));
}

Policy Policy::at_least(double threshold, const Confidence& confidence) const {
  require_threshold(threshold, confidence);
  Parts parts = parts_;
  parts.narrow = threshold;
  parts.confidence = confidence;
  parts.name += with_confidence(", wider below " + short_number(threshold), confidence);
  return Policy(std::move(parts));
}

Policy Policy::accepting(Acceptance accept, std::string name) const {
  Parts parts = parts_;
  parts.accept = std::move(accept);
  parts.name = std::move(name);
  return Policy(std::move(parts));
}

}  // namespace sharcs
