#pragma once

#include <span>
#include <string>

#include "model/parameter_store.hpp"
#include "sharcs/model_config.hpp"

namespace sharcs::internal {

/// Whether a parameter is a bf16 weight in a bf16 model: the large products' weights and the word embeddings. The
/// router and what has an output a class or a score stay floats: they are small, and routing hangs on them. keep_fp32:
/// names of parameters, or of what they are part of, that stay floats.
bool becomes_bf16(const ModelConfig& config, const ParameterSpec& spec, std::span<const std::string> keep_fp32 = {});
/// The same for int8: but for weights of so many inputs that their sums would overflow.
bool becomes_int8(const ModelConfig& config, const ParameterSpec& spec, std::span<const std::string> keep_fp32 = {});
/// One of the two.
using BecomesLow = bool (*)(const ModelConfig&, const ParameterSpec&, std::span<const std::string>);

/// Throws ConfigError for a name in keep_fp32 that fits no weight for which `becomes`. precision: "int8", for the
/// message, which `place` begins.
void check_keep_fp32(const ModelConfig& config, std::span<const ParameterSpec> specs,
                     std::span<const std::string> keep_fp32, BecomesLow becomes, const std::string& precision,
                     const std::string& place);

}  // namespace sharcs::internal
