#include "text/tokenizer_config.hpp"

#include <algorithm>
#include <map>
#include <set>

#include "core/quote.hpp"
#include "io/file.hpp"
#include "io/json_cursor.hpp"
#include "sharcs/error.hpp"

namespace sharcs::internal {
namespace {

using nlohmann::json;

/// The class that transformers takes for a model whose files do not name one.
std::string class_of_model(const std::string& model_type) {
  static const std::map<std::string, std::string> classes = {
      {"albert", "AlbertTokenizer"},         {"bert", "BertTokenizer"},
      {"camembert", "CamembertTokenizer"},   {"distilbert", "BertTokenizer"},
      {"deberta-v2", "DebertaV2Tokenizer"},  {"electra", "BertTokenizer"},
      {"mpnet", "MPNetTokenizer"},           {"roberta", "RobertaTokenizer"},
      {"xlm-roberta", "XLMRobertaTokenizer"}};
  const auto found = classes.find(model_type);
  return found == classes.end() ? std::string() : found->second;
}

AddedToken token_in(const JsonCursor& place) {
  if (!place.is_object()) return {.content = place.get<std::string>()};
  AddedToken token = {.content = place["content"].get<std::string>()};
  token.single_word = place["single_word"].get_or(false);
  token.lstrip = place["lstrip"].get_or(false);
  token.rstrip = place["rstrip"].get_or(false);
  token.special = place["special"].get_or(true);
  token.normalized = place["normalized"].get_or(!token.special);
  return token;
}

std::int32_t id_in(const JsonCursor& place) { return place.get<std::int32_t>({.least = 0, .greatest = 1 << 30}); }

/// added_tokens_decoder: an object from id to token.
std::vector<AddedToken> decoder_tokens(const JsonCursor& decoder) {
  std::vector<AddedToken> tokens;
  for (const auto& [key, value] : decoder.object().items()) {
    const bool number = !key.empty() && key.size() < 10 &&
                        std::ranges::all_of(key, [](unsigned char c) { return c >= '0' && c <= '9'; });
    if (!number) decoder.refuse("has the key " + quote(key) + "; expected ids of tokens");
    if (!value.is_object()) decoder[key].fail("an object with \"content\"");
    tokens.push_back(token_in(decoder[key]));
    tokens.back().special = decoder[key]["special"].get_or(false);
    tokens.back().normalized = decoder[key]["normalized"].get_or(true);
    tokens.back().id = std::stoi(key);
  }
  return tokens;
}

/// A list of tokens, or an object of them by name; absent or null: none.
std::vector<AddedToken> tokens_in(const JsonCursor& place) {
  std::vector<AddedToken> tokens;
  if (!place.present()) return tokens;
  if (place.is_object())
    for (const auto& [name, value] : place.object().items()) tokens.push_back(token_in(place[name]));
  else
    tokens = place.each(token_in);
  return tokens;
}

/// special_tokens_map.json's members, as tokenizer_config.json spells them.
void merge_special_tokens_map(const std::filesystem::path& file, json& keys) {
  if (!is_there(file)) return;
  const JsonCursor map = JsonCursor::load(file, JsonKind::tokenizer);
  const auto spelled = [](json token) {
    if (token.is_object() && !token.contains("__type")) token["__type"] = "AddedToken";
    return token;
  };
  for (const auto& [key, value] : map.object().items()) {
    json merged = spelled(value);
    if (value.is_array()) {
      merged = json::array();
      for (const json& token : value) merged.push_back(spelled(token));
    }
    keys[key] = std::move(merged);
  }
}

}  // namespace

TokenizerConfig read_tokenizer_config(const std::filesystem::path& directory) {
  TokenizerConfig config;
  const std::filesystem::path file = directory / "tokenizer_config.json";
  config.file = file.string();
  if (is_there(file)) config.keys = JsonCursor::load(file, JsonKind::tokenizer).object();
  config.lists_added_tokens = config.keys.contains("added_tokens_decoder");
  const bool lists_additional = config.keys.contains("additional_special_tokens");
  if (!config.lists_added_tokens) merge_special_tokens_map(directory / "special_tokens_map.json", config.keys);
  const JsonCursor keys(config.keys, config.file, JsonKind::tokenizer);

  if (const JsonCursor named = keys["tokenizer_class"]; named.present())
    config.tokenizer_class = named.get<std::string>();
  config.names_class = !config.tokenizer_class.empty();
  if (!config.names_class && is_there(directory / "config.json")) {
    const JsonCursor model = JsonCursor::load(directory / "config.json", JsonKind::tokenizer);
    config.tokenizer_class = model["tokenizer_class"].get_or<std::string>("");
    config.names_class = !config.tokenizer_class.empty();
    if (!config.names_class) config.tokenizer_class = class_of_model(model["model_type"].get_or<std::string>(""));
  }
  if (config.tokenizer_class.ends_with("Fast"))
    config.tokenizer_class.resize(config.tokenizer_class.size() - std::string_view("Fast").size());

  const auto truth = [&](const char* key) {
    const JsonCursor place = keys[key];
    return place.present() ? std::optional(place.get<bool>()) : std::nullopt;
  };
  const auto token = [&](const char* key) {
    const JsonCursor place = keys[key];
    return place.present() ? std::optional(token_in(place)) : std::nullopt;
  };
  if (const JsonCursor split = keys["split_special_tokens"]; split.get_or(false))
    split.fail("false: special tokens stay whole");
  config.do_lower_case = truth("do_lower_case");
  config.strip_accents = truth("strip_accents");
  config.tokenize_chinese_chars = truth("tokenize_chinese_chars");
  config.add_prefix_space = truth("add_prefix_space");
  config.keep_accents = truth("keep_accents");
  config.cls = token("cls_token");
  config.sep = token("sep_token");
  config.unk = token("unk_token");
  config.pad = token("pad_token");
  config.mask = token("mask_token");
  for (const char* key : {"additional_special_tokens", "extra_special_tokens"})
    for (AddedToken& found : tokens_in(keys[key])) config.additional.push_back(std::move(found));

  if (config.lists_added_tokens) {
    config.added = decoder_tokens(keys["added_tokens_decoder"]);
  } else if (const auto path = directory / "added_tokens.json"; is_there(path)) {
    const JsonCursor list = JsonCursor::load(path, JsonKind::tokenizer);
    // transformers 5 does not count those that special_tokens_map.json calls additional.
    std::set<std::string> additional;
    if (lists_additional || config.keys.contains("extra_special_tokens"))
      for (const AddedToken& other : config.additional) additional.insert(other.content);
    for (const auto& [content, id] : list.object().items()) {
      const auto is_it = [&content = content](const AddedToken& other) { return other.content == content; };
      bool special = additional.contains(content);
      for (const auto* named : {&config.cls, &config.sep, &config.unk, &config.pad, &config.mask})
        special = special || (*named && is_it(**named));
      config.added.push_back(
          {.content = content, .id = id_in(list[content]), .normalized = !special, .special = special});
    }
  }
  std::ranges::sort(config.added, {}, &AddedToken::id);

  if (const JsonCursor inputs = keys["model_input_names"]; inputs.present()) {
    const auto names = inputs.get<std::vector<std::string>>();
    config.without_token_types = std::ranges::find(names, "token_type_ids") == names.end();
  } else if (keys["backend"].present()) {
    // Written by transformers 5, where only BERT's class gives token types unless the file says so. With transformers 4
    // ALBERT's and PreTrainedTokenizerFast gave them, too.
    config.without_token_types = config.tokenizer_class == "AlbertTokenizer" ||
                                 config.tokenizer_class == "TokenizersBackend" ||
                                 config.tokenizer_class == "PreTrainedTokenizer";
  }
  return config;
}

}  // namespace sharcs::internal
