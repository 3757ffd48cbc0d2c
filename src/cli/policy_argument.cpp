#include "cli/policy_argument.hpp"

#include <algorithm>
#include <charconv>

#include "cli/command.hpp"
#include "sharcs/model_config.hpp"

namespace sharcs::internal {

void add_policy_option(CLI::App& command, std::string& policy) {
  policy = "model";
  command
      .add_option(
          "--policy", policy,
          "Width of each sample: model (as calibrated, else as argmax), argmax (the router's choice), fixed:W (W for "
          "all), cap:W (as model, but at most W) or cascade:P (as model, then wider while the answer's probability is "
          "below P)")
      ->capture_default_str();
}

RoutingPolicy policy_named(const std::string& text, const std::filesystem::path& model) {
  const auto of_model = [&] { return RoutingPolicy::of_model(ModelConfig::load(model / "config.json")); };
  if (text == "model") return of_model();
  if (text == "argmax") return RoutingPolicy::argmax();
  const std::size_t colon = std::min(text.find(':'), text.size());
  const std::string kind = text.substr(0, colon);
  double number = 0;
  const char* const end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data() + std::min(colon + 1, text.size()), end, number);
  if (error == std::errc() && rest == end) {
    if (kind == "fixed") return RoutingPolicy::fixed(number);
    if (kind == "cap") return of_model().capped(number);
    if (kind == "cascade" && number > 0 && number <= 1) return of_model().cascade(number);
  }
  usage_error("--policy " + text + ": expected model, argmax, fixed:W, cap:W or cascade:P, as in cap:0.5");
}

}  // namespace sharcs::internal
