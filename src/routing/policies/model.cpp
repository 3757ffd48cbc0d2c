#include "routing/policy_kind.hpp"
#include "sharcs/error.hpp"

namespace sharcs::internal::policies {

std::vector<PolicyKind> model() {
  return {{.name = "model",
           .form = "model",
           .meaning = "as calibrated, else the router's choice",
           .place = 0,
           .make = [](const std::string& argument, const ModelConfig& config) {
             if (!argument.empty()) throw ConfigError("it takes nothing after the colon");
             return Policy::of_model(config);
           }}};
}

}  // namespace sharcs::internal::policies
