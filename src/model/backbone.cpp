#include "model/backbone.hpp"

#include "model/backbones/backbones.hpp"
#include "sharcs/error.hpp"

namespace sharcs {
namespace {

const std::map<std::string, Backbone>& registry() {
  static const std::map<std::string, Backbone> all = [] {
    std::map<std::string, Backbone> map;
    for (const Backbone& backbone : {backbones::bert(), backbones::roberta(),
                                     backbones::roberta("xlm-roberta", "XLMRobertaForSequenceClassification"),
                                     backbones::roberta("camembert", "CamembertForSequenceClassification"),
                                     backbones::distilbert(), backbones::albert()})
      map.emplace(backbone.model_type, backbone);
    return map;
  }();
  return all;
}

}  // namespace

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

}  // namespace sharcs
