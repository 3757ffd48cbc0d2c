#pragma once

#include <functional>
#include <span>
#include <string>

#include "sharcs/width_set.hpp"

namespace sharcs {

/// What a policy may look at when it chooses the width of one sample.
struct RoutingQuery {
  std::span<const float> router_logits;  ///< one a width, ascending by width
  const WidthSet& widths;
  int tokens;  ///< length of the sample
};

/// Decides at which width each sample runs. A value: cheap to copy, safe to use from many threads.
class RoutingPolicy {
 public:
  using Choice = std::function<int(const RoutingQuery&)>;

  /// The width with the largest logit; the narrower one of equals (arXiv:2310.12126, section 3.3).
  static RoutingPolicy argmax();
  /// Every sample at this width. An engine throws ConfigError when its model does not have it.
  static RoutingPolicy fixed(double width);
  /// Your own: returns the index of a width, from 0 to widths.size() − 1. It must be safe to call from many threads.
  static RoutingPolicy custom(Choice choose, std::string name);

  /// This policy, but never wider than `width`, which must be one of the model's.
  RoutingPolicy capped(double width) const;

  int choose(const RoutingQuery& query) const { return choose_(query); }
  /// "argmax", "fixed 0.25", "argmax, at most 0.5", …
  const std::string& name() const { return name_; }

 private:
  RoutingPolicy(Choice choose, std::string name) : choose_(std::move(choose)), name_(std::move(name)) {}

  Choice choose_;
  std::string name_;
};

}  // namespace sharcs
