#include "cli/policy_argument.hpp"

#include <algorithm>
#include <charconv>

#include "cli/command.hpp"

namespace sharcs {

void add_policy_option(CLI::App& command, std::string& policy) {
  policy = "argmax";
  command
      .add_option("--policy", policy,
                  "Width of each sample: argmax (the router's), fixed:W (all at W), cap:W (the router's, at most W) or "
                  "cascade:P (the router's, then wider while the answer's probability is below P)")
      ->capture_default_str();
}

RoutingPolicy policy_named(const std::string& text) {
  if (text == "argmax") return RoutingPolicy::argmax();
  const std::size_t colon = std::min(text.find(':'), text.size());
  const std::string kind = text.substr(0, colon);
  double number = 0;
  const char* const end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data() + std::min(colon + 1, text.size()), end, number);
  if (error == std::errc() && rest == end) {
    if (kind == "fixed") return RoutingPolicy::fixed(number);
    if (kind == "cap") return RoutingPolicy::argmax().capped(number);
    if (kind == "cascade" && number > 0 && number <= 1) return RoutingPolicy::argmax().cascade(number);
  }
  usage_error("--policy " + text + ": expected argmax, fixed:W, cap:W or cascade:P, as in cap:0.5");
}

}  // namespace sharcs
