#include "text/tokenizer_writer.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "io/file.hpp"
#include "model/backbone.hpp"
#include "sharcs/error.hpp"
#include "sharcs/model_config.hpp"

namespace sharcs::internal {
namespace {

using nlohmann::ordered_json;

ordered_json to_json(const Normalizer::BertNormalizer& step) {
  return {{"type", "BertNormalizer"},
          {"clean_text", step.clean_text},
          {"handle_chinese_chars", step.handle_chinese_chars},
          {"strip_accents", step.strip_accents},
          {"lowercase", step.lowercase}};
}
ordered_json to_json(Normalizer::Form form) {
  constexpr const char* names[] = {"NFC", "NFD", "NFKC", "NFKD"};
  return {{"type", names[static_cast<int>(form)]}};
}
ordered_json to_json(Normalizer::Lowercase) { return {{"type", "Lowercase"}}; }
ordered_json to_json(Normalizer::StripAccents) { return {{"type", "StripAccents"}}; }

ordered_json to_json(const Normalizer::Replace& step) {
  return {{"type", "Replace"}, {"pattern", {{"String", step.pattern}}}, {"content", step.content}};
}
ordered_json to_json(const Normalizer::Strip& step) {
  return {{"type", "Strip"}, {"strip_left", step.left}, {"strip_right", step.right}};
}
ordered_json to_json(const Normalizer::Prepend& step) { return {{"type", "Prepend"}, {"prepend", step.text}}; }
ordered_json to_json(const Normalizer::ReplacePattern& step) {
  return {{"type", "Replace"}, {"pattern", {{"Regex", Normalizer::regex_of(step.pattern)}}}, {"content", step.content}};
}
ordered_json to_json(const Normalizer::Precompiled& charsmap) {
  return {{"type", "Precompiled"}, {"precompiled_charsmap", charsmap->base64()}};
}

ordered_json to_json(PreTokenizer::BertPreTokenizer) { return {{"type", "BertPreTokenizer"}}; }
ordered_json to_json(PreTokenizer::Whitespace) { return {{"type", "Whitespace"}}; }
ordered_json to_json(PreTokenizer::WhitespaceSplit) { return {{"type", "WhitespaceSplit"}}; }
ordered_json to_json(PreTokenizer::Punctuation) { return {{"type", "Punctuation"}, {"behavior", "Isolated"}}; }
ordered_json to_json(const PreTokenizer::ByteLevel& step) {
  return {{"type", "ByteLevel"},
          {"add_prefix_space", step.add_prefix_space},
          {"trim_offsets", true},
          {"use_regex", step.use_regex}};
}

ordered_json to_json(const PreTokenizer::Metaspace& step) {
  return {{"type", "Metaspace"},
          {"replacement", step.replacement},
          {"prepend_scheme", name_of(step.prefix)},
          {"split", step.split}};
}

template <class Step>
ordered_json steps_to_json(const std::vector<Step>& steps, const char* key) {
  if (steps.empty()) return nullptr;
  ordered_json list = ordered_json::array();
  for (const Step& step : steps) list.push_back(std::visit([](const auto& s) { return to_json(s); }, step));
  if (list.size() == 1) return list[0];
  return {{"type", "Sequence"}, {key, list}};
}

ordered_json to_json(const PostProcessor::Template& items, const Vocabulary& vocabulary) {
  ordered_json list = ordered_json::array();
  for (const PostProcessor::Item& item : items) {
    if (item.part == PostProcessor::Part::token)
      list.push_back({{"SpecialToken", {{"id", vocabulary.token(item.id)}, {"type_id", item.type}}}});
    else
      list.push_back(
          {{"Sequence", {{"id", item.part == PostProcessor::Part::text ? "A" : "B"}, {"type_id", item.type}}}});
  }
  return list;
}

ordered_json to_json(const PostProcessor& processor, const Vocabulary& vocabulary) {
  ordered_json special = ordered_json::object();
  for (const auto* items : {&processor.single(), &processor.pair()})
    for (const PostProcessor::Item& item : *items)
      if (item.part == PostProcessor::Part::token) {
        const std::string& token = vocabulary.token(item.id);
        special[token] = {{"id", token}, {"ids", {item.id}}, {"tokens", {token}}};
      }
  return {{"type", "TemplateProcessing"},
          {"single", to_json(processor.single(), vocabulary)},
          {"pair", to_json(processor.pair(), vocabulary)},
          {"special_tokens", special}};
}

ordered_json to_json(const std::vector<AddedToken>& tokens) {
  ordered_json list = ordered_json::array();
  for (const AddedToken& token : tokens)
    list.push_back({{"id", token.id},
                    {"content", token.content},
                    {"single_word", token.single_word},
                    {"lstrip", token.lstrip},
                    {"rstrip", token.rstrip},
                    {"normalized", token.normalized},
                    {"special", token.special}});
  return list;
}

ordered_json to_json(const WordPiece& model) {
  const WordPiece::Settings& settings = model.settings();
  return {{"type", "WordPiece"},
          {"unk_token", settings.unknown_token},
          {"continuing_subword_prefix", settings.continuing_prefix},
          {"max_input_chars_per_word", settings.longest_word}};
}

ordered_json to_json(const ByteLevelBpe& model) {
  const ByteLevelBpe::Settings& settings = model.settings();
  return {{"type", "BPE"},
          {"dropout", nullptr},
          {"unk_token", settings.unknown_token ? ordered_json(*settings.unknown_token) : ordered_json()},
          {"continuing_subword_prefix", nullptr},
          {"end_of_word_suffix", nullptr},
          {"fuse_unk", settings.fuse_unknown},
          {"byte_fallback", false},
          {"ignore_merges", settings.ignore_merges}};
}

ordered_json to_json(const Unigram& model) {
  return {{"type", "Unigram"}, {"unk_id", model.unknown()}, {"byte_fallback", false}};
}

ordered_json decoder_of(const WordPiece& model) {
  return {{"type", "WordPiece"}, {"prefix", model.settings().continuing_prefix}, {"cleanup", true}};
}
ordered_json decoder_of(const ByteLevelBpe&) {
  return {{"type", "ByteLevel"}, {"add_prefix_space", true}, {"trim_offsets", true}, {"use_regex", true}};
}

ordered_json decoder_of(const Unigram&) {
  return {{"type", "Metaspace"}, {"replacement", "▁"}, {"prepend_scheme", "always"}, {"split", true}};
}

/// The model's own tokens by id; an empty text for ids that none of them has.
std::vector<std::string> model_tokens(const Pipeline& pipeline) {
  std::vector<std::string> tokens;
  for (std::size_t id = 0; id < pipeline.vocabulary.size(); ++id)
    tokens.push_back(pipeline.vocabulary.token(static_cast<std::int32_t>(id)));
  for (const AddedToken& token : pipeline.added_tokens.all())
    if (!token.in_model) tokens[static_cast<std::size_t>(token.id)].clear();
  while (!tokens.empty() && tokens.back().empty()) tokens.pop_back();
  return tokens;
}

/// A JSON object from token to id, in the order of the ids.
std::string vocabulary_json(const std::vector<std::string>& tokens) {
  std::string text = "{";
  for (std::size_t id = 0; id < tokens.size(); ++id) {
    if (tokens[id].empty()) continue;
    if (text.size() > 1) text += ',';
    text.append(ordered_json(tokens[id]).dump()).append(1, ':').append(std::to_string(id));
  }
  return text += '}';
}

/// A JSON list of tokens with their scores.
std::string scored_vocabulary_json(const std::vector<std::string>& tokens, const std::vector<double>& scores) {
  ordered_json list = ordered_json::array();
  for (std::size_t id = 0; id < scores.size(); ++id)
    list.push_back({id < tokens.size() ? tokens[id] : std::string(), scores[id]});
  return list.dump();
}

/// "left right" of each merge, by rank.
std::vector<std::string> merge_lines(const ByteLevelBpe& model, const Vocabulary& vocabulary) {
  std::vector<std::string> lines;
  for (const ByteLevelBpe::Merge& merge : model.merges())
    lines.push_back(vocabulary.token(merge.left) + " " + vocabulary.token(merge.right));
  return lines;
}

/// tokenizer.json.
std::string tokenizer_json(const Pipeline& pipeline, const std::vector<std::string>& tokens) {
  const Vocabulary& vocabulary = pipeline.vocabulary;
  ordered_json model = std::visit([](const auto& m) { return to_json(m); }, pipeline.model);
  if (const auto* bpe = std::get_if<ByteLevelBpe>(&pipeline.model)) model["merges"] = merge_lines(*bpe, vocabulary);
  const ordered_json document = {
      {"version", "1.0"},
      {"truncation", nullptr},
      {"padding", nullptr},
      {"added_tokens", to_json(pipeline.added_tokens.all())},
      {"normalizer", steps_to_json(pipeline.normalizer.steps(), "normalizers")},
      {"pre_tokenizer", steps_to_json(pipeline.pre_tokenizer.steps(), "pretokenizers")},
      {"post_processor", to_json(pipeline.post_processor, vocabulary)},
      {"decoder", std::visit([](const auto& m) { return decoder_of(m); }, pipeline.model)},
      {"model", model},
  };
  // The vocabulary is set in as text: nlohmann's ordered objects are searched from front to back.
  std::string text = document.dump();
  const auto* unigram = std::get_if<Unigram>(&pipeline.model);
  const std::string entries =
      unigram != nullptr ? scored_vocabulary_json(tokens, unigram->scores()) : vocabulary_json(tokens);
  return text.insert(text.size() - 2, ",\"vocab\":" + entries) + "\n";
}

/// The class of transformers that makes this tokenizer again from its vocabulary and a few keys; else the one that
/// takes tokenizer.json as it is.
std::string class_of(const Pipeline& pipeline) {
  const auto& normalizers = pipeline.normalizer.steps();
  const auto& cuts = pipeline.pre_tokenizer.steps();
  const bool rounded_as_roberta = [&] {
    const PostProcessor::Template& single = pipeline.post_processor.single();
    return single.size() == 3 &&
           pipeline.post_processor.pair() == PostProcessor::roberta(single.front().id, single.back().id).pair();
  }();
  if (const auto* words = std::get_if<WordPiece>(&pipeline.model)) {
    const auto* bert = normalizers.size() == 1 ? std::get_if<Normalizer::BertNormalizer>(&normalizers[0]) : nullptr;
    const WordPiece::Settings usual;
    if (bert != nullptr && bert->clean_text && cuts.size() == 1 &&
        std::holds_alternative<PreTokenizer::BertPreTokenizer>(cuts[0]) &&
        words->settings().continuing_prefix == usual.continuing_prefix &&
        words->settings().longest_word == usual.longest_word)
      return rounded_as_roberta ? "MPNetTokenizer" : "BertTokenizer";
  }
  if (std::holds_alternative<ByteLevelBpe>(pipeline.model) && normalizers.empty() && rounded_as_roberta)
    return "RobertaTokenizer";
  return "PreTrainedTokenizerFast";
}

bool gives_types(const PostProcessor& processor) {
  return std::ranges::any_of(processor.pair(), [](const PostProcessor::Item& item) { return item.type != 0; });
}

/// tokenizer_config.json: the keys that the tokenizer was read with, and what these leave open. `model`: the
/// config.json beside it, if there is one.
std::string tokenizer_config_json(const Pipeline& pipeline, const std::optional<ModelConfig>& model) {
  const Vocabulary& vocabulary = pipeline.vocabulary;
  ordered_json config = ordered_json::parse(pipeline.config_keys);
  for (const char* local : {"tokenizer_file", "vocab_file", "merges_file", "special_tokens_map_file"})
    config.erase(local);  // paths on the machine that wrote them
  if (const auto named = config.find("tokenizer_class"); named != config.end() && named->is_null()) config.erase(named);
  const auto set = [&](const char* key, const auto& value) {
    if (!config.contains(key)) config[key] = value;
  };
  set("tokenizer_class", pipeline.tokenizer_class.empty() ? class_of(pipeline) : pipeline.tokenizer_class);
  std::vector<std::int32_t> around;
  for (const PostProcessor::Item& item : pipeline.post_processor.single())
    if (item.part == PostProcessor::Part::token) around.push_back(item.id);
  // A token that is named here is looked for in texts, so one that was not stays unnamed.
  const auto is_added = [&](std::int32_t id) {
    return std::ranges::any_of(pipeline.added_tokens.all(), [&](const AddedToken& token) { return token.id == id; });
  };
  if (!around.empty() && is_added(around.front())) set("cls_token", vocabulary.token(around.front()));
  if (!around.empty() && is_added(around.back())) set("sep_token", vocabulary.token(around.back()));
  std::string unknown;
  if (const auto* words = std::get_if<WordPiece>(&pipeline.model)) unknown = words->settings().unknown_token;
  if (const auto* pieces = std::get_if<Unigram>(&pipeline.model)) unknown = vocabulary.token(pieces->unknown());
  if (!unknown.empty() && is_added(vocabulary.id(unknown))) set("unk_token", unknown);
  set("pad_token", vocabulary.token(pipeline.pad_id));
  for (const char* mask : {"[MASK]", "<mask>"})
    if (const std::int32_t id = vocabulary.id(mask); id != TokenTable::absent && is_added(id)) set("mask_token", mask);
  for (const Normalizer::Step& step : pipeline.normalizer.steps())
    if (const auto* bert = std::get_if<Normalizer::BertNormalizer>(&step)) {
      set("do_lower_case", bert->lowercase);
      set("strip_accents", bert->strip_accents);
      set("tokenize_chinese_chars", bert->handle_chinese_chars);
    }
  for (const PreTokenizer::Step& step : pipeline.pre_tokenizer.steps())
    if (const auto* byte_level = std::get_if<PreTokenizer::ByteLevel>(&step))
      set("add_prefix_space", byte_level->add_prefix_space);

  // Which inputs the class gives differs between versions of transformers; so it is said where it matters.
  const std::string name = config["tokenizer_class"].get<std::string>();
  const bool takes_types =
      gives_types(pipeline.post_processor) && (!model || find_backbone(model->model_type).has_token_types);
  const bool class_gives_types = name.starts_with("Bert") || name.starts_with("Electra");
  if (takes_types != class_gives_types)
    set("model_input_names", takes_types ? ordered_json{"input_ids", "token_type_ids", "attention_mask"}
                                         : ordered_json{"input_ids", "attention_mask"});
  if (model) set("model_max_length", find_backbone(model->model_type).max_tokens(*model));
  return config.dump(2) + "\n";
}

/// The config.json that the tokenizer is saved beside; none where it is no model's that we have.
std::optional<ModelConfig> model_in(const std::filesystem::path& directory) {
  const std::filesystem::path file = directory / "config.json";
  if (!is_there(file)) return std::nullopt;
  try {
    return ModelConfig::load(file);
  } catch (const ConfigError&) {
    return std::nullopt;
  }
}

std::string lines(const std::vector<std::string>& all) {
  std::string text;
  for (const std::string& line : all) text += line + "\n";
  return text;
}

}  // namespace

void write_tokenizer(const Pipeline& pipeline, const std::filesystem::path& directory) {
  make_folder(directory);
  const std::vector<std::string> tokens = model_tokens(pipeline);
  if (const auto* bpe = std::get_if<ByteLevelBpe>(&pipeline.model)) {
    write_file_atomically(directory / "vocab.json", vocabulary_json(tokens) + "\n");
    write_file_atomically(directory / "merges.txt", "#version: 0.2\n" + lines(merge_lines(*bpe, pipeline.vocabulary)));
  } else if (std::holds_alternative<WordPiece>(pipeline.model)) {
    write_file_atomically(directory / "vocab.txt", lines(tokens));
  }
  write_file_atomically(directory / "tokenizer_config.json", tokenizer_config_json(pipeline, model_in(directory)));
  write_file_atomically(directory / "tokenizer.json", tokenizer_json(pipeline, tokens));
}

}  // namespace sharcs::internal
