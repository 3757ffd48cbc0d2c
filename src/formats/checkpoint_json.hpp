#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace sharcs::internal {

/// Parses JSON that is part of a checkpoint, which must be one object without repeated keys.
///
/// `place` begins the message of the CheckpointError: "model.safetensors: the header".
nlohmann::json parse_checkpoint_json(std::string_view text, const std::string& place);

}  // namespace sharcs::internal
