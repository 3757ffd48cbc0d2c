#include "text/tokenizer_json.hpp"

#include <map>
#include <optional>
#include <span>
#include <utility>

#include "core/quote.hpp"
#include "io/json_cursor.hpp"
#include "sharcs/error.hpp"
#include "text/unicode.hpp"
#include "text/vocabulary_files.hpp"

namespace sharcs::internal {
namespace {

using nlohmann::json;

/// Real tokenizers have up to ten parts of a kind, and add up to four special tokens to a text.
constexpr std::size_t most_parts = 64, most_template_items = 256;

/// The parts of a component: those of a "Sequence", or the component itself.
std::vector<JsonCursor> parts_of(const JsonCursor& component, const std::string& key) {
  if (!component.present()) return {};
  if (component["type"].get<std::string>() != "Sequence") return {component};
  if (const std::size_t parts = component[key].size(); parts > most_parts)
    component[key].refuse("has " + std::to_string(parts) + " parts; expected at most " + std::to_string(most_parts));
  return component[key].each([](const JsonCursor& part) { return part; });
}

Normalizer::Step normalizer_step(const JsonCursor& place) {
  static const std::map<std::string, Normalizer::Form> forms = {{"NFC", Normalizer::Form::nfc},
                                                                {"NFD", Normalizer::Form::nfd},
                                                                {"NFKC", Normalizer::Form::nfkc},
                                                                {"NFKD", Normalizer::Form::nfkd}};
  const std::string type = place["type"].get<std::string>();
  if (type == "BertNormalizer") {
    const bool lowercase = place["lowercase"].get_or(true);
    return Normalizer::BertNormalizer{
        .clean_text = place["clean_text"].get_or(true),
        .handle_chinese_chars = place["handle_chinese_chars"].get_or(true),
        .strip_accents = place["strip_accents"].get_or(lowercase),
        .lowercase = lowercase,
    };
  }
  if (const auto form = forms.find(type); form != forms.end()) return form->second;
  if (type == "Lowercase") return Normalizer::Lowercase{};
  if (type == "StripAccents") return Normalizer::StripAccents{};
  if (type == "Replace") {
    if (const JsonCursor regex = place["pattern"]["Regex"]; regex.present()) {
      using enum Normalizer::Pattern;
      for (const Normalizer::Pattern known : {runs_of_spaces, outer_spaces, leading_underline, runs_of_white_space})
        if (regex.get<std::string>() == Normalizer::regex_of(known))
          return Normalizer::ReplacePattern{known, place["content"].get<std::string>()};
      regex.fail("\" {2,}\" or another one that transformers writes for SentencePiece");
    }
    const JsonCursor pattern = place["pattern"]["String"];
    if (pattern.get<std::string>().empty()) pattern.fail("a text");
    if (const auto text = pattern.get<std::string>(); text.size() > longest_token) pattern.refuse(too_long(text));
    return Normalizer::Replace{pattern.get<std::string>(), place["content"].get<std::string>()};
  }
  if (type == "Strip")
    return Normalizer::Strip{.left = place["strip_left"].get_or(true), .right = place["strip_right"].get_or(true)};
  if (type == "Prepend") return Normalizer::Prepend{place["prepend"].get<std::string>()};
  if (type == "Precompiled") {
    const JsonCursor charsmap = place["precompiled_charsmap"];
    std::optional<Charsmap> parsed = Charsmap::parse(charsmap.get<std::string>());
    if (!parsed) charsmap.fail("SentencePiece's table of characters in base64");
    return std::make_shared<const Charsmap>(*std::move(parsed));
  }
  place["type"].fail(
      "BertNormalizer, NFC, NFD, NFKC, NFKD, Lowercase, StripAccents, Strip, Prepend, Replace or Precompiled, alone or "
      "in a Sequence");
}

PreTokenizer::Step pre_tokenizer_step(const JsonCursor& place) {
  const std::string type = place["type"].get<std::string>();
  if (type == "BertPreTokenizer") return PreTokenizer::BertPreTokenizer{};
  if (type == "Whitespace") return PreTokenizer::Whitespace{};
  if (type == "WhitespaceSplit") return PreTokenizer::WhitespaceSplit{};
  if (type == "Punctuation") {
    const JsonCursor behavior = place["behavior"];
    if (behavior.get_or<std::string>("Isolated") != "Isolated") behavior.fail("\"Isolated\"");
    return PreTokenizer::Punctuation{};
  }
  if (type == "ByteLevel")
    return PreTokenizer::ByteLevel{.add_prefix_space = place["add_prefix_space"].get_or(true),
                                   .use_regex = place["use_regex"].get_or(true)};
  if (type == "Metaspace") {
    using Prefix = PreTokenizer::Metaspace::Prefix;
    PreTokenizer::Metaspace rules{.replacement = place["replacement"].get_or<std::string>("▁"),
                                  .prefix = place["add_prefix_space"].get_or(true) ? Prefix::always : Prefix::never,
                                  .split = place["split"].get_or(true)};
    if (count_characters(rules.replacement) != 1) place["replacement"].fail("one character");
    if (const JsonCursor scheme = place["prepend_scheme"]; scheme.present()) rules.prefix = scheme.get<Prefix>();
    return rules;
  }
  place["type"].fail(
      "BertPreTokenizer, Whitespace, WhitespaceSplit, Punctuation, ByteLevel or Metaspace, alone or in a Sequence");
}

std::int32_t token_id(const JsonCursor& place, const Vocabulary& vocabulary) {
  const std::int32_t id = place.get<std::int32_t>({.least = 0});
  if (!vocabulary.has(id)) place.fail("the id of a token");
  return id;
}

std::string model_type(const JsonCursor& model) {
  // Files of 2020 do not name it.
  if (model["type"].present()) return model["type"].get<std::string>();
  if (model["merges"].present()) return "BPE";
  if (model["unk_id"].present()) return "Unigram";
  return model["continuing_subword_prefix"].present() ? "WordPiece" : "";
}

WordPiece word_piece(const JsonCursor& model, const Vocabulary& vocabulary) {
  WordPiece::Settings settings;
  const JsonCursor unknown = model["unk_token"];
  settings.unknown_token = unknown.get_or<std::string>(settings.unknown_token);
  if (vocabulary.id(settings.unknown_token) == TokenTable::absent) unknown.fail("a token of the vocabulary");
  settings.continuing_prefix = model["continuing_subword_prefix"].get_or<std::string>(settings.continuing_prefix);
  if (const JsonCursor longest = model["max_input_chars_per_word"]; longest.present())
    settings.longest_word = static_cast<std::size_t>(longest.get<std::int32_t>({.least = 0}));
  return {vocabulary, std::move(settings)};
}

ByteLevelBpe byte_level_bpe(const JsonCursor& model, const Vocabulary& vocabulary) {
  for (const char* key : {"continuing_subword_prefix", "end_of_word_suffix"})
    if (!model[key].get_or<std::string>("").empty()) model[key].fail("\"\" or null");
  if (model["byte_fallback"].get_or(false)) model["byte_fallback"].fail("false");
  if (const JsonCursor dropout = model["dropout"]; dropout.present() && dropout.get<double>() != 0)
    dropout.fail("null: merges cannot be left out at random");

  ByteLevelBpe::Settings settings;
  settings.fuse_unknown = model["fuse_unk"].get_or(false);
  settings.ignore_merges = model["ignore_merges"].get_or(false);
  if (const JsonCursor unknown = model["unk_token"]; unknown.present()) {
    settings.unknown_token = unknown.get<std::string>();
    if (vocabulary.id(*settings.unknown_token) == TokenTable::absent) unknown.fail("a token of the vocabulary");
  }

  const JsonCursor list = model["merges"];
  std::vector<ByteLevelBpe::Merge> merges;
  merges.reserve(list.size());
  for (std::size_t i = 0; i < list.size(); ++i) {
    const json& item = list.list()[i];
    const auto place = [&] { return model.file() + ": \"model.merges[" + std::to_string(i) + "]\""; };
    if (item.is_string())
      merges.push_back(merge_of(item.get_ref<const std::string&>(), vocabulary, place()));
    else if (item.is_array() && item.size() == 2 && item[0].is_string() && item[1].is_string())
      merges.push_back(
          merge_of(item[0].get_ref<const std::string&>(), item[1].get_ref<const std::string&>(), vocabulary, place()));
    else
      list.element(i).fail("two tokens, in a list or with a space between them");
  }
  return {vocabulary, std::move(merges), std::move(settings)};
}

/// The list of tokens and scores of a Unigram model.
Vocabulary unigram_vocabulary(const JsonCursor& list, std::vector<double>& scores) {
  Vocabulary vocabulary;
  for (std::size_t i = 0; i < list.size(); ++i) {
    const json& item = list.list()[i];
    if (!item.is_array() || item.size() != 2 || !item[0].is_string() || !item[1].is_number())
      list.element(i).fail("a token and its score");
    if (const auto& token = item[0].get_ref<const std::string&>(); token.size() > longest_token)
      list.element(i).element(0).refuse(too_long(token));
    vocabulary.add(item[0].get<std::string>(), static_cast<std::int32_t>(i));
    scores.push_back(item[1].get<double>());
  }
  if (scores.empty()) list.fail("a list with at least one token");
  return vocabulary;
}

std::vector<AddedToken> added_tokens(const JsonCursor& list, Vocabulary& vocabulary) {
  if (!list.present()) return {};
  std::vector<AddedToken> tokens;
  const auto largest = static_cast<std::int32_t>(vocabulary.size() + list.size() + (1 << 16));
  for (std::size_t i = 0; i < list.size(); ++i) {
    const JsonCursor place = list.element(i);
    AddedToken token;
    token.content = place["content"].get<std::string>();
    token.id = place["id"].get<std::int32_t>({.least = 0, .greatest = static_cast<double>(largest)});
    token.special = place["special"].get_or(false);
    token.single_word = place["single_word"].get_or(false);
    token.lstrip = place["lstrip"].get_or(false);
    token.rstrip = place["rstrip"].get_or(false);
    token.normalized = place["normalized"].get_or(!token.special);
    if (token.content.empty()) place["content"].fail("a token");
    if (token.content.size() > longest_token) place["content"].refuse(too_long(token.content));
    const std::int32_t known = vocabulary.id(token.content);
    if (known != TokenTable::absent && known != token.id)
      place["id"].fail(std::to_string(known) + ", the id of " + quote(token.content) + " in the vocabulary");
    if (known == TokenTable::absent) {
      if (vocabulary.has(token.id)) place["id"].fail("an id other than that of " + quote(vocabulary.token(token.id)));
      token.in_model = false;
      vocabulary.add(token.content, token.id);
    }
    tokens.push_back(std::move(token));
  }
  return tokens;
}

PostProcessor::Template template_items(const JsonCursor& list, const JsonCursor& special_tokens,
                                       const Vocabulary& vocabulary, bool with_pair) {
  PostProcessor::Template items;
  std::size_t texts = 0, pairs = 0;
  for (std::size_t i = 0; i < list.size(); ++i) {
    const JsonCursor item = list.element(i), token = item["SpecialToken"], sequence = item["Sequence"];
    if (token.present()) {
      const std::int32_t type = token["type_id"].get<std::int32_t>({.least = 0});
      const std::string name = token["id"].get<std::string>();
      const JsonCursor ids = special_tokens[name]["ids"];
      if (!ids.present()) token["id"].fail("one of the template's \"special_tokens\"");
      if (items.size() + ids.size() > most_template_items)
        list.refuse("adds more than " + std::to_string(most_template_items) + " tokens to a text");
      for (std::size_t k = 0; k < ids.size(); ++k)
        items.push_back({PostProcessor::Part::token, type, token_id(ids.element(k), vocabulary)});
    } else if (sequence.present()) {
      const std::string id = sequence["id"].get<std::string>();
      if (id != "A" && id != "B") sequence["id"].fail("\"A\" or \"B\"");
      ++(id == "A" ? texts : pairs);
      items.push_back({id == "A" ? PostProcessor::Part::text : PostProcessor::Part::pair,
                       sequence["type_id"].get<std::int32_t>({.least = 0})});
    } else {
      item.fail("an object with \"SpecialToken\" or \"Sequence\"");
    }
  }
  if (texts != 1 || pairs != (with_pair ? 1u : 0u))
    list.fail(with_pair ? "a list with the sequences A and B once" : "a list with the sequence A once");
  return items;
}

std::optional<PostProcessor> post_processor_part(const JsonCursor& place, const Vocabulary& vocabulary) {
  const std::string type = place["type"].get<std::string>();
  if (type == "ByteLevel") return std::nullopt;  // changes only where tokens stand in the text
  if (type == "BertProcessing" || type == "RobertaProcessing") {
    const auto id = [&](const char* key) {
      const JsonCursor pair = place[key];
      if (pair.size() != 2) pair.fail("a token and its id");
      return token_id(pair.element(1), vocabulary);
    };
    const std::int32_t cls = id("cls"), sep = id("sep");
    return type == "BertProcessing" ? PostProcessor::bert(cls, sep) : PostProcessor::roberta(cls, sep);
  }
  if (type == "TemplateProcessing") {
    const JsonCursor special = place["special_tokens"];
    return PostProcessor(template_items(place["single"], special, vocabulary, false),
                         template_items(place["pair"], special, vocabulary, true));
  }
  place["type"].fail("TemplateProcessing, BertProcessing, RobertaProcessing or ByteLevel, alone or in a Sequence");
}

PostProcessor post_processor(const JsonCursor& place, const Vocabulary& vocabulary) {
  std::optional<PostProcessor> found;
  for (const JsonCursor& part : parts_of(place, "processors")) {
    std::optional<PostProcessor> next = post_processor_part(part, vocabulary);
    if (next && found) part["type"].fail("only one part that adds special tokens");
    if (next) found = std::move(next);
  }
  return found ? *std::move(found) : PostProcessor::none();
}

/// MPNet's vocabulary has both names, since it holds BERT's; the one that is used is among the added tokens.
std::int32_t find_pad(const Vocabulary& vocabulary, std::span<const AddedToken> added, const std::string& file) {
  for (const AddedToken& token : added)
    if (token.content == "[PAD]" || token.content == "<pad>") return token.id;
  for (const char* token : {"[PAD]", "<pad>"})
    if (const std::int32_t id = vocabulary.id(token); id != TokenTable::absent) return id;
  throw TokenizerError(file + ": has no token \"[PAD]\" or \"<pad>\"; expected one of them");
}

}  // namespace

Pipeline read_tokenizer_json(const std::filesystem::path& path) {
  const JsonCursor root = JsonCursor::load(path, JsonKind::tokenizer);
  if (root["version"].get_or<std::string>("1.0") != "1.0") root["version"].fail("\"1.0\"");

  std::vector<Normalizer::Step> normalizer_steps;
  for (const JsonCursor& part : parts_of(root["normalizer"], "normalizers"))
    normalizer_steps.push_back(normalizer_step(part));
  Normalizer normalizer(std::move(normalizer_steps));

  const JsonCursor model = root["model"], cuts = root["pre_tokenizer"];
  std::vector<PreTokenizer::Step> cut_steps;
  for (const JsonCursor& part : parts_of(cuts, "pretokenizers")) cut_steps.push_back(pre_tokenizer_step(part));
  // ByteLevel turns the text into bytes. Only a model of bytes (BPE) can read those, and it reads nothing else.
  const std::string type = model_type(model);
  for (std::size_t i = 0; i < cut_steps.size(); ++i)
    if (std::holds_alternative<PreTokenizer::ByteLevel>(cut_steps[i]) && (i + 1 < cut_steps.size() || type != "BPE"))
      cuts.fail("ByteLevel as the last part, before a BPE model");
  if (type == "BPE" && (cut_steps.empty() || !std::holds_alternative<PreTokenizer::ByteLevel>(cut_steps.back())))
    cuts.fail("ByteLevel before a BPE model: only BPE on bytes is supported");
  if (type != "BPE" && type != "WordPiece" && type != "Unigram") model["type"].fail("WordPiece, BPE or Unigram");

  const JsonCursor tokens = model["vocab"];
  std::vector<double> scores;
  Vocabulary vocabulary = type == "Unigram" ? unigram_vocabulary(tokens, scores) : vocabulary_in(tokens);
  std::variant<WordPiece, ByteLevelBpe, Unigram> words = [&]() -> decltype(words) {
    if (type == "BPE") return byte_level_bpe(model, vocabulary);
    if (type == "WordPiece") return word_piece(model, vocabulary);
    if (model["byte_fallback"].get_or(false)) model["byte_fallback"].fail("false");
    const std::int32_t unknown = token_id(model["unk_id"], vocabulary);
    return Unigram(vocabulary, std::move(scores), unknown);
  }();
  AddedTokens added(added_tokens(root["added_tokens"], vocabulary), normalizer, path.string());
  PostProcessor post = post_processor(root["post_processor"], vocabulary);
  const std::int32_t pad = find_pad(vocabulary, added.all(), path.string());
  return {
      .vocabulary = std::move(vocabulary),
      .added_tokens = std::move(added),
      .normalizer = std::move(normalizer),
      .pre_tokenizer = PreTokenizer(std::move(cut_steps)),
      .model = std::move(words),
      .post_processor = std::move(post),
      .pad_id = pad,
  };
}

}  // namespace sharcs::internal
