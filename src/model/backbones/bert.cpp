// BERT (Devlin et al. 2019) and every size of it: TinyBERT, MiniLM, DynaBERT's compressed encoders.
#include "model/backbones/bert_names.hpp"

namespace sharcs::internal::backbones {

LayerNames bert_layer(const std::string& prefix, int index) {
  const std::string at = prefix + std::to_string(index) + ".";
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

std::string bert_canonical_name(const std::string& prefix, const std::string& name) {
  std::string canonical = name;
  for (const char* scope : {"embeddings.", "encoder.", "pooler."})
    if (name.starts_with(scope)) canonical = prefix + name;
  if (canonical.ends_with("LayerNorm.gamma")) canonical.replace(canonical.size() - 5, 5, "weight");
  if (canonical.ends_with("LayerNorm.beta")) canonical.replace(canonical.size() - 4, 4, "bias");
  return canonical;
}

std::vector<Backbone> bert() {
  return {{.model_type = "bert",
           .architecture = "BertForSequenceClassification",
           .embeddings = "bert.embeddings",
           .has_token_types = true,
           .head = {.dense = "bert.pooler.dense",
                    .output = "classifier",
                    .activation = kernels::Activation::tanh,
                    .dropout_before_dense = false},
           .mask_head = {.dense = "cls.predictions.transform.dense",
                         .output = "cls.predictions",
                         .norm = "cls.predictions.transform.LayerNorm"},
           .mask_head_has_hidden_act = true,
           .layer = [](int index) { return bert_layer("bert.encoder.layer.", index); },
           .first_position = [](const ModelConfig&) { return 0; },
           .set_defaults = [](ModelConfig&) {},
           .canonical_name = [](const std::string& name) { return bert_canonical_name("bert.", name); },
           .saved_name = [](const std::string& name) { return name; }}};
}

}  // namespace sharcs::internal::backbones
