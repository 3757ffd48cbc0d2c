// BERT (Devlin et al. 2019) and every size of it: TinyBERT, MiniLM, DynaBERT's compressed encoders.
#include "model/backbones/backbones.hpp"

namespace sharcs::backbones {
namespace {

LayerNames layer(int index) {
  const std::string at = "bert.encoder.layer." + std::to_string(index) + ".";
  return {.query = at + "attention.self.query",
          .key = at + "attention.self.key",
          .value = at + "attention.self.value",
          .attention_output = at + "attention.output.dense",
          .attention_norm = at + "attention.output.LayerNorm",
          .intermediate = at + "intermediate.dense",
          .output = at + "output.dense",
          .output_norm = at + "output.LayerNorm",
          .router_scope = at + "output."};
}

/// Encoders saved without a head lack the prefix; checkpoints converted from TensorFlow spell gamma and beta.
std::string canonical_name(const std::string& name) {
  std::string canonical = name;
  for (const char* scope : {"embeddings.", "encoder.", "pooler."})
    if (canonical.starts_with(scope)) canonical = "bert." + canonical;
  if (canonical.ends_with("LayerNorm.gamma")) canonical.replace(canonical.size() - 5, 5, "weight");
  if (canonical.ends_with("LayerNorm.beta")) canonical.replace(canonical.size() - 4, 4, "bias");
  return canonical;
}

}  // namespace

Backbone bert() {
  return {.model_type = "bert",
          .embeddings = "bert.embeddings",
          .has_token_types = true,
          .head = {.dense = "bert.pooler.dense",
                   .output = "classifier",
                   .activation = kernels::Activation::tanh,
                   .dropout_before_dense = false},
          .layer = layer,
          .first_position = [](const ModelConfig&) { return 0; },
          .set_defaults = [](ModelConfig&) {},
          .canonical_name = canonical_name,
          .saved_name = [](const std::string& name) { return name; }};
}

}  // namespace sharcs::backbones
