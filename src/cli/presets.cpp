#include "cli/presets.hpp"

#include <algorithm>

#include "core/number.hpp"
#include "sharcs/model_config.hpp"

namespace sharcs::internal {
namespace {

/// Fewer samples than this are learned by heart without much dropout; more can fill a larger vocabulary.
constexpr std::size_t samples_of_large = 20000;

ConfigFile config_of(const std::string& name, const char* text) {
  ConfigFile config;
  config.rename("preset " + name);
  const auto sections = nlohmann::ordered_json::parse(text);
  for (const auto& [section, keys] : sections.items())
    for (const auto& [key, value] : keys.items()) config.set(section + "." + key, value);
  return config;
}

}  // namespace

Preset choose_preset(std::size_t samples, const std::string& checkpoint) {
  if (checkpoint.empty()) {
    const bool is_large = samples >= samples_of_large;
    const std::string name = is_large ? "large" : "small";
    return {config_of(name, is_large ? large_json : small_json),
            name + ", for " + (is_large ? "at least " : "less than ") + grouped(samples_of_large) +
                " samples; a pretrained encoder learns more of few (--init)"};
  }
  Preset preset = {config_of("pretrained", pretrained_json), "pretrained, for " + checkpoint};
  const ModelConfig config = ModelConfig::load(checkpoint + "/config.json");
  const int layers = config.num_hidden_layers;
  if (config.sharcs || layers < 2) return preset;
  std::vector<int> exits;
  for (int layer = 1; layer < layers; ++layer) exits.push_back(layer);
  preset.config.set("model.sharcs.adaptive_layer_idx", std::max(1, layers / 3));
  preset.config.set("model.sharcs.hidden_size_router", config.hidden_size);
  preset.config.set("model.sharcs.exits", exits);
  return preset;
}

}  // namespace sharcs::internal
