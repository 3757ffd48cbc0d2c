#pragma once

#include <span>
#include <string>

#include "model/parameter_store.hpp"
#include "sharcs/model_config.hpp"

namespace sharcs::internal {

/// Whether a parameter is an int8 weight in an int8 model: the large products' weights and the word embeddings. The
/// router and what has an output a class or a score stay floats: they are small, and routing hangs on them.
/// keep_fp32: names of parameters, or of what they are part of, that stay floats.
bool becomes_int8(const ModelConfig& config, const ParameterSpec& spec, std::span<const std::string> keep_fp32 = {});

/// Throws ConfigError for a name in keep_fp32 that fits no weight which would become int8. `place` begins the message.
void check_keep_fp32(const ModelConfig& config, std::span<const ParameterSpec> specs,
                     std::span<const std::string> keep_fp32, const std::string& place);

}  // namespace sharcs::internal
