#include "model/backbone.hpp"

#include "sharcs/error.hpp"

namespace sharcs::internal {
namespace {

const std::map<std::string, Backbone>& registry() {
  static const std::map<std::string, Backbone> all = [] {
    std::map<std::string, Backbone> map;
    for (Backbone& backbone : backbones::all()) map.emplace(backbone.model_type, std::move(backbone));
    return map;
  }();
  return all;
}

std::string row_problem(const char* what, std::int32_t found, int rows, const char* key) {
  return "has the " + std::string(what) + " " + std::to_string(found) + "; expected " +
         (rows > 0 ? "0 to " + std::to_string(rows - 1) : "none") + ", by the model's \"" + key + "\"";
}

}  // namespace

std::string Backbone::architecture_of(const ModelConfig& config) const {
  constexpr std::string_view of_texts = "SequenceClassification";
  std::string name = architecture;
  if (config.per_token)
    name.replace(name.find(of_texts), of_texts.size(),
                 config.fills_masks     ? "MaskedLM"
                 : config.finds_answers ? "QuestionAnswering"
                                        : "TokenClassification");
  return name;
}

double Backbone::classifier_dropout_of(const ModelConfig& config) const {
  if (config.fills_masks) return 0;
  if (config.finds_answers && !has_same_head_for_tokens)
    return answer_dropout_name.empty() ? 0 : config.classifier_dropout.value_or(0.1);
  if (config.classifier_dropout) return *config.classifier_dropout;
  return default_classifier_dropout < 0 ? config.hidden_dropout_prob : default_classifier_dropout;
}

std::string Backbone::beyond_embeddings(const ModelConfig& config, std::span<const std::int32_t> ids,
                                        std::span<const std::int32_t> token_types) const {
  for (const std::int32_t id : ids)
    if (id < 0 || id >= config.vocab_size) return row_problem("token id", id, config.vocab_size, "vocab_size");
  if (!has_token_types) return {};
  constexpr std::int32_t first_type[] = {0};
  for (const std::int32_t type : token_types.empty() ? std::span(first_type) : token_types)
    if (type < 0 || type >= config.type_vocab_size)
      return row_problem("token type", type, config.type_vocab_size, "type_vocab_size");
  return {};
}

const Backbone& find_backbone(const std::string& model_type, const std::string& file) {
  const auto found = registry().find(model_type);
  if (found == registry().end())
    throw ConfigError(file + ": \"model_type\" is \"" + model_type + "\"; expected one of " + known_backbones());
  return found->second;
}

std::string known_backbones() {
  std::string names;
  for (const auto& [name, backbone] : registry()) names += (names.empty() ? "" : ", ") + name;
  return names;
}

}  // namespace sharcs::internal
