#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "sharcs/metrics.hpp"

namespace sharcs::internal {

/// "0.871 [0.850, 0.891]".
std::string estimate_text(const Estimate& estimate);
/// {"value": 0.871, "interval": [0.85, 0.891]}.
nlohmann::ordered_json estimate_json(const Estimate& estimate);

}  // namespace sharcs::internal
