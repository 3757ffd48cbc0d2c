#include "cli/config_file.hpp"

#include <algorithm>
#include <array>

#include "core/quote.hpp"
#include "io/file.hpp"
#include "io/json_cursor.hpp"
#include "sharcs/error.hpp"

namespace sharcs::internal {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::array known_sections = {"model", "tokenizer", "training", "grid",    "train",   "sweep",
                                       "eval",  "calibrate", "predict",  "reorder", "inspect", "synth"};

void check_section(const std::string& name, const std::string& file) {
  if (std::find(known_sections.begin(), known_sections.end(), name) != known_sections.end()) return;
  std::string known;
  for (const char* section : known_sections) known += (known.empty() ? "" : ", ") + std::string(section);
  throw ConfigError(file + ": " + quote(name) + " is not a section; expected one of " + known);
}

}  // namespace

ConfigFile ConfigFile::read(const std::filesystem::path& file) {
  ConfigFile config;
  config.name_ = file.string();
  config.sections_ = parse_json<Json>(read_text_file(file), config.name_, JsonKind::config);
  const JsonCursor root(nlohmann::json(config.sections_), config.name_, JsonKind::config);
  for (const auto& [name, section] : root.object().items()) {
    check_section(name, config.name_);
    if (name != "grid") root[name].object();
  }
  config.without_overrides_ = config.sections_;
  return config;
}

const Json& ConfigFile::section(const std::string& name) const {
  static const Json nothing = Json::object();
  const auto found = sections_.find(name);
  return found == sections_.end() ? nothing : *found;
}

void ConfigFile::set(const std::string& place, Json value) {
  set(without_overrides_, place, value);
  set(sections_, place, std::move(value));
}

void ConfigFile::overrule(const std::string& place, Json value) { set(sections_, place, std::move(value)); }

void ConfigFile::set(Json& sections, const std::string& place, Json value) {
  Json* at = &sections;
  std::size_t begin = 0;
  for (std::size_t dot; (dot = place.find('.', begin)) != std::string::npos; begin = dot + 1) {
    const std::string key = place.substr(begin, dot - begin);
    if (begin == 0) check_section(key, "command line");
    at = &(*at)[key];
    if (at->is_null()) *at = Json::object();
    if (!at->is_object()) throw ConfigError(quote(place) + ": " + quote(key) + " is no object");
  }
  if (begin == 0 || begin == place.size())
    throw ConfigError(quote(place) + ": expected a section and a key, as in training.epochs");
  (*at)[place.substr(begin)] = std::move(value);
}

}  // namespace sharcs::internal
