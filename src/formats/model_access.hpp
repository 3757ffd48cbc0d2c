#pragma once

#include "model/network.hpp"
#include "sharcs/model.hpp"

namespace sharcs::internal {

/// The library's own way to a Model's parameters, which its public face hides.
struct ModelAccess {
  static Network<float>& network(Model& model) { return *model.network_; }
  static const Network<float>& network(const Model& model) { return *model.network_; }
};

inline Network<float>& network_of(Model& model) { return ModelAccess::network(model); }
inline const Network<float>& network_of(const Model& model) { return ModelAccess::network(model); }

}  // namespace sharcs::internal
