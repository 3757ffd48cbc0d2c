#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "sharcs/error.hpp"

namespace sharcs::internal {

/// The JSON file of --config: an object of sections.
///
/// "model": the encoder, keys of Hugging Face's config.json with "sharcs" among them. "tokenizer": how a vocabulary is
/// built, or where one is. "training": TrainingOptions. "grid": what a sweep varies of these three. And for each
/// command a section of its name with its options, named as on the command line with or without '_' for '-': {"synth":
/// {"train": 8000}}.
class ConfigFile {
 public:
  /// No file: no section has anything.
  ConfigFile() = default;
  /// Throws IoError, or ConfigError for what is no JSON object of known sections.
  static ConfigFile read(const std::filesystem::path& file);

  /// For messages: the file, or "command line" where there is none.
  const std::string& name() const { return name_; }
  void rename(std::string name) { name_ = std::move(name); }
  /// Empty when the file does not have the section. An object; a grid is whatever stands there.
  const nlohmann::ordered_json& section(const std::string& name) const;
  /// Sets "training.window", "model.sharcs.adaptive_layer_idx", …: a section and the keys that lead to the value.
  /// Throws ConfigError when the first part is no section or a later one no object.
  void set(const std::string& place, nlohmann::ordered_json value);
  /// The same for what the command line says in place of the file.
  void overrule(const std::string& place, nlohmann::ordered_json value);

  /// use(*this), whose ConfigErrors begin with name(): in them the command line stands for the file when the file by
  /// itself would do, or is wrong in another way.
  template <class Use>
  auto blaming(const Use& use) const {
    try {
      return use(*this);
    } catch (const ConfigError& error) {
      if (sections_ == without_overrides_ || is_wrong_alone(use, error.what())) throw;
    }
    ConfigFile overridden = *this;
    overridden.rename("command line");
    return use(overridden);
  }

 private:
  static void set(nlohmann::ordered_json& sections, const std::string& place, nlohmann::ordered_json value);
  template <class Use>
  bool is_wrong_alone(const Use& use, std::string_view message) const {
    ConfigFile alone = *this;
    alone.sections_ = without_overrides_;
    try {
      use(alone);
    } catch (const Error& error) {
      return error.what() == message;
    }
    return false;
  }

  std::string name_ = "command line";
  nlohmann::ordered_json sections_ = nlohmann::ordered_json::object();
  nlohmann::ordered_json without_overrides_ = nlohmann::ordered_json::object();
};

}  // namespace sharcs::internal
