#pragma once

#include "model/encoder.hpp"
#include "sharcs/engine.hpp"

namespace sharcs::internal {

/// The library's own way to an Engine's weights, which its public face hides.
struct EngineAccess {
  static const Encoder<float>& encoder(const Engine& engine);
};

inline const Encoder<float>& encoder_of(const Engine& engine) { return EngineAccess::encoder(engine); }

}  // namespace sharcs::internal
