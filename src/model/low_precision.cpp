#include "model/low_precision.hpp"

#include <algorithm>

#include "core/quote.hpp"
#include "kernels/int8_matrix.hpp"
#include "model/backbone.hpp"
#include "sharcs/error.hpp"

namespace sharcs::internal {
namespace {

/// "bert.encoder.layer.3" names all of the layer, "bert.encoder.layer.3.output.dense.weight" one weight.
bool names(const std::string& name, const ParameterSpec& spec) {
  return spec.name == name || spec.name.starts_with(name + ".");
}

}  // namespace

bool becomes_bf16(const ModelConfig& config, const ParameterSpec& spec, std::span<const std::string> keep_fp32) {
  if (std::ranges::any_of(keep_fp32, [&](const std::string& name) { return names(name, spec); })) return false;
  if (spec.name.ends_with(".word_embeddings.weight")) return true;
  if (!spec.packed || spec.component == Component::router) return false;
  if (spec.component == Component::exit) return spec.name.ends_with(".dense.weight");
  return spec.name != find_backbone(config.model_type).head_of(config).output + ".weight";
}

bool becomes_int8(const ModelConfig& config, const ParameterSpec& spec, std::span<const std::string> keep_fp32) {
  return becomes_bf16(config, spec, keep_fp32) && (!spec.packed || spec.shape[1] <= kernels::Int8Matrix::most_inputs);
}

void check_keep_fp32(const ModelConfig& config, std::span<const ParameterSpec> specs,
                     std::span<const std::string> keep_fp32, BecomesLow becomes, const std::string& precision,
                     const std::string& place) {
  for (const std::string& name : keep_fp32) {
    if (std::ranges::any_of(specs,
                            [&](const ParameterSpec& spec) { return names(name, spec) && becomes(config, spec, {}); }))
      continue;
    const auto example =
        std::ranges::find_if(specs, [&](const ParameterSpec& spec) { return becomes(config, spec, {}); });
    throw ConfigError(place + ": " + quote(name) + " names no weight that would be " + precision +
                      "; expected a name like " + quote(example->name) + ", or its beginning up to a point");
  }
}

}  // namespace sharcs::internal
