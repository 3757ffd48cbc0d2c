#include "cli/training_setup.hpp"

#include <algorithm>

#include "cli/training_arguments.hpp"
#include "core/quote.hpp"
#include "data/tokenized_dataset.hpp"
#include "io/file.hpp"
#include "io/json_cursor.hpp"
#include "sharcs/error.hpp"

namespace sharcs::internal {
namespace {

using Json = nlohmann::ordered_json;

/// Stands for the size of a vocabulary that is not known yet.
constexpr int assumed_vocab_size = 30000;

/// Throws ConfigError for keys of the model that others decide, and for those that nobody knows.
void check_model_section(const Json& section, const std::string& name) {
  constexpr std::pair<const char*, const char*> decided[] = {
      {"vocab_size", "the tokenizer"}, {"pad_token_id", "the tokenizer"},
      {"num_labels", "the task"},      {"id2label", "the task"},
      {"label2id", "the task"},        {"sharcs_label_threshold", "the task"},
      {"sharcs_task", "the task"},     {"sharcs_max_length", "the training option max_length"}};
  for (const auto& [key, by] : decided)
    if (section.contains(key))
      throw ConfigError(name + ": \"model." + key + "\" is decided by " + by + "; leave it out");
}

/// Throws ConfigError for a key of the section that no encoder has.
void check_known(const ModelConfig& config, const Json& section, const std::string& name) {
  const Json others = Json::parse(config.other_keys);
  for (const auto& [key, value] : others.items())
    if (section.contains(key)) throw ConfigError(name + ": \"model." + key + "\" is not a known key");
}

std::vector<std::string> texts_of(const Dataset& dataset) {
  std::vector<std::string> texts;
  for (const Sample& sample : dataset.samples) {
    texts.push_back(sample.text);
    if (sample.pair) texts.push_back(*sample.pair);
  }
  return texts;
}

/// How the vocabulary is made: from the file at `path`, or built.
struct TokenizerSection {
  std::string path;
  VocabularyOptions options;
};

TokenizerSection read_tokenizer_section(const ConfigFile& config) {
  const JsonCursor object(nlohmann::json(config.section("tokenizer")), config.name(), JsonKind::config, "tokenizer");
  TokenizerSection section;
  const bool has_path = object["path"].read(section.path);
  read_options(vocabulary_option_table(), object, section.options);
  object.refuse_unread("is not a known key; expected path, or vocab_size, min_frequency and lower_case");
  const std::size_t rules = object.object().size() - (object["path"].exists() ? 1 : 0);
  if (has_path && rules > 0)
    throw ConfigError(config.name() + ": \"tokenizer.path\" names a vocabulary; leave the rules for building one out");
  return section;
}

Tokenizer make_tokenizer(const ConfigFile& config, const Dataset& train) {
  const TokenizerSection section = read_tokenizer_section(config);
  if (!section.path.empty()) return Tokenizer::load(section.path);
  return Tokenizer::train_wordpiece(texts_of(train), section.options);
}

/// The model that the config file describes, for a vocabulary.
ModelConfig shape_from_scratch(const ConfigFile& config, int vocab_size, int pad_id) {
  if (config.section("model").empty())
    throw ConfigError(config.name() + ": no section \"model\"; expected the shape of an encoder, or a checkpoint");
  Json section = config.section("model");
  check_model_section(section, config.name());
  section["vocab_size"] = vocab_size;
  section["pad_token_id"] = pad_id;
  ModelConfig shape = ModelConfig::parse(section.dump(), config.name());
  check_known(shape, section, config.name());
  if (shape.multi_label)
    throw ConfigError(config.name() + ": \"model.problem_type\" is decided by the task; leave it out (--multi-label)");
  return shape;
}

TrainingSetup from_scratch(const ConfigFile& config, const TrainingData& data) {
  Tokenizer tokenizer = make_tokenizer(config, data.train);
  ModelConfig shape = shape_from_scratch(config, static_cast<int>(tokenizer.vocab_size()), tokenizer.pad_id());
  data.task.store_in(shape);
  TrainingOptions options = training_options(config);
  Model model = Model::create(shape, options.seed);
  return {std::move(model), std::move(tokenizer), std::move(options), {}};
}

/// The checkpoint's own configuration with what the section adds to it, and without its head: the task brings one.
ModelConfig config_from_checkpoint(const ConfigFile& config, const std::string& checkpoint) {
  const std::filesystem::path file = std::filesystem::path(checkpoint) / "config.json";
  const ModelConfig found = ModelConfig::load(file);
  const Json& section = config.section("model");
  check_model_section(section, config.name());

  // The section over the checkpoint's own configuration: what the former adds, and where it contradicts. Sorted, since
  // an ordered object with the names of thousands of labels takes long.
  using Sorted = nlohmann::json;
  auto merged = parse_json<Sorted>(read_text_file(file), file.string(), JsonKind::config);
  merged.erase("architectures");
  ModelConfig start = ModelConfig::parse(merged.dump(), file.string());
  merged.update(Sorted(section));
  const Json added = section.value("sharcs", Json::object());
  if (found.sharcs && added.is_object()) {
    merged["sharcs"] = Sorted::parse(found.to_json())["sharcs"];
    merged["sharcs"].erase("policy");  // made for answers and a router that may change
    merged["sharcs"].update(Sorted(added));
  }
  const ModelConfig wanted = ModelConfig::parse(merged.dump(), config.name());
  check_known(wanted, section, config.name());
  // Its first layers alone, where fewer are wanted.
  start.num_hidden_layers = std::min(found.num_hidden_layers, wanted.num_hidden_layers);
  const Sorted is = Sorted::parse(start.to_json()), should_be = Sorted::parse(wanted.to_json());
  for (const auto& [key, value] : should_be.items())
    if (key != "sharcs" && (!is.contains(key) || is[key] != value))
      throw ConfigError(config.name() + ": \"model." + key + "\" is " + value.dump() + ", in " + file.string() + " " +
                        (is.contains(key) ? is[key].dump() : "absent") + "; expected the same, or none");
  return wanted;
}

TrainingSetup from_checkpoint(const ConfigFile& config, const TrainingData& data, const std::string& checkpoint) {
  const ModelConfig wanted = config_from_checkpoint(config, checkpoint);
  TrainingOptions options = training_options(config);
  LoadOptions load = {.sharcs = wanted.sharcs, .seed = options.seed};
  ModelConfig of_task = wanted;
  data.task.store_in(of_task);
  of_task.check(config.name());
  load.labels = of_task.labels;
  load.num_hidden_layers = wanted.num_hidden_layers;
  load.multi_label = of_task.multi_label;
  load.multi_output = of_task.multi_output;
  load.per_token = of_task.per_token;
  load.finds_answers = of_task.finds_answers;
  load.fills_masks = of_task.fills_masks;
  load.label_threshold = of_task.label_threshold;
  LoadReport report;
  Model model = Model::load(checkpoint, load, &report);
  TrainingSetup setup = {std::move(model), Tokenizer::load(checkpoint), std::move(options), {}};
  require_vocabulary(setup.model.config(), setup.tokenizer, checkpoint);
  if (!report.summary().empty()) setup.notes.push_back(checkpoint + ": " + report.summary());
  if (!config.section("tokenizer").empty())
    setup.notes.push_back(config.name() + ": the tokenizer is the checkpoint's; section \"tokenizer\" is not used");
  return setup;
}

}  // namespace

const OptionTable<VocabularyOptions>& vocabulary_option_table() {
  using O = VocabularyOptions;
  static const OptionTable<O> table = {
      {"Vocabulary",
       {
           // The five special tokens, a character and the same within a word.
           {"vocab_size",
            &O::vocab_size,
            {.least = 7},
            "WordPieces at most, built from the training texts; special tokens included."},
           {"min_frequency",
            &O::min_frequency,
            {.least = 1},
            "Pieces that stand together less often than this are not joined into a longer one."},
           {"lower_case", &O::lower_case, "Upper and lower case are alike, and accents are taken off."},
       }},
  };
  return table;
}

TrainingSetup set_up_training(const ConfigFile& config, const TrainingData& data, const std::string& checkpoint) {
  check_training(config, checkpoint);
  return checkpoint.empty() ? from_scratch(config, data) : from_checkpoint(config, data, checkpoint);
}

void check_training(const ConfigFile& config, const std::string& checkpoint) {
  config.blaming([&](const ConfigFile& settings) {
    const TrainingOptions options = training_options(settings);
    if (checkpoint.empty()) read_tokenizer_section(settings);
    const ModelConfig shape = checkpoint.empty() ? shape_from_scratch(settings, assumed_vocab_size, 0)
                                                 : config_from_checkpoint(settings, checkpoint);
    options.check(shape, settings.name());
  });
}

}  // namespace sharcs::internal
