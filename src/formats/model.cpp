#include "sharcs/model.hpp"

#include "formats/checkpoint.hpp"
#include "io/file.hpp"
#include "model/network.hpp"
#include "sharcs/error.hpp"

namespace sharcs {
using namespace internal;
namespace {

/// The first of them with commas between them, and how many there are.
std::string first_names(const std::vector<std::string>& names) {
  constexpr std::size_t shown = 6;
  std::string text;
  for (std::size_t i = 0; i < std::min(shown, names.size()); ++i) text += (i > 0 ? ", " : "") + names[i];
  if (names.size() > shown) text += ", … (" + std::to_string(names.size()) + " in all)";
  return text;
}

/// Names that say nothing but the number of the class: what a config.json has when nobody named them.
bool are_placeholders(const std::vector<std::string>& labels) {
  for (std::size_t i = 0; i < labels.size(); ++i)
    if (labels[i] != std::to_string(i) && labels[i] != "LABEL_" + std::to_string(i)) return false;
  return true;
}

}  // namespace

std::string LoadReport::summary() const {
  std::string text;
  if (!initialised.empty()) text = "initialised anew: " + first_names(initialised);
  if (!unexpected.empty()) text += (text.empty() ? "" : "; ") + ("not used: " + first_names(unexpected));
  return text;
}

Model::Model(std::unique_ptr<Network<float>> network) : network_(std::move(network)) {}
Model::Model(Model&&) noexcept = default;
Model& Model::operator=(Model&&) noexcept = default;
Model::~Model() = default;

Model Model::create(const ModelConfig& config, std::uint64_t seed) {
  auto network = std::make_unique<Network<float>>(config);
  network->initialise(seed);
  network->pack();
  return Model(std::move(network));
}

Model Model::load(const std::filesystem::path& directory, const LoadOptions& options, LoadReport* report) {
  const std::filesystem::path file = directory / "config.json";
  ModelConfig config = ModelConfig::load(file);
  const bool new_widths = options.sharcs && config.sharcs && !options.sharcs->same_network(*config.sharcs);
  if (options.sharcs) config.sharcs = options.sharcs;
  if (options.num_hidden_layers) {
    if (*options.num_hidden_layers < 1 || *options.num_hidden_layers > config.num_hidden_layers)
      throw ConfigError(file.string() + ": \"num_hidden_layers\" is " + std::to_string(config.num_hidden_layers) +
                        ", so that the first " + std::to_string(*options.num_hidden_layers) +
                        " layers cannot be kept; expected from 1 to " + std::to_string(config.num_hidden_layers));
    config.num_hidden_layers = *options.num_hidden_layers;
  }
  // A classifier for other labels than the checkpoint's starts anew.
  const bool new_head =
      options.labels && (options.per_token != config.per_token || options.finds_answers != config.finds_answers ||
                         options.fills_masks != config.fills_masks);
  const bool new_exits = options.labels && options.fills_masks != config.fills_masks;
  const bool new_labels =
      new_head || (options.labels && (options.labels->size() != config.labels.size() ||
                                      (*options.labels != config.labels && !are_placeholders(config.labels))));
  if (options.labels) {
    config.labels = *options.labels;
    config.multi_label = options.multi_label;
    config.multi_output = options.multi_output;
    if (config.finds_answers != options.finds_answers) config.classifier_dropout.reset();  // another head's
    config.per_token = options.per_token;
    config.finds_answers = options.finds_answers;
    config.fills_masks = options.fills_masks;
    config.label_threshold = options.label_threshold;
  }
  config.check(file.string());
  CheckpointReader reader(directory, config,
                          {.layer_norm_from_scratch = options.layer_norm_from_scratch,
                           .new_widths = new_widths,
                           .new_labels = new_labels,
                           .new_head = new_head,
                           .new_exits = new_exits});
  if (reader.holds_int8())
    throw CheckpointError(reader.path().string() +
                          ": holds int8 weights, which can only be run; expected the model that they were made of");
  reader.checked_specs(config);
  auto network = std::make_unique<Network<float>>(config);
  const LoadReport found = read_parameters(*network, reader, options.seed);
  if (report != nullptr) *report = found;
  network->pack();
  return Model(std::move(network));
}

void Model::save(const std::filesystem::path& directory) const {
  make_folder(directory);
  save_parameters(*network_, directory / "model.safetensors");
  write_file_atomically(directory / "config.json", config().to_json());
}

const ModelConfig& Model::config() const { return network_->config(); }
void Model::set_task(const std::optional<TaskSpec>& task) { network_->set_task(task); }
void Model::set_policy(std::optional<PolicyRule> rule) { network_->set_policy(std::move(rule)); }
const WidthSet& Model::widths() const { return network_->widths(); }
std::int64_t Model::parameter_count() const { return network_->layout().parameter_count(); }

}  // namespace sharcs
