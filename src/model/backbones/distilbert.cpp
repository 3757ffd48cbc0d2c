// DistilBERT (Sanh et al. 2019). In the library its parameters carry the names of the SHARCS authors' code, which are
// BERT's ("distilbert.layer.N.attention.self.query"); on disk they carry Hugging Face's ("distilbert.transformer.
// layer.N.attention.q_lin"), and only what SHARCS adds keeps the authors'.
#include <array>
#include <string_view>
#include <utility>

#include "model/backbones/bert_names.hpp"

namespace sharcs::internal::backbones {
namespace {

constexpr std::string_view authors_layer = "distilbert.layer.";
constexpr std::string_view saved_layer = "distilbert.transformer.layer.";

/// Parts of a layer: the authors' names, Hugging Face's.
constexpr std::array<std::pair<std::string_view, std::string_view>, 8> parts = {{
    {"attention.self.query", "attention.q_lin"},
    {"attention.self.key", "attention.k_lin"},
    {"attention.self.value", "attention.v_lin"},
    {"attention.output.dense", "attention.out_lin"},
    {"attention.output.LayerNorm", "sa_layer_norm"},
    {"intermediate.dense", "ffn.lin1"},
    {"output.dense", "ffn.lin2"},
    {"output.LayerNorm", "output_layer_norm"},
}};

/// The number of the layer, the part of it, and ".weight" or ".bias": what follows "….layer.".
struct LayerTensor {
  std::string index, part, kind;
};
LayerTensor split(std::string_view rest) {
  const std::size_t first = rest.find('.'), last = rest.rfind('.');
  if (first == std::string_view::npos || first == last) return {};
  return {std::string(rest.substr(0, first)), std::string(rest.substr(first + 1, last - first - 1)),
          std::string(rest.substr(last))};
}

std::string canonical_name(const std::string& name) {
  // Saved without a head, the encoder lacks the prefix.
  std::string full = name.starts_with("transformer.") ? "distilbert." + name : name;
  if (full.starts_with("distilbert.embeddings.")) return full.substr(std::string_view("distilbert.").size());
  if (!full.starts_with(saved_layer)) return full;
  const LayerTensor tensor = split(std::string_view(full).substr(saved_layer.size()));
  for (const auto& [authors, saved] : parts)
    if (tensor.part == saved)
      return std::string(authors_layer) + tensor.index + "." + std::string(authors) + tensor.kind;
  return full;
}

std::string saved_name(const std::string& name) {
  if (name.starts_with("embeddings.")) return "distilbert." + name;
  if (!name.starts_with(authors_layer)) return name;
  const LayerTensor tensor = split(std::string_view(name).substr(authors_layer.size()));
  for (const auto& [authors, saved] : parts)
    if (tensor.part == authors) return std::string(saved_layer) + tensor.index + "." + std::string(saved) + tensor.kind;
  return name;
}

}  // namespace

std::vector<Backbone> distilbert() {
  return {{.model_type = "distilbert",
           .architecture = "DistilBertForSequenceClassification",
           .embeddings = "embeddings",
           .has_token_types = false,
           .head = {.dense = "pre_classifier",
                    .output = "classifier",
                    .activation = kernels::Activation::relu,
                    .dropout_before_dense = false},
           .mask_head = {.dense = "vocab_transform", .output = "vocab_projector", .norm = "vocab_layer_norm"},
           .mask_head_has_hidden_act = true,
           .default_classifier_dropout = 0.2,
           .answer_dropout_name = "qa_dropout",
           .config_names = {{"hidden_size", "dim"},
                            {"num_hidden_layers", "n_layers"},
                            {"num_attention_heads", "n_heads"},
                            {"intermediate_size", "hidden_dim"},
                            {"hidden_act", "activation"},
                            {"hidden_dropout_prob", "dropout"},
                            {"attention_probs_dropout_prob", "attention_dropout"},
                            {"classifier_dropout", "seq_classif_dropout"}},
           .layer = [](int index) { return bert_layer(std::string(authors_layer), index); },
           .first_position = [](const ModelConfig&) { return 0; },
           .set_defaults = [](ModelConfig&) {},
           .canonical_name = canonical_name,
           .saved_name = saved_name}};
}

}  // namespace sharcs::internal::backbones
