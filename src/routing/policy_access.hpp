#pragma once

#include "sharcs/policy.hpp"

namespace sharcs::internal {

/// The library's own way to what a Policy is made of, which its public face hides.
struct PolicyAccess {
  static const auto& parts(const Policy& policy) { return policy.parts_; }
};

}  // namespace sharcs::internal
