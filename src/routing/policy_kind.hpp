#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "sharcs/model_config.hpp"
#include "sharcs/policy.hpp"

namespace sharcs::internal {

/// What calibration may decide of a policy. Nothing: it does not calibrate such policies.
struct PolicySearch {
  bool router = false;  ///< the price of the rule over the router's logits
  bool narrow = false;  ///< the threshold of narrow widths
  bool exits = false;   ///< the threshold of exits
};

/// One kind of policy: a value of --policy.
///
/// A new one is one new file: routing/policies/NAME.cpp with a function NAME() that returns it. CMake writes the list
/// of these functions (cmake/registry.cmake).
struct PolicyKind {
  std::string name;     ///< "cascade"
  std::string form;     ///< how it is given: "cascade[:P]"
  std::string meaning;  ///< for help and the reference
  int place;            ///< in lists, ascending
  /// Throws ConfigError when the argument, what stands after the colon, is none of such a policy.
  Policy (*make)(const std::string& argument, const ModelConfig& config);
  PolicySearch search = {};
};

namespace policies {
/// Those of every file in routing/policies/. Written by CMake.
std::vector<PolicyKind> all();
}  // namespace policies

/// All kinds, in the order of their places.
const std::vector<PolicyKind>& policy_kinds();
/// The kind of this name, or null.
const PolicyKind* find_policy_kind(std::string_view name);
/// "router, cascade[:P], …", for messages.
std::string policy_forms();

/// The policy of `text`, as in "cascade:0.9". Throws ConfigError.
Policy policy_named(const std::string& text, const ModelConfig& config);

/// An argument such as "0.9", "0.9,0.95" or "0.9:entropy": numbers, and after a colon the name of a confidence. Missing
/// numbers are 0.9.
struct ThresholdArgument {
  std::vector<double> numbers;
  Confidence confidence;
};
/// Throws ConfigError when there are more numbers than `most`, or one is not above 0 and at most the confidence's
/// greatest value.
ThresholdArgument read_thresholds(const std::string& argument, std::size_t most);

}  // namespace sharcs::internal
