// SHARCS (arXiv:2310.12126): the router's choice is the answer.
#include "routing/policy_kind.hpp"
#include "sharcs/error.hpp"

namespace sharcs::internal::policies {

std::vector<PolicyKind> router() {
  return {{.name = "router",
           .form = "router",
           .meaning = "the width with the router's largest logit",
           .place = 1,
           .make =
               [](const std::string& argument, const ModelConfig&) {
                 if (!argument.empty()) throw ConfigError("it takes nothing after the colon");
                 return Policy::router();
               },
           .search = {.router = true}}};
}

}  // namespace sharcs::internal::policies
