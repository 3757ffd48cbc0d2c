#include "sharcs/model_config.hpp"

#include <unistd.h>

#include <algorithm>
#include <limits>
#include <utility>

#include "core/json_reader.hpp"
#include "core/text_table.hpp"
#include "io/file.hpp"
#include "model/backbone.hpp"
#include "model/routing_rule_json.hpp"
#include "sharcs/error.hpp"
#include "sharcs/width_set.hpp"

namespace sharcs {
using namespace internal;
namespace {

using Json = nlohmann::ordered_json;
constexpr int largest = std::numeric_limits<int>::max();
constexpr int most_layers = 1 << 16;

std::vector<std::string> read_labels(JsonReader& reader) {
  int count = 2;
  const bool counted = reader.read("num_labels", count, 1, 1 << 20);
  reader.raw("label2id");  // the inverse of id2label, written again from it
  const nlohmann::json names = reader.raw("id2label");
  std::vector<std::string> labels;
  if (names.is_object() && (!counted || static_cast<int>(names.size()) == count)) {
    for (std::size_t i = 0; i < names.size(); ++i) {
      const auto name = names.find(std::to_string(i));
      if (name == names.end() || !name->is_string())
        reader.fail("id2label", "a name for each of \"0\" to \"" + std::to_string(names.size() - 1) + "\"");
      labels.push_back(name->get<std::string>());
    }
  } else if (!names.is_null() && !names.is_object()) {
    reader.fail("id2label", "an object of class names");
  }
  if (labels.empty())
    for (int i = 0; i < count; ++i) labels.push_back(std::to_string(i));
  return labels;
}

std::optional<SharcsConfig> read_sharcs(JsonReader& reader) {
  const bool nested = reader.has("sharcs");
  if (!nested && !reader.has("width_mult_list")) return std::nullopt;
  SharcsConfig sharcs;
  JsonReader own = nested ? reader.object("sharcs") : JsonReader(nlohmann::json::object(), reader.name(), "");
  JsonReader& from = nested ? own : reader;
  from.read("width_mult_list", sharcs.width_mult_list);
  from.read("adaptive_layer_idx", sharcs.adaptive_layer_idx, 0, largest);
  from.read("hidden_size_router", sharcs.hidden_size_router, 1, 1 << 20);
  from.read("weighted_dim_reduction", sharcs.weighted_dim_reduction);
  if (nested && own.has("routing")) sharcs.routing = read_routing_rule(own, "routing");
  if (!nested) reader.raw("use_router");
  if (nested && !own.unread().empty())
    throw ConfigError(reader.name() + ": \"sharcs." + own.unread().front() +
                      "\" is not a known key; expected width_mult_list, adaptive_layer_idx, hidden_size_router, "
                      "weighted_dim_reduction or routing");
  return sharcs;
}

/// About the numbers that the model is made of: all but biases and LayerNorms. In double, where no product overflows.
double parameters_of(const ModelConfig& config, const Backbone& kind) {
  const double hidden = config.hidden_size, embedding = config.word_embedding_size();
  const double attention = static_cast<double>(config.num_attention_heads) * config.head_size();
  const double layer = 4 * hidden * attention + 2 * hidden * config.intermediate_size;
  const double rows = static_cast<double>(config.vocab_size) + config.max_position_embeddings + config.type_vocab_size;
  const double router = config.sharcs ? hidden * config.sharcs->hidden_size_router : 0;
  return rows * embedding + (kind.shares_layers ? 1 : config.num_hidden_layers) * layer + hidden * hidden +
         hidden * config.num_labels() + router;
}

double bytes_of_memory() {
  return static_cast<double>(::sysconf(_SC_PHYS_PAGES)) * static_cast<double>(::sysconf(_SC_PAGESIZE));
}

}  // namespace

ModelConfig ModelConfig::load(const std::filesystem::path& file) { return parse(read_text_file(file), file.string()); }

ModelConfig ModelConfig::parse(std::string_view text, const std::string& name) {
  JsonReader reader(text, name);
  ModelConfig config;
  if (!reader.read("model_type", config.model_type)) reader.fail("model_type", "one of " + known_backbones());
  const Backbone& kind = find_backbone(config.model_type, name);
  kind.set_defaults(config);

  // The family's own name of a key, else ModelConfig's, which the authors' code writes.
  const auto name_of = [&](const std::string& field) {
    const std::string& own = kind.config_name(field);
    return reader.has(own) ? own : field;
  };
  const auto required = [&](const std::string& field, int& value) {
    if (!reader.read(name_of(field), value, 1, largest)) reader.fail(kind.config_name(field), "an integer ≥ 1");
  };
  const auto dropout = [&](const std::string& field, double& value) {
    return reader.read(name_of(field), value, 0, 0.999);
  };
  required("vocab_size", config.vocab_size);
  required("hidden_size", config.hidden_size);
  required("num_hidden_layers", config.num_hidden_layers);
  required("num_attention_heads", config.num_attention_heads);
  required("intermediate_size", config.intermediate_size);
  required("max_position_embeddings", config.max_position_embeddings);
  reader.read("attention_head_size", config.attention_head_size, 1, 1 << 16);
  reader.read("type_vocab_size", config.type_vocab_size, 0, 1 << 16);
  reader.read("embedding_size", config.embedding_size, 1, 1 << 20);
  reader.read("layer_norm_eps", config.layer_norm_eps, 0, 1);
  reader.read(name_of("hidden_act"), config.hidden_act);
  dropout("hidden_dropout_prob", config.hidden_dropout_prob);
  dropout("attention_probs_dropout_prob", config.attention_probs_dropout_prob);
  double classifier_dropout = 0;
  if (dropout("classifier_dropout", classifier_dropout)) config.classifier_dropout = classifier_dropout;
  reader.read("initializer_range", config.initializer_range, 0, 10);
  reader.read("pad_token_id", config.pad_token_id, 0, largest);
  config.labels = read_labels(reader);
  config.sharcs = read_sharcs(reader);

  for (const auto& [key, value] : kind.fixed_config)
    if (reader.has(key) && reader.whole().at(key).dump() != value) reader.fail(key, value);

  for (const char* key : {"architectures", "torch_dtype", "dtype"}) reader.raw(key);  // of the file it came from
  Json others = Json::object();
  for (const std::string& key : reader.unread()) others[key] = reader.whole().at(key);
  config.other_keys = others.dump();
  config.check(name);
  return config;
}

std::string ModelConfig::to_json() const {
  const Backbone& kind = find_backbone(model_type);
  Json object;
  object["model_type"] = model_type;
  object["architectures"] = Json::array({kind.architecture});
  object["torch_dtype"] = "float32";
  object["vocab_size"] = vocab_size;
  if (kind.projects_embeddings) object["embedding_size"] = word_embedding_size();
  object[kind.config_name("hidden_size")] = hidden_size;
  object[kind.config_name("num_hidden_layers")] = num_hidden_layers;
  object[kind.config_name("num_attention_heads")] = num_attention_heads;
  if (attention_head_size > 0) object["attention_head_size"] = attention_head_size;
  object[kind.config_name("intermediate_size")] = intermediate_size;
  object["max_position_embeddings"] = max_position_embeddings;
  if (kind.has_token_types) object["type_vocab_size"] = type_vocab_size;
  object["layer_norm_eps"] = layer_norm_eps;
  object[kind.config_name("hidden_act")] = hidden_act;
  object[kind.config_name("hidden_dropout_prob")] = hidden_dropout_prob;
  object[kind.config_name("attention_probs_dropout_prob")] = attention_probs_dropout_prob;
  if (classifier_dropout) object[kind.config_name("classifier_dropout")] = *classifier_dropout;
  object["initializer_range"] = initializer_range;
  object["pad_token_id"] = pad_token_id;
  for (std::size_t i = 0; i < labels.size(); ++i) {
    object["id2label"][std::to_string(i)] = labels[i];
    object["label2id"][labels[i]] = i;
  }
  object["problem_type"] = is_regression() ? "regression" : "single_label_classification";
  if (sharcs) {
    object["sharcs"] = {{"width_mult_list", sharcs->width_mult_list},
                        {"adaptive_layer_idx", sharcs->adaptive_layer_idx},
                        {"hidden_size_router", sharcs->hidden_size_router},
                        {"weighted_dim_reduction", sharcs->weighted_dim_reduction}};
    if (sharcs->routing) object["sharcs"]["routing"] = internal::to_json(*sharcs->routing);
  }
  const Json others = Json::parse(other_keys);
  for (const auto& [key, value] : others.items())
    if (!object.contains(key)) object[key] = value;
  return object.dump(2) + "\n";
}

void ModelConfig::check(const std::string& name) const {
  const auto fail = [&](const std::string& message) { throw ConfigError(name + ": " + message); };
  const Backbone& kind = find_backbone(model_type, name);
  for (const auto& [field, size] : {std::pair("vocab_size", vocab_size),
                                    {"hidden_size", hidden_size},
                                    {"num_hidden_layers", num_hidden_layers},
                                    {"num_attention_heads", num_attention_heads},
                                    {"intermediate_size", intermediate_size},
                                    {"max_position_embeddings", max_position_embeddings}})
    if (size < 1) fail("\"" + kind.config_name(field) + "\" is " + std::to_string(size) + "; expected an integer ≥ 1");
  if (pad_token_id < 0 || pad_token_id >= vocab_size)
    fail("\"pad_token_id\" is " + std::to_string(pad_token_id) + "; expected 0 to " + std::to_string(vocab_size - 1));
  for (const auto& [field, size] : {std::pair("attention_head_size", attention_head_size),
                                    {"type_vocab_size", type_vocab_size},
                                    {"embedding_size", embedding_size}})
    if (size < 0) fail("\"" + std::string(field) + "\" is " + std::to_string(size) + "; expected an integer ≥ 0");
  if (num_hidden_layers > most_layers)
    fail("\"" + kind.config_name("num_hidden_layers") + "\" is " + std::to_string(num_hidden_layers) +
         "; expected at most " + std::to_string(most_layers));
  if (attention_head_size == 0 && hidden_size % num_attention_heads != 0)
    fail("\"num_attention_heads\" is " + std::to_string(num_attention_heads) + " but hidden_size " +
         std::to_string(hidden_size) + " is not a multiple of it (set attention_head_size for a compressed encoder)");
  if (!kind.activations.contains(hidden_act)) {
    std::string known;
    for (const auto& [activation, code] : kind.activations) known += (known.empty() ? "" : ", ") + activation;
    fail("\"hidden_act\" is \"" + hidden_act + "\"; expected one of " + known);
  }
  if (kind.max_tokens(*this) < 1)
    fail("\"max_position_embeddings\" is " + std::to_string(max_position_embeddings) + "; expected more than " +
         std::to_string(kind.first_position(*this)));
  if (labels.empty()) fail("\"num_labels\" is 0; expected at least 1");
  const double bytes = parameters_of(*this, kind) * sizeof(float);
  if (!(bytes <= bytes_of_memory()))
    fail("the sizes ask for " + bytes_text(bytes) + " of parameters; this machine has " +
         bytes_text(bytes_of_memory()) + " of memory");
  if (embedding_size > 0 && embedding_size != hidden_size && !kind.projects_embeddings)
    fail("\"embedding_size\" is " + std::to_string(embedding_size) + "; a " + model_type +
         " model needs hidden_size, " + std::to_string(hidden_size));
  if (sharcs) {
    const int k = sharcs->adaptive_layer_idx;
    if (k < 1 || k >= num_hidden_layers)
      fail("\"adaptive_layer_idx\" is " + std::to_string(k) + "; expected 1 to " +
           std::to_string(num_hidden_layers - 1) + " (full-width layers of " + std::to_string(num_hidden_layers) + ")");
    const WidthSet widths(*this, name);
    if (sharcs->routing) sharcs->routing->check(widths.size(), name);
  }
}

}  // namespace sharcs
