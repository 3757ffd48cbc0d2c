#include <charconv>

#include "routing/policy_kind.hpp"
#include "sharcs/error.hpp"

namespace sharcs::internal::policies {

std::vector<PolicyKind> cap() {
  return {{.name = "cap",
           .form = "cap:W",
           .meaning = "as model, but never wider than W",
           .place = 6,
           .make = [](const std::string& argument, const ModelConfig& config) {
             double width = 0;
             const auto [end, problem] = std::from_chars(argument.data(), argument.data() + argument.size(), width);
             if (problem != std::errc() || end != argument.data() + argument.size())
               throw ConfigError("expected a width");
             return Policy::of_model(config).capped(width);
           }}};
}

}  // namespace sharcs::internal::policies
