#include "train/run_identity.hpp"

#include <algorithm>
#include <iterator>
#include <set>
#include <span>
#include <string_view>
#include <utility>

#include "io/checksum.hpp"
#include "model/sharcs_option_table.hpp"
#include "train/training_option_table.hpp"

namespace sharcs::internal {
namespace {

using nlohmann::json;
using nlohmann::ordered_json;

template <class T>
void add(Checksum& sum, std::span<const T> values) {
  const std::uint64_t count = values.size();
  sum.add(std::as_bytes(std::span(&count, 1)));
  sum.add(std::as_bytes(values));
}
template <class T>
void add(Checksum& sum, const std::vector<T>& values) {
  add(sum, std::span<const T>(values));
}
void add(Checksum& sum, std::string_view text) { add(sum, std::span<const char>(text)); }

ordered_json data_json(const RunIdentity::Data& data) {
  return {{"file", data.file}, {"samples", data.samples}, {"content", data.content}, {"tokens", data.tokens}};
}

RunIdentity::Data data_from(const JsonCursor& object) {
  return {.file = object["file"].get<std::string>(),
          .samples = object["samples"].get<std::int64_t>(),
          .content = object["content"].get<std::uint64_t>(),
          .tokens = object["tokens"].get<std::uint64_t>()};
}

void compare(const RunIdentity::Data& now, const RunIdentity::Data& before, const char* what,
             std::vector<std::string>& found) {
  const std::string data = "the " + std::string(what) + " data (" + now.file + ") ";
  if (now.samples != before.samples)
    found.push_back(data + "has " + std::to_string(now.samples) + " samples; it had " + std::to_string(before.samples));
  else if (now.content != before.content)
    found.push_back(data + "has other texts or labels than it had");
  else if (now.tokens != before.tokens)
    found.push_back(data + "is cut into other tokens than it was: the tokenizer is another one");
}

std::string shown(const json& object, const std::string& key) {
  return object.contains(key) ? object.at(key).dump(-1, ' ', false, json::error_handler_t::replace) : "absent";
}

void compare(const json& now, const json& before, const std::string& where, std::vector<std::string>& found) {
  std::set<std::string> keys;
  for (const json* side : {&now, &before})
    for (const auto& [key, value] : side->items()) keys.insert(key);
  for (const std::string& key : keys) {
    const bool both = now.contains(key) && before.contains(key);
    if (both && now.at(key) == before.at(key)) continue;
    if (both && now.at(key).is_object() && before.at(key).is_object())
      compare(now.at(key), before.at(key), where + key + ".", found);
    else
      found.push_back("\"" + where + key + "\" is " + shown(now, key) + "; it was " + shown(before, key));
  }
}

/// What a run of an earlier version was, in the words of this one: options that did not exist have the values that do
/// what that version did.
json completed_options(const json& options) {
  TrainingOptions before;
  before.recipe = Recipe::sharcs;
  json complete = deciding_options(before);
  complete.update(options);
  return complete;
}

json completed_config(const json& config) {
  json complete = config;
  if (!config.contains("sharcs")) return complete;
  const SharcsConfig defaults;
  complete["sharcs"] = options_json(sharcs_option_table(), defaults);
  complete["sharcs"].update(config["sharcs"]);
  // Before the setting existed, all models had private ones.
  if (!config["sharcs"].contains("full_width_norm"))
    complete["sharcs"]["full_width_norm"] = name_of(FullWidthNorm::private_);
  return complete;
}

}  // namespace

ordered_json RunIdentity::to_json() const {
  return {{"options", options}, {"config", config}, {"train", data_json(train)}, {"dev", data_json(dev)}};
}

RunIdentity RunIdentity::from_json(const JsonCursor& object) {
  return {.options = completed_options(object["options"].object()),
          .config = completed_config(object["config"].object()),
          .train = data_from(object["train"]),
          .dev = data_from(object["dev"])};
}

RunIdentity::Data identify(const Dataset& dataset, const TokenizedDataset& tokenized) {
  Checksum content, tokens;
  for (const Sample& sample : dataset.samples) {
    add(content, std::string_view(sample.text));
    add(content, std::string_view(sample.pair.value_or("")));
  }
  add(content, tokenized.labels);
  add(content, tokenized.targets);
  add(tokens, tokenized.tokens.ids);
  add(tokens, tokenized.tokens.token_types);
  add(tokens, tokenized.tokens.offsets);
  return {.file = dataset.file,
          .samples = static_cast<std::int64_t>(dataset.size()),
          .content = content.value(),
          .tokens = tokens.value()};
}

RunIdentity identify(const TrainingOptions& options, const ModelConfig& config, RunIdentity::Data train,
                     RunIdentity::Data dev) {
  return {.options = deciding_options(options),
          .config = json::parse(config.to_json()),
          .train = std::move(train),
          .dev = std::move(dev)};
}

json deciding_options(const TrainingOptions& options) {
  json deciding = json::object();
  for (const auto& group : training_option_table())
    if (group.decides_result)
      for (const auto& row : group.rows) deciding[row.key] = row.value(options);
  return deciding;
}

std::vector<std::string> differences(const RunIdentity& now, const RunIdentity& before) {
  std::vector<std::string> found = json_differences(now.options, before.options);
  std::ranges::move(json_differences(now.config, before.config, "config.json: "), std::back_inserter(found));
  compare(now.train, before.train, "training", found);
  compare(now.dev, before.dev, "dev", found);
  return found;
}

std::vector<std::string> json_differences(const json& now, const json& before, const std::string& where) {
  std::vector<std::string> found;
  compare(now, before, where, found);
  return found;
}

std::string joined_differences(const std::vector<std::string>& differences) {
  std::string list;
  for (const std::string& difference : differences) list += (list.empty() ? "" : "; and ") + difference;
  return list;
}

}  // namespace sharcs::internal
