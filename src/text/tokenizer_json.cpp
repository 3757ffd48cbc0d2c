#include "text/tokenizer_json.hpp"

#include <map>
#include <optional>
#include <utility>

#include "core/quote.hpp"
#include "sharcs/error.hpp"
#include "text/json_place.hpp"
#include "text/unicode.hpp"
#include "text/vocabulary_files.hpp"

namespace sharcs::internal {
namespace {

using nlohmann::json;

/// The parts of a component: those of a "Sequence", or the component itself.
std::vector<JsonPlace> parts_of(const JsonPlace& component, const std::string& key) {
  if (!component.present()) return {};
  if (component.member("type").text() != "Sequence") return {component};
  const JsonPlace list = component.member(key);
  std::vector<JsonPlace> parts;
  for (std::size_t i = 0; i < list.size(); ++i) parts.push_back(list.element(i));
  return parts;
}

Normalizer::Step normalizer_step(const JsonPlace& place) {
  static const std::map<std::string, Normalizer::Form> forms = {{"NFC", Normalizer::Form::nfc},
                                                                {"NFD", Normalizer::Form::nfd},
                                                                {"NFKC", Normalizer::Form::nfkc},
                                                                {"NFKD", Normalizer::Form::nfkd}};
  const std::string type = place.member("type").text();
  if (type == "BertNormalizer") {
    const bool lowercase = place.member("lowercase").truth_or(true);
    return Normalizer::BertNormalizer{
        .clean_text = place.member("clean_text").truth_or(true),
        .handle_chinese_chars = place.member("handle_chinese_chars").truth_or(true),
        .strip_accents = place.member("strip_accents").truth_or(lowercase),
        .lowercase = lowercase,
    };
  }
  if (const auto form = forms.find(type); form != forms.end()) return form->second;
  if (type == "Lowercase") return Normalizer::Lowercase{};
  if (type == "StripAccents") return Normalizer::StripAccents{};
  if (type == "Replace") {
    const JsonPlace pattern = place.member("pattern").member("String");
    if (pattern.text().empty()) pattern.fail("a text");
    return Normalizer::Replace{pattern.text(), place.member("content").text()};
  }
  if (type == "Precompiled") {
    const JsonPlace charsmap = place.member("precompiled_charsmap");
    std::optional<Charsmap> parsed = Charsmap::parse(charsmap.text());
    if (!parsed) charsmap.fail("SentencePiece's table of characters in base64");
    return std::make_shared<const Charsmap>(*std::move(parsed));
  }
  place.member("type").fail(
      "BertNormalizer, NFC, NFD, NFKC, NFKD, Lowercase, StripAccents, Replace or Precompiled, alone or in a Sequence");
}

PreTokenizer::Step pre_tokenizer_step(const JsonPlace& place) {
  const std::string type = place.member("type").text();
  if (type == "BertPreTokenizer") return PreTokenizer::BertPreTokenizer{};
  if (type == "Whitespace") return PreTokenizer::Whitespace{};
  if (type == "WhitespaceSplit") return PreTokenizer::WhitespaceSplit{};
  if (type == "Punctuation") {
    const JsonPlace behavior = place.member("behavior");
    if (behavior.text_or("Isolated") != "Isolated") behavior.fail("\"Isolated\"");
    return PreTokenizer::Punctuation{};
  }
  if (type == "ByteLevel")
    return PreTokenizer::ByteLevel{.add_prefix_space = place.member("add_prefix_space").truth_or(true),
                                   .use_regex = place.member("use_regex").truth_or(true)};
  if (type == "Metaspace") {
    PreTokenizer::Metaspace rules{.replacement = place.member("replacement").text_or("▁"),
                                  .add_prefix_space = place.member("add_prefix_space").truth_or(true),
                                  .split = place.member("split").truth_or(true)};
    if (count_characters(rules.replacement) != 1) place.member("replacement").fail("one character");
    if (const JsonPlace scheme = place.member("prepend_scheme"); scheme.present()) {
      if (scheme.text() != "always" && scheme.text() != "never") scheme.fail("\"always\" or \"never\"");
      rules.add_prefix_space = scheme.text() == "always";
    }
    return rules;
  }
  place.member("type").fail(
      "BertPreTokenizer, Whitespace, WhitespaceSplit, Punctuation, ByteLevel or Metaspace, alone or in a Sequence");
}

std::int32_t token_id(const JsonPlace& place, const Vocabulary& vocabulary) {
  const std::int32_t id = place.number(0, INT32_MAX);
  if (!vocabulary.has(id)) place.fail("the id of a token");
  return id;
}

std::string model_type(const JsonPlace& model) {
  // Files of 2020 do not name it.
  if (model.member("type").present()) return model.member("type").text();
  if (model.member("merges").present()) return "BPE";
  if (model.member("unk_id").present()) return "Unigram";
  return model.member("continuing_subword_prefix").present() ? "WordPiece" : "";
}

WordPiece word_piece(const JsonPlace& model, const Vocabulary& vocabulary) {
  WordPiece::Settings settings;
  const JsonPlace unknown = model.member("unk_token");
  settings.unknown_token = unknown.text_or(settings.unknown_token);
  if (vocabulary.id(settings.unknown_token) == TokenTable::absent) unknown.fail("a token of the vocabulary");
  settings.continuing_prefix = model.member("continuing_subword_prefix").text_or(settings.continuing_prefix);
  if (const JsonPlace longest = model.member("max_input_chars_per_word"); longest.present())
    settings.longest_word = static_cast<std::size_t>(longest.number(0, INT32_MAX));
  return {vocabulary, std::move(settings)};
}

ByteLevelBpe byte_level_bpe(const JsonPlace& model, const Vocabulary& vocabulary) {
  for (const char* key : {"continuing_subword_prefix", "end_of_word_suffix"})
    if (!model.member(key).text_or("").empty()) model.member(key).fail("\"\" or null");
  if (model.member("byte_fallback").truth_or(false)) model.member("byte_fallback").fail("false");
  if (const JsonPlace dropout = model.member("dropout"); dropout.present() && dropout.real() != 0)
    dropout.fail("null: merges cannot be left out at random");

  ByteLevelBpe::Settings settings;
  settings.fuse_unknown = model.member("fuse_unk").truth_or(false);
  settings.ignore_merges = model.member("ignore_merges").truth_or(false);
  if (const JsonPlace unknown = model.member("unk_token"); unknown.present()) {
    settings.unknown_token = unknown.text();
    if (vocabulary.id(*settings.unknown_token) == TokenTable::absent) unknown.fail("a token of the vocabulary");
  }

  const JsonPlace list = model.member("merges");
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
Vocabulary unigram_vocabulary(const JsonPlace& list, std::vector<double>& scores) {
  Vocabulary vocabulary;
  for (std::size_t i = 0; i < list.size(); ++i) {
    const json& item = list.list()[i];
    if (!item.is_array() || item.size() != 2 || !item[0].is_string() || !item[1].is_number())
      list.element(i).fail("a token and its score");
    vocabulary.add(item[0].get<std::string>(), static_cast<std::int32_t>(i));
    scores.push_back(item[1].get<double>());
  }
  if (scores.empty()) list.fail("a list with at least one token");
  return vocabulary;
}

std::vector<AddedToken> added_tokens(const JsonPlace& list, Vocabulary& vocabulary) {
  if (!list.present()) return {};
  std::vector<AddedToken> tokens;
  const auto largest = static_cast<std::int32_t>(vocabulary.size() + list.size() + (1 << 16));
  for (std::size_t i = 0; i < list.size(); ++i) {
    const JsonPlace place = list.element(i);
    AddedToken token;
    token.content = place.member("content").text();
    token.id = place.member("id").number(0, largest);
    token.special = place.member("special").truth_or(false);
    token.single_word = place.member("single_word").truth_or(false);
    token.lstrip = place.member("lstrip").truth_or(false);
    token.rstrip = place.member("rstrip").truth_or(false);
    token.normalized = place.member("normalized").truth_or(!token.special);
    if (token.content.empty()) place.member("content").fail("a token");
    const std::int32_t known = vocabulary.id(token.content);
    if (known != TokenTable::absent && known != token.id)
      place.member("id").fail(std::to_string(known) + ", the id of " + quote(token.content) + " in the vocabulary");
    if (known == TokenTable::absent) {
      if (vocabulary.has(token.id))
        place.member("id").fail("an id other than that of " + quote(vocabulary.token(token.id)));
      token.in_model = false;
      vocabulary.add(token.content, token.id);
    }
    tokens.push_back(std::move(token));
  }
  return tokens;
}

PostProcessor::Template template_items(const JsonPlace& list, const JsonPlace& special_tokens,
                                       const Vocabulary& vocabulary, bool with_pair) {
  PostProcessor::Template items;
  std::size_t texts = 0, pairs = 0;
  for (std::size_t i = 0; i < list.size(); ++i) {
    const JsonPlace item = list.element(i), token = item.member("SpecialToken"), sequence = item.member("Sequence");
    if (token.present()) {
      const std::int32_t type = token.member("type_id").number(0, INT32_MAX);
      const std::string name = token.member("id").text();
      const JsonPlace ids = special_tokens.member(name).member("ids");
      if (!ids.present()) token.member("id").fail("one of the template's \"special_tokens\"");
      for (std::size_t k = 0; k < ids.size(); ++k)
        items.push_back({PostProcessor::Part::token, type, token_id(ids.element(k), vocabulary)});
    } else if (sequence.present()) {
      const std::string id = sequence.member("id").text();
      if (id != "A" && id != "B") sequence.member("id").fail("\"A\" or \"B\"");
      ++(id == "A" ? texts : pairs);
      items.push_back({id == "A" ? PostProcessor::Part::text : PostProcessor::Part::pair,
                       sequence.member("type_id").number(0, INT32_MAX)});
    } else {
      item.fail("an object with \"SpecialToken\" or \"Sequence\"");
    }
  }
  if (texts != 1 || pairs != (with_pair ? 1u : 0u))
    list.fail(with_pair ? "a list with the sequences A and B once" : "a list with the sequence A once");
  return items;
}

std::optional<PostProcessor> post_processor_part(const JsonPlace& place, const Vocabulary& vocabulary) {
  const std::string type = place.member("type").text();
  if (type == "ByteLevel") return std::nullopt;  // is about offsets alone
  if (type == "BertProcessing" || type == "RobertaProcessing") {
    const auto id = [&](const char* key) {
      const JsonPlace pair = place.member(key);
      if (pair.size() != 2) pair.fail("a token and its id");
      return token_id(pair.element(1), vocabulary);
    };
    const std::int32_t cls = id("cls"), sep = id("sep");
    return type == "BertProcessing" ? PostProcessor::bert(cls, sep) : PostProcessor::roberta(cls, sep);
  }
  if (type == "TemplateProcessing") {
    const JsonPlace special = place.member("special_tokens");
    return PostProcessor(template_items(place.member("single"), special, vocabulary, false),
                         template_items(place.member("pair"), special, vocabulary, true));
  }
  place.member("type").fail(
      "TemplateProcessing, BertProcessing, RobertaProcessing or ByteLevel, alone or in a Sequence");
}

PostProcessor post_processor(const JsonPlace& place, const Vocabulary& vocabulary) {
  std::optional<PostProcessor> found;
  for (const JsonPlace& part : parts_of(place, "processors")) {
    std::optional<PostProcessor> next = post_processor_part(part, vocabulary);
    if (next && found) part.member("type").fail("only one part that adds special tokens");
    if (next) found = std::move(next);
  }
  return found ? *std::move(found) : PostProcessor::none();
}

std::int32_t find_pad(const Vocabulary& vocabulary, const std::string& file) {
  for (const char* token : {"[PAD]", "<pad>"})
    if (const std::int32_t id = vocabulary.id(token); id != TokenTable::absent) return id;
  throw TokenizerError(file + ": has no token \"[PAD]\" or \"<pad>\"; expected one of them");
}

}  // namespace

std::shared_ptr<const Pipeline> read_tokenizer_json(const std::filesystem::path& path) {
  const json document = read_tokenizer_json_file(path);
  const JsonPlace root(document, path.string());
  if (root.member("version").text_or("1.0") != "1.0") root.member("version").fail("\"1.0\"");

  std::vector<Normalizer::Step> normalizer_steps;
  for (const JsonPlace& part : parts_of(root.member("normalizer"), "normalizers"))
    normalizer_steps.push_back(normalizer_step(part));
  Normalizer normalizer(std::move(normalizer_steps));

  const JsonPlace model = root.member("model"), cuts = root.member("pre_tokenizer");
  std::vector<PreTokenizer::Step> cut_steps;
  for (const JsonPlace& part : parts_of(cuts, "pretokenizers")) cut_steps.push_back(pre_tokenizer_step(part));
  // ByteLevel turns the text into bytes: nothing can follow it but a model of bytes, and that needs it.
  const std::string type = model_type(model);
  for (std::size_t i = 0; i < cut_steps.size(); ++i)
    if (std::holds_alternative<PreTokenizer::ByteLevel>(cut_steps[i]) && (i + 1 < cut_steps.size() || type != "BPE"))
      cuts.fail("ByteLevel as the last part, before a BPE model");
  if (type == "BPE" && (cut_steps.empty() || !std::holds_alternative<PreTokenizer::ByteLevel>(cut_steps.back())))
    cuts.fail("ByteLevel before a BPE model: only BPE on bytes is supported");
  if (type != "BPE" && type != "WordPiece" && type != "Unigram") model.member("type").fail("WordPiece, BPE or Unigram");

  const JsonPlace tokens = model.member("vocab");
  std::vector<double> scores;
  Vocabulary vocabulary = type == "Unigram" ? unigram_vocabulary(tokens, scores) : vocabulary_in(tokens);
  std::variant<WordPiece, ByteLevelBpe, Unigram> words = [&]() -> decltype(words) {
    if (type == "BPE") return byte_level_bpe(model, vocabulary);
    if (type == "WordPiece") return word_piece(model, vocabulary);
    if (model.member("byte_fallback").truth_or(false)) model.member("byte_fallback").fail("false");
    const std::int32_t unknown = token_id(model.member("unk_id"), vocabulary);
    return Unigram(vocabulary, std::move(scores), unknown);
  }();
  AddedTokens added(added_tokens(root.member("added_tokens"), vocabulary), normalizer);
  PostProcessor post = post_processor(root.member("post_processor"), vocabulary);
  const std::int32_t pad = find_pad(vocabulary, path.string());
  return std::make_shared<const Pipeline>(Pipeline{
      .vocabulary = std::move(vocabulary),
      .added_tokens = std::move(added),
      .normalizer = std::move(normalizer),
      .pre_tokenizer = PreTokenizer(std::move(cut_steps)),
      .model = std::move(words),
      .post_processor = std::move(post),
      .pad_id = pad,
  });
}

}  // namespace sharcs::internal
