#include "cli/training_arguments.hpp"

#include <algorithm>

#include "core/quote.hpp"
#include "model/sharcs_option_table.hpp"
#include "sharcs/error.hpp"
#include "train/training_option_table.hpp"

namespace sharcs::internal {
namespace {

using Json = nlohmann::ordered_json;

std::string flag_of(std::string key) {
  if (key == "width_mult_list") return "--widths";
  std::replace(key.begin(), key.end(), '_', '-');
  return "--" + key;
}

/// The value that the words on the command line stand for. `like`: a value of the same kind.
Json value_of(const std::string& text, const Json& like) {
  if (like.is_string() || find_too_deep(text) != std::string::npos) return text;
  if (like.is_array() && text == "none") return Json::array();
  const bool bare_list = like.is_array() && !text.starts_with('[');
  const Json value = Json::parse(bare_list ? "[" + text + "]" : text, nullptr, false);
  return value.is_discarded() ? Json(text) : value;
}

/// What --help calls the type of a value.
const char* type_name_of(const Json& value) {
  if (value.is_number_integer()) return "INT";
  if (value.is_number()) return "FLOAT";
  return value.is_array() ? "LIST" : "TEXT";
}

/// Adds a flag for each row of the table that the command does not have yet (--seed and --threads are every command's).
/// Its words go to `texts`, by key. `shown_default`: in place of the settings' own; empty: their own.
template <class Settings>
void add_flags(CLI::App& command, const OptionTable<Settings>& table, const std::string& shown_default,
               std::map<std::string, std::string>& texts) {
  for (const auto& group : table)
    for (const auto& row : group.rows) {
      const std::string flag = flag_of(row.key);
      if (command.get_option_no_throw(flag) != nullptr) continue;
      const Json value = row.value(Settings());
      std::string& text = texts[row.key];
      CLI::Option* const option = value.is_boolean()
                                      ? command.add_flag(flag + ",!--no-" + flag.substr(2), text, row.meaning)
                                      : command.add_option(flag, text, row.meaning + " (" + row.expected + ")");
      if (!value.is_boolean()) option->type_name(type_name_of(value));
      option->default_str(shown_default.empty() ? row.fallback : shown_default)->group(group.title);
    }
}

/// The values of the flags that were given, by key.
template <class Settings>
Json given_values(const OptionTable<Settings>& table, const std::map<std::string, std::string>& texts) {
  Json values = Json::object();
  for (const auto& group : table)
    for (const auto& row : group.rows)
      if (const auto text = texts.find(row.key); text != texts.end() && !text->second.empty())
        values[row.key] = value_of(text->second, row.value(Settings()));
  return values;
}

}  // namespace

void TrainingArguments::add_to(CLI::App& command) {
  command
      .add_option("--set", settings_,
                  "Sets any key of the config file, as in model.hidden_size=128 or tokenizer.vocab_size=4000")
      ->group("Model");
  add_flags(command, sharcs_option_table(), "the config file's", sharcs_);
  add_flags(command, training_option_table(), "", training_);
}

ConfigFile TrainingArguments::merged_config(const CommonArguments& common) const {
  ConfigFile config = common.config.empty() ? ConfigFile() : ConfigFile::read(common.config);

  Json flags = given_values(training_option_table(), training_);
  if (common.seed) flags["seed"] = *common.seed;
  if (common.threads) flags["threads"] = *common.threads;
  try {
    TrainingOptions::parse(flags.dump(), "command line");
  } catch (const ConfigError& error) {
    usage_error(error.what());
  }
  for (const std::string& setting : settings_) {
    const std::size_t equals = setting.find('=');
    if (equals == std::string::npos) usage_error("--set " + setting + ": expected section.key=value");
    config.overrule(setting.substr(0, equals), value_of(setting.substr(equals + 1), nullptr));
  }
  for (const auto& [key, value] : flags.items()) config.overrule("training." + key, value);
  const Json model_flags = given_values(sharcs_option_table(), sharcs_);
  for (const auto& [key, value] : model_flags.items()) config.overrule("model.sharcs." + key, value);
  return config;
}

TrainingOptions training_options(const ConfigFile& config) {
  return config.blaming([](const ConfigFile& settings) {
    return TrainingOptions::parse(settings.section("training").dump(), settings.name());
  });
}

}  // namespace sharcs::internal
