// ELECTRA's discriminator (Clark et al. 2020): BERT's encoder over embeddings of their own size, and a head with GELU
// in place of a pooler.
#include "model/backbones/bert_names.hpp"

namespace sharcs::internal::backbones {

std::vector<Backbone> electra() {
  return {{.model_type = "electra",
           .architecture = "ElectraForSequenceClassification",
           .embeddings = "electra.embeddings",
           .has_token_types = true,
           .projection = EmbeddingProjection::where_sizes_differ,
           .embedding_projection = "electra.embeddings_project",
           .head = {.dense = "classifier.dense",
                    .output = "classifier.out_proj",
                    .activation = kernels::Activation::gelu,
                    .dropout_before_dense = true},
           .mask_head = {.dense = "generator_predictions.dense",
                         .output = "generator_lm_head",
                         .activation = kernels::Activation::gelu,
                         .norm = "generator_predictions.LayerNorm"},
           .layer = [](int index) { return bert_layer("electra.encoder.layer.", index); },
           .first_position = [](const ModelConfig&) { return 0; },
           .set_defaults = [](ModelConfig& config) { config.embedding_size = 128; },
           .canonical_name =
               [](const std::string& name) {
                 if (name.starts_with("embeddings_project.")) return "electra." + name;
                 return bert_canonical_name("electra.", name);
               },
           .saved_name = [](const std::string& name) { return name; }}};
}

}  // namespace sharcs::internal::backbones
