#include "sharcs/model_config.hpp"

#include <unistd.h>

#include <algorithm>
#include <limits>
#include <unordered_map>
#include <utility>

#include "core/number.hpp"
#include "core/quote.hpp"
#include "io/file.hpp"
#include "io/json_cursor.hpp"
#include "model/backbone.hpp"
#include "model/policy_json.hpp"
#include "model/predicted_label.hpp"
#include "model/sharcs_option_table.hpp"
#include "model/task_spec_json.hpp"
#include "nn/relative_bias.hpp"
#include "sharcs/error.hpp"

namespace sharcs {
using namespace internal;
namespace {

using Json = nlohmann::ordered_json;
constexpr int most_layers = 1 << 16;
constexpr std::size_t most_exits = 1024;

/// Throws ConfigError unless the exits are layers of the encoder, and full width can be what it is said to be.
void check_full_width(const ModelConfig& config, const std::string& name) {
  const SharcsConfig& sharcs = *config.sharcs;
  const auto fail = [&](const std::string& message) { throw ConfigError(name + ": " + message); };
  if (sharcs.full_width_norm == FullWidthNorm::plain && sharcs.width_mult_list.back() != 1)
    fail("\"width_mult_list\" ends with " + short_number(sharcs.width_mult_list.back()) +
         "; expected 1 at its end, or \"full_width_norm\": \"private\"");
  const int last = (sharcs.width_mult_list.back() == 1 ? config.num_hidden_layers : sharcs.adaptive_layer_idx + 1) - 1;
  for (std::size_t i = 0; i < sharcs.exits.size(); ++i) {
    if (sharcs.exits[i] < 1 || sharcs.exits[i] > last)
      fail("\"exits\" has " + std::to_string(sharcs.exits[i]) + "; expected layers from 1 to " + std::to_string(last));
    if (i > 0 && sharcs.exits[i] <= sharcs.exits[i - 1])
      fail("\"exits\" has " + std::to_string(sharcs.exits[i]) + " after " + std::to_string(sharcs.exits[i - 1]) +
           "; expected ascending layers");
  }
  if (sharcs.exits.size() > most_exits)
    fail("\"exits\" has " + std::to_string(sharcs.exits.size()) + " layers; expected at most " +
         std::to_string(most_exits));
  if (sharcs.exit_scores && sharcs.exits.empty()) fail("\"exit_scores\" is true; expected \"exits\" beside it");
}

std::vector<std::string> read_labels(const JsonCursor& object) {
  int count = 2;
  const bool counted = object["num_labels"].read(count, {.least = 1, .greatest = 1 << 16});
  object.skip("label2id");  // the inverse of id2label, written again from it
  const JsonCursor names = object["id2label"];
  std::vector<std::string> labels;
  if (names.is_object() && (!counted || static_cast<int>(names.object().size()) == count)) {
    for (std::size_t i = 0; i < names.object().size(); ++i) {
      const JsonCursor name = names[std::to_string(i)];
      if (!name.is_text())
        names.fail("a name for each of \"0\" to \"" + std::to_string(names.object().size() - 1) + "\"");
      labels.push_back(name.get<std::string>());
    }
  } else if (names.present() && !names.is_object()) {
    names.fail("an object of class names");
  }
  if (labels.empty())
    for (int i = 0; i < count; ++i) labels.push_back(std::to_string(i));
  return labels;
}

/// What the model labels, by the class that saved it. Throws ConfigError for a class whose answers are of a kind that
/// the library does not have; an encoder alone, or with a head for pretraining, is something to start from.
void read_class(const JsonCursor& object, ModelConfig& config) {
  const JsonCursor names = object["architectures"];
  if (!names.present()) return;
  for (const std::string& name : names.get<std::vector<std::string>>()) {
    if (name.ends_with("ForMultipleChoice"))
      names.refuse("has " + quote(name) +
                   "; expected a class for texts (…ForSequenceClassification), tokens (…ForTokenClassification), "
                   "answers (…ForQuestionAnswering) or masks (…ForMaskedLM), or an encoder without one");
    config.finds_answers = name.ends_with("ForQuestionAnswering");
    config.fills_masks = name.ends_with("ForMaskedLM");
    config.per_token = name.ends_with("ForTokenClassification") || config.finds_answers || config.fills_masks;
    if (config.per_token) return;
  }
}

/// Keys that ask for another function than the encoder's, with the value that does not. Other keys of transformers'
/// configurations are used, or change nothing that is computed here: tests/model/config_keys.json has them all.
constexpr std::pair<const char*, const char*> only_values[] = {
    {"is_decoder", "false"},  // a mask that hides what follows
    {"add_cross_attention", "false"},
    {"is_encoder_decoder", "false"},
    {"pruned_heads", "{}"},  // heads that are missing in the weights
};

void check_function(const JsonCursor& object) {
  for (const auto& [key, value] : only_values) {
    const auto found = object.object().find(key);
    if (found != object.object().end() && !found->is_null() && found->dump() != value) object[key].fail(value);
  }
  if (const auto found = object.object().find("quantization_config");
      found != object.object().end() && !found->is_null())
    object["quantization_config"].refuse("says that the weights are quantized; expected a model saved without");
  for (const auto& [key, value] : object.object().items())
    if (key.starts_with("sharcs") && key != "sharcs" && key != "sharcs_task" && key != "sharcs_max_length" &&
        key != "sharcs_label_threshold")
      object[key].refuse(
          "is not a known key; expected \"sharcs\", \"sharcs_task\", \"sharcs_max_length\" or "
          "\"sharcs_label_threshold\"");
}

/// What the labels stand for. Throws ConfigError for a type of problem that they do not fit.
void read_problem_type(const JsonCursor& object, ModelConfig& config) {
  const JsonCursor problem = object["problem_type"];
  if (!problem.present() || config.per_token) return;  // transformers' classes for tokens do not look at it, either
  const std::string type = problem.get<std::string>();
  if ((type == "multi_label_classification" || type == "single_label_classification") && config.labels.size() == 1)
    problem.refuse("is " + quote(type) + ", with one label; expected at least two");
  if (type != "regression" && type != "single_label_classification" && type != "multi_label_classification")
    problem.fail("\"single_label_classification\", \"multi_label_classification\" or \"regression\"");
  config.multi_label = type == "multi_label_classification";
  config.multi_output = type == "regression" && config.labels.size() > 1;
}

/// `norm`: the full_width_norm where the object does not say.
std::optional<SharcsConfig> read_sharcs(const JsonCursor& object, FullWidthNorm norm) {
  const JsonCursor own = object["sharcs"];
  if (!own.present() && !object["width_mult_list"].present()) return std::nullopt;
  SharcsConfig sharcs;
  const JsonCursor place = own.present() ? own : object;
  read_options(sharcs_option_table(), place, sharcs);
  const bool ends_full = !sharcs.width_mult_list.empty() && sharcs.width_mult_list.back() == 1;
  if (!place["full_width_norm"].present()) sharcs.full_width_norm = ends_full ? norm : FullWidthNorm::private_;
  if (!own.present()) {
    object.skip("use_router");
    return sharcs;
  }
  if (const JsonCursor policy = own["policy"]; policy.present()) sharcs.policy = read_policy_rule(policy);
  // Before there were policies: the router's rule alone.
  if (const JsonCursor routing = own["routing"]; routing.present())
    sharcs.policy = PolicyRule{.kind = "router", .router = read_routing_rule(routing)};
  std::string known;
  for (const auto& group : sharcs_option_table())
    for (const auto& row : group.rows) known += (known.empty() ? "" : ", ") + row.key;
  own.refuse_unread("is not a known key; expected " + known + " or policy");
  return sharcs;
}

/// About the numbers that the model is made of: all but biases and LayerNorms. In double, where no product overflows.
double parameters_of(const ModelConfig& config, const Backbone& kind) {
  const double hidden = config.hidden_size, embedding = config.word_embedding_size();
  const double attention = static_cast<double>(config.num_attention_heads) * config.head_size();
  const double layer = 4 * hidden * attention + (kind.layer(0).gated ? 3 : 2) * hidden * config.intermediate_size;
  const double rows = static_cast<double>(config.vocab_size) + config.max_position_embeddings + config.type_vocab_size +
                      (kind.relative_positions.empty() ? 0 : 2.0 * static_cast<double>(kind.distances(config).span));
  const double router = config.sharcs ? hidden * config.sharcs->hidden_size_router : 0;
  return rows * embedding + (kind.shares_layers ? 1 : config.num_hidden_layers) * layer + hidden * hidden +
         hidden * (config.fills_masks ? embedding : config.num_labels()) + router;
}

double bytes_of_memory() {
  return static_cast<double>(::sysconf(_SC_PHYS_PAGES)) * static_cast<double>(::sysconf(_SC_PAGESIZE));
}

}  // namespace

const OptionTable<SharcsConfig>& internal::sharcs_option_table() {
  using S = SharcsConfig;
  static const OptionTable<S> table = {
      {"Widths and router",
       {
           {"width_mult_list", &S::width_mult_list,
            "The widths, ascending fractions of full width, as in [0.25, 0.5, 1]."},
           {"adaptive_layer_idx",
            &S::adaptive_layer_idx,
            {.least = 0},
            "Full-width layers before the router: at least 1 and less than all."},
           {"hidden_size_router",
            &S::hidden_size_router,
            {.least = 1, .greatest = 1 << 20},
            "Size of the router's hidden layer."},
           {"weighted_dim_reduction", &S::weighted_dim_reduction,
            "Narrow widths take a learned combination of the token vector's dimensions in place of the leading ones."},
           {"slice_hidden", &S::slice_hidden,
            "Narrow widths keep the leading dimensions of the token vectors; else all, and only heads and neurons are "
            "fewer, as in DynaBERT."},
           {"depth_mult_list", &S::depth_mult_list,
            "For each width the share of the layers after the router that it runs, as in [0.5, 1]; none: all layers."},
           {"full_width_norm", &S::full_width_norm,
            "plain: full width is the pretrained encoder itself. private: full width has LayerNorms of its own after "
            "the router, as in the authors' code."},
           {"exits",
            &S::exits,
            {.least = 1},
            "Layers of full width after which a head can answer, as in [2, 4, 6]; none: no early exits."},
           {"exit_pooling", &S::exit_pooling,
            "What an exit reads. mean: the mean of the token vectors; first_token: the first, as DeeBERT and others."},
           {"exit_scores", &S::exit_scores, "Each exit learns how likely its answer is right, too (BERxiT)."},
       }},
  };
  return table;
}

namespace {

/// `norm`: the full_width_norm of a text that does not say. A model directory that does not was saved before the
/// setting existed, when all models were private.
ModelConfig parse_config(std::string_view text, const std::string& name, FullWidthNorm norm) {
  const JsonCursor object = JsonCursor::parse(text, name, JsonKind::config);
  ModelConfig config;
  if (!object["model_type"].read(config.model_type)) object["model_type"].fail("one of " + known_backbones());
  const Backbone& kind = find_backbone(config.model_type, name);
  kind.set_defaults(config);

  // By the family's own name of the key, else by ModelConfig's, which the authors' code writes.
  const auto find = [&](const std::string& field) {
    const JsonCursor own = object[kind.config_name(field)];
    if (own.present()) return own;
    const JsonCursor plain = object[field];
    return plain.present() ? plain : own;
  };
  const auto size = [&](const std::string& field) { return find(field).get<int>({.least = 1}); };
  const auto dropout = [&](const std::string& field, double& value) {
    return find(field).read(value, {.least = 0, .greatest = 0.999});
  };
  config.vocab_size = size("vocab_size");
  config.hidden_size = size("hidden_size");
  config.num_hidden_layers = size("num_hidden_layers");
  config.num_attention_heads = size("num_attention_heads");
  config.intermediate_size = size("intermediate_size");
  config.max_position_embeddings = size("max_position_embeddings");
  object["attention_head_size"].read(config.attention_head_size, {.least = 1, .greatest = 1 << 16});
  object["type_vocab_size"].read(config.type_vocab_size, {.least = 0, .greatest = 1 << 16});
  object["embedding_size"].read(config.embedding_size, {.least = 1, .greatest = 1 << 20});
  if (!kind.relative_bias.empty())
    object["relative_attention_num_buckets"].read(config.relative_attention_num_buckets,
                                                  {.least = 1, .greatest = 1 << 16});
  if (kind.read_config != nullptr) kind.read_config(object, config);
  object[kind.config_name("layer_norm_eps")].read(config.layer_norm_eps, {.least = 0, .greatest = 1});
  find("hidden_act").read(config.hidden_act);
  dropout("hidden_dropout_prob", config.hidden_dropout_prob);
  dropout("attention_probs_dropout_prob", config.attention_probs_dropout_prob);
  double classifier_dropout = 0;
  if (dropout("classifier_dropout", classifier_dropout)) config.classifier_dropout = classifier_dropout;
  object["initializer_range"].read(config.initializer_range, {.least = 0, .greatest = 10});
  object["pad_token_id"].read(config.pad_token_id, {.least = 0});
  config.labels = read_labels(object);
  read_class(object, config);
  if (config.fills_masks) config.labels.clear();
  if (config.finds_answers && !kind.answer_dropout_name.empty()) {
    config.classifier_dropout.reset();
    if (double rate = 0; object[kind.answer_dropout_name].read(rate, {.least = 0, .greatest = 0.999}))
      config.classifier_dropout = rate;
  }
  config.sharcs = read_sharcs(object, norm);
  if (const JsonCursor task = object["sharcs_task"]; task.present()) config.task = read_task_spec(task);
  object["sharcs_max_length"].read(config.max_length,
                                   {.least = 1, .greatest = static_cast<double>(config.max_position_embeddings)});

  for (const auto& [key, expected] : kind.fixed_config) {
    // Read past operator[], so that it stays among the other keys and is written again.
    const auto found = object.object().find(key);
    if (found != object.object().end() && !found->is_null() && found->dump() != expected) object[key].fail(expected);
  }

  check_function(object);
  read_problem_type(object, config);
  object["sharcs_label_threshold"].read(config.label_threshold, {.least = 0, .greatest = 1});

  // Of the file it came from, or written again from the labels.
  for (const char* key : {"architectures", "torch_dtype", "dtype", "problem_type"}) object.skip(key);
  nlohmann::json others = nlohmann::json::object();
  for (const std::string& key : object.unread()) others[key] = object.object().at(key);
  config.other_keys = others.dump();
  config.check(name);
  return config;
}

}  // namespace

namespace {

/// Throws the IoError of a config.json that is not there, with what to do where that can be told.
void explain_absence(const std::filesystem::path& file) {
  const std::filesystem::path folder = file.parent_path();
  const std::string name = folder.string();
  if (std::filesystem::is_regular_file(folder))
    throw IoError(name + ": is a file; expected a model's folder, with config.json beside the weights");
  if (is_there(folder / "adapter_config.json"))
    throw IoError(name + ": holds an adapter (PEFT) without its model; expected the merged model, which peft's " +
                  "merge_and_unload() and save_pretrained() write");
  // The hub's names are "bert-base-uncased" and "google/electra-small".
  const bool is_hub_name = folder.is_relative() && std::distance(folder.begin(), folder.end()) <= 2 &&
                           !name.starts_with('.') && !name.ends_with('/');
  if (!is_there(folder) && !name.empty())
    throw IoError(name + ": there is no such folder" +
                  (is_hub_name ? "; a model of the Hugging Face hub has to be downloaded first: hf download " + name +
                                     " --local-dir FOLDER"
                               : ""));
  for (const char* weights : {"model.safetensors", "pytorch_model.bin"})
    if (is_there(folder / weights))
      throw IoError(file.string() + ": is absent beside " + weights +
                    "; expected the config.json that transformers saves with the weights");
}

}  // namespace

ModelConfig ModelConfig::load(const std::filesystem::path& file) {
  if (!is_there(file)) explain_absence(file);
  return parse_config(read_text_file(file), file.string(), FullWidthNorm::private_);
}

ModelConfig ModelConfig::parse(std::string_view text, const std::string& name) {
  return parse_config(text, name, FullWidthNorm::plain);
}

std::string ModelConfig::to_json() const {
  const Backbone& kind = find_backbone(model_type);
  Json object;
  object["model_type"] = model_type;
  object["architectures"] = Json::array({kind.architecture_of(*this)});
  object["torch_dtype"] = "float32";
  object["vocab_size"] = vocab_size;
  if (kind.projection != EmbeddingProjection::never) object["embedding_size"] = word_embedding_size();
  object[kind.config_name("hidden_size")] = hidden_size;
  object[kind.config_name("num_hidden_layers")] = num_hidden_layers;
  object[kind.config_name("num_attention_heads")] = num_attention_heads;
  if (attention_head_size > 0) object["attention_head_size"] = attention_head_size;
  object[kind.config_name("intermediate_size")] = intermediate_size;
  object["max_position_embeddings"] = max_position_embeddings;
  if (kind.has_token_types) object["type_vocab_size"] = type_vocab_size;
  if (!kind.relative_bias.empty()) object["relative_attention_num_buckets"] = relative_attention_num_buckets;
  if (kind.write_config != nullptr) kind.write_config(*this, object);
  object[kind.config_name("layer_norm_eps")] = layer_norm_eps;
  object[kind.config_name("hidden_act")] = hidden_act;
  object[kind.config_name("hidden_dropout_prob")] = hidden_dropout_prob;
  object[kind.config_name("attention_probs_dropout_prob")] = attention_probs_dropout_prob;
  const bool drops_answers = finds_answers && !kind.answer_dropout_name.empty();
  if (classifier_dropout)
    object[drops_answers ? kind.answer_dropout_name : kind.config_name("classifier_dropout")] = *classifier_dropout;
  object["initializer_range"] = initializer_range;
  object["pad_token_id"] = pad_token_id;
  // Appended, not looked up: an ordered object looks at all its members, and there may be thousands of labels.
  if (!fills_masks) {
    auto& names = (object["id2label"] = Json::object()).get_ref<Json::object_t&>();
    for (std::size_t i = 0; i < labels.size(); ++i) names.emplace_back(std::to_string(i), labels[i]);
    auto& numbers = (object["label2id"] = Json::object()).get_ref<Json::object_t&>();
    for (std::size_t i = 0; i < labels.size(); ++i) numbers.emplace_back(labels[i], i);
  }
  if (!per_token)
    object["problem_type"] = is_regression() ? "regression"
                             : multi_label   ? "multi_label_classification"
                                             : "single_label_classification";
  if (multi_label) object["sharcs_label_threshold"] = label_threshold;
  if (sharcs) {
    object["sharcs"] = options_json(sharcs_option_table(), *sharcs);
    if (sharcs->policy) object["sharcs"]["policy"] = internal::to_json(*sharcs->policy);
  }
  if (task) object["sharcs_task"] = task_spec_json(*task);
  if (max_length > 0) object["sharcs_max_length"] = max_length;
  const auto others = nlohmann::json::parse(other_keys);
  const Json own = object;
  for (const auto& [key, value] : others.items())
    if (!own.contains(key)) object.get_ref<Json::object_t&>().emplace_back(key, value);
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
  if (kind.check != nullptr) kind.check(*this, name);
  if (!kind.activations.contains(hidden_act)) {
    std::string known;
    for (const auto& [activation, code] : kind.activations) known += (known.empty() ? "" : ", ") + activation;
    fail("\"" + kind.config_name("hidden_act") + "\" is \"" + hidden_act + "\"; expected one of " + known);
  }
  if (kind.max_tokens(*this) < 1)
    fail("\"max_position_embeddings\" is " + std::to_string(max_position_embeddings) + "; expected more than " +
         std::to_string(kind.first_position(*this)));
  if (labels.empty() && !fills_masks) fail("\"num_labels\" is 0; expected at least 1");
  if (fills_masks && (!labels.empty() || !per_token || finds_answers))
    fail("a model that fills masks has labels of its own, or labels no tokens; expected neither");
  std::unordered_map<std::string_view, std::size_t> number_of_label;
  for (std::size_t i = 0; i < labels.size(); ++i) {
    // Predictions are tables, in which names stand in lines and columns.
    if (labels[i].find_first_of("\t\n\r") != std::string::npos)
      fail("\"id2label." + std::to_string(i) + "\" is " + quote(labels[i]) +
           "; expected a name without tabs and line ends");
    if (const auto [twin, fresh] = number_of_label.emplace(labels[i], i); !fresh)
      fail("\"id2label." + std::to_string(i) + "\" is " + quote(labels[i]) + ", as \"id2label." +
           std::to_string(twin->second) + "\"; expected another name for each class");
  }
  if (multi_label && labels.size() == 1) fail("a multi-label model has one label; expected at least two");
  if (multi_output && labels.size() == 1) fail("a model of several numbers has one; expected at least two");
  if (multi_output && multi_label)
    fail("the model is a multi-label one and one of several numbers; expected one of them");
  if (per_token && (multi_label || multi_output))
    fail("the model labels tokens, and texts with several labels or numbers; expected one of them");
  if (finds_answers && !per_token) fail("a model that finds answers labels no tokens; expected both");
  if (finds_answers && labels.size() != 2)
    fail("\"id2label\" has " + std::to_string(labels.size()) + (labels.size() == 1 ? " label" : " labels") +
         "; expected two for a …ForQuestionAnswering, start and end");
  if (per_token && labels.size() == 1) fail("a model that labels tokens has one label; expected at least two");
  if (per_token && sharcs && sharcs->exit_scores)
    fail("\"sharcs.exit_scores\" is true; expected false for a model that labels tokens, whose exits have no score");
  if (per_token && sharcs && sharcs->exit_pooling != ExitPooling::mean)
    fail(
        "\"sharcs.exit_pooling\" is \"first_token\"; expected none for a model that labels tokens, whose exits read "
        "each");
  if (multi_label && sharcs && labels.size() > most_labels_in_set)
    fail("\"id2label\" has " + std::to_string(labels.size()) +
         " labels; a multi-label model with \"sharcs\" has at most " + std::to_string(most_labels_in_set));
  if (!(label_threshold >= 0 && label_threshold <= 1))
    fail("\"sharcs_label_threshold\" is " + short_number(label_threshold) + "; expected a number from 0 to 1");
  const double bytes = parameters_of(*this, kind) * sizeof(float);
  if (!(bytes <= bytes_of_memory()))
    fail("the sizes ask for " + bytes_text(bytes) + " of parameters; this machine has " +
         bytes_text(bytes_of_memory()) + " of memory");
  if (static_cast<double>(num_attention_heads) * head_size() > std::numeric_limits<int>::max())
    fail("the heads have " + short_number(static_cast<double>(num_attention_heads) * head_size()) +
         " dimensions together; expected at most " + std::to_string(std::numeric_limits<int>::max()));
  if (embedding_size > 0 && embedding_size != hidden_size && kind.projection == EmbeddingProjection::never)
    fail("\"embedding_size\" is " + std::to_string(embedding_size) + "; a " + model_type +
         " model needs hidden_size, " + std::to_string(hidden_size));
  if (!kind.relative_bias.empty() && relative_attention_num_buckets < relative_bias_buckets)
    fail("\"relative_attention_num_buckets\" is " + std::to_string(relative_attention_num_buckets) +
         "; expected at least " + std::to_string(relative_bias_buckets) + ", since that many are always used");
  if (sharcs) {
    const int k = sharcs->adaptive_layer_idx;
    if (k < 1 || k >= num_hidden_layers)
      fail("\"adaptive_layer_idx\" is " + std::to_string(k) + "; expected 1 to " +
           std::to_string(num_hidden_layers - 1) + " (full-width layers of " + std::to_string(num_hidden_layers) + ")");
    const WidthSet widths(*this, name);
    check_full_width(*this, name);
    if (sharcs->policy) sharcs->policy->check(*this, name);
  }
}

}  // namespace sharcs
