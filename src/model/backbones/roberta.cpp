// RoBERTa (Liu et al. 2019): BERT's encoder, positions that start behind the padding's id and leave out
// tokens that have it, a head of its own. XLM-RoBERTa
// and CamemBERT share its architecture under another model_type.
#include "model/backbones/bert_names.hpp"

namespace sharcs::internal::backbones {

namespace {

Backbone roberta_like(const std::string& model_type, const std::string& architecture) {
  return {.model_type = model_type,
          .architecture = architecture,
          .embeddings = "roberta.embeddings",
          .has_token_types = true,
          .head = {.dense = "classifier.dense",
                   .output = "classifier.out_proj",
                   .activation = kernels::Activation::tanh,
                   .dropout_before_dense = true},
          .mask_head = {.dense = "lm_head.dense",
                        .output = "lm_head",
                        .activation = kernels::Activation::gelu,
                        .norm = "lm_head.layer_norm"},
          .layer = [](int index) { return bert_layer("roberta.encoder.layer.", index); },
          .first_position = [](const ModelConfig& config) { return config.pad_token_id + 1; },
          .uncounted_id = [](const ModelConfig& config) { return config.pad_token_id; },
          .set_defaults = [](ModelConfig& config) { config.pad_token_id = 1; },
          .canonical_name = [](const std::string& name) { return bert_canonical_name("roberta.", name); },
          .saved_name = [](const std::string& name) { return name; }};
}

}  // namespace

std::vector<Backbone> roberta() {
  return {roberta_like("roberta", "RobertaForSequenceClassification"),
          roberta_like("xlm-roberta", "XLMRobertaForSequenceClassification"),
          roberta_like("camembert", "CamembertForSequenceClassification")};
}

}  // namespace sharcs::internal::backbones
