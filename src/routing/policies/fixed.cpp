#include <charconv>

#include "routing/policy_kind.hpp"
#include "sharcs/error.hpp"

namespace sharcs::internal::policies {

std::vector<PolicyKind> fixed() {
  return {{.name = "fixed",
           .form = "fixed:W",
           .meaning = "everything at width W, or with exit-N for W at the exit after layer N",
           .place = 5,
           .make = [](const std::string& argument, const ModelConfig&) {
             const bool is_exit = argument.starts_with("exit-");
             const std::string digits = is_exit ? argument.substr(5) : argument;
             double number = 0;
             const auto [end, problem] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
             if (problem != std::errc() || end != digits.data() + digits.size() || !(number > 0 && number < 1e6))
               throw ConfigError("expected a width, or exit- and a layer");
             return is_exit ? Policy::fixed_exit(static_cast<int>(number)) : Policy::fixed(number);
           }}};
}

}  // namespace sharcs::internal::policies
