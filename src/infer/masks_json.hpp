#pragma once

#include <nlohmann/json_fwd.hpp>

#include "sharcs/classifier.hpp"

namespace sharcs::internal {

/// What Classifier::fill has said of a text, as programs write it: a list for each mask,
/// [[{"token": "film", "id": 7, "probability": 0.9}, …], …].
nlohmann::ordered_json masks_json(const FilledText& filled);

}  // namespace sharcs::internal
