#include "text/tokenizer_folder.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>
#include <system_error>
#include <unordered_set>
#include <utility>

#include "core/quote.hpp"
#include "io/file.hpp"
#include "io/json_cursor.hpp"
#include "sharcs/error.hpp"
#include "text/sentence_piece_file.hpp"
#include "text/tokenizer_config.hpp"
#include "text/tokenizer_json.hpp"
#include "text/vocabulary_files.hpp"

namespace sharcs::internal {
namespace {

enum class Family { bert, mpnet, roberta, xlm_roberta, camembert, albert, deberta };

struct NamedClass {
  std::string_view name;
  Family family;
};
/// Classes of transformers and what they do; those of a row with the same family are one class there.
constexpr std::array<NamedClass, 16> classes = {{
    {"BertTokenizer", Family::bert},
    {"DistilBertTokenizer", Family::bert},
    {"ElectraTokenizer", Family::bert},
    {"MobileBertTokenizer", Family::bert},
    {"ConvBertTokenizer", Family::bert},
    {"SqueezeBertTokenizer", Family::bert},
    {"LayoutLMTokenizer", Family::bert},
    {"RetriBertTokenizer", Family::bert},
    {"MPNetTokenizer", Family::mpnet},
    {"RobertaTokenizer", Family::roberta},
    {"LongformerTokenizer", Family::roberta},
    {"BartTokenizer", Family::roberta},
    {"XLMRobertaTokenizer", Family::xlm_roberta},
    {"CamembertTokenizer", Family::camembert},
    {"AlbertTokenizer", Family::albert},
    {"DebertaV2Tokenizer", Family::deberta},
}};

std::optional<Family> family_of_class(std::string_view name) {
  const auto found = std::ranges::find(classes, name, &NamedClass::name);
  return found == classes.end() ? std::nullopt : std::optional(found->family);
}

std::string known_classes() {
  std::string names;
  for (const NamedClass& known : classes) names += (names.empty() ? "" : ", ") + std::string(known.name);
  return names;
}

/// What a family's tokenizer is built on, from whichever files it came.
struct Parts {
  Vocabulary vocabulary = {};  // the model's own tokens
  std::vector<ByteLevelBpe::Merge> merges = {};
  std::vector<double> scores = {};
  Normalizer::Precompiled charsmap = {};
  std::vector<AddedToken> added = {};  // with ids
  std::optional<PostProcessor> post_processor = {};
  std::string place = {};  // the file of the vocabulary
};

SpecialTokens special_tokens(Family family, const TokenizerConfig& config) {
  SpecialTokens usual = roberta_special_tokens();
  if (family == Family::bert || family == Family::deberta) usual = bert_special_tokens();
  if (family == Family::mpnet) usual = mpnet_special_tokens();
  if (family == Family::albert) usual = {"[CLS]", "[SEP]", "<unk>", "<pad>", "[MASK]"};
  const auto named = [](const std::optional<AddedToken>& token, const std::string& other) {
    return token ? token->content : other;
  };
  return {.cls = named(config.cls, usual.cls),
          .sep = named(config.sep, usual.sep),
          .unk = named(config.unk, usual.unk),
          .pad = named(config.pad, usual.pad),
          .mask = named(config.mask, usual.mask)};
}

Normalizer sentence_piece_normalizer(Family family, const TokenizerConfig& config,
                                     const Normalizer::Precompiled& charsmap) {
  std::vector<Normalizer::Step> steps;
  if (family == Family::deberta) {  // without SentencePiece's table
    if (config.do_lower_case.value_or(false)) steps.emplace_back(Normalizer::Lowercase{});
    steps.emplace_back(Normalizer::ReplacePattern{Normalizer::Pattern::runs_of_white_space, " "});
    steps.emplace_back(Normalizer::Form::nfc);
    steps.emplace_back(Normalizer::Strip{.left = false});
    return Normalizer(std::move(steps));
  }
  if (family == Family::albert) {
    steps.emplace_back(Normalizer::Replace{"``", "\""});
    steps.emplace_back(Normalizer::Replace{"''", "\""});
    if (!config.keep_accents.value_or(false)) {
      steps.emplace_back(Normalizer::Form::nfkd);
      steps.emplace_back(Normalizer::StripAccents{});
    }
    if (config.do_lower_case.value_or(true)) steps.emplace_back(Normalizer::Lowercase{});
  }
  if (charsmap != nullptr) steps.emplace_back(charsmap);
  return Normalizer(std::move(steps));
}

/// How a class cuts a text into words.
PreTokenizer sentence_piece_words(Family family, const TokenizerConfig& config) {
  using Prefix = PreTokenizer::Metaspace::Prefix;
  const bool prefix = config.add_prefix_space.value_or(true);
  if (family != Family::deberta)
    return PreTokenizer(
        {PreTokenizer::WhitespaceSplit{}, PreTokenizer::Metaspace{.prefix = prefix ? Prefix::always : Prefix::never}});
  std::vector<PreTokenizer::Step> steps;
  if (JsonCursor(config.keys, config.file, JsonKind::tokenizer)["split_by_punct"].get_or(false))
    steps.emplace_back(PreTokenizer::Punctuation{});
  steps.emplace_back(PreTokenizer::Metaspace{.prefix = prefix ? Prefix::always : Prefix::first});
  return PreTokenizer(std::move(steps));
}

/// The tokenizer of a class, with its named special tokens.
Pipeline build(Family family, Parts parts, const TokenizerConfig& config) {
  const SpecialTokens special = special_tokens(family, config);
  const WordPieceOptions words = {.lower_case = config.do_lower_case.value_or(true),
                                  .strip_accents = config.strip_accents,
                                  .tokenize_chinese_chars = config.tokenize_chinese_chars.value_or(true)};
  switch (family) {
    case Family::bert:
      return bert_pipeline(std::move(parts.vocabulary), words, special, parts.place);
    case Family::mpnet:
      return mpnet_pipeline(std::move(parts.vocabulary), words, special, parts.place);
    case Family::roberta:
      return roberta_pipeline(std::move(parts.vocabulary), std::move(parts.merges),
                              {.add_prefix_space = config.add_prefix_space.value_or(false)}, special, parts.place);
    case Family::xlm_roberta:
    case Family::camembert:
    case Family::albert:
    case Family::deberta:
      break;
  }
  Pipeline pipeline = unigram_pipeline(std::move(parts.vocabulary), std::move(parts.scores),
                                       sentence_piece_normalizer(family, config, parts.charsmap),
                                       {.words = sentence_piece_words(family, config),
                                        .types = family == Family::albert || family == Family::deberta,
                                        .mask_strips_left = family == Family::camembert},
                                       special, parts.place);
  if (family == Family::albert && parts.post_processor) pipeline.post_processor = *std::move(parts.post_processor);
  return pipeline;
}

/// The added tokens of a tokenizer, while they are put together.
class TokenList {
 public:
  /// Ids may have gaps, but a wild one must not cost memory. `file`: for messages.
  TokenList(Vocabulary& vocabulary, const std::string& file)
      : vocabulary_(vocabulary), file_(file), largest_id_(static_cast<std::int32_t>(vocabulary.size()) + (1 << 16)) {}

  /// Adds a token, if none of the same content is there: under its id where it names one (≥ 0), else under that of the
  /// vocabulary, else under the next.
  void add(AddedToken token);

  std::vector<AddedToken> take() { return std::move(tokens_); }

 private:
  Vocabulary& vocabulary_;
  const std::string& file_;
  std::int32_t largest_id_;
  std::vector<AddedToken> tokens_;
  std::unordered_set<std::string> contents_;
};

void TokenList::add(AddedToken token) {
  if (token.content.empty()) throw TokenizerError(file_ + ": has an added token without text");
  if (token.content.size() > longest_token)
    throw TokenizerError(file_ + ": the added token " + quote(token.content) + " " + too_long(token.content));
  if (!contents_.insert(token.content).second) return;
  const std::int32_t known = vocabulary_.id(token.content);
  const auto next = static_cast<std::int32_t>(vocabulary_.size());
  const auto refuse = [&](const std::string& expected) {
    throw TokenizerError(file_ + ": the added token " + quote(token.content) + " has the id " +
                         std::to_string(token.id) + "; expected " + expected);
  };
  if (known != TokenTable::absent) {
    if (token.id >= 0 && token.id != known) refuse(std::to_string(known) + ", its id in the vocabulary");
    token.id = known;
  } else {
    if (token.id < 0) token.id = next;
    if (vocabulary_.has(token.id)) refuse("an id other than that of " + quote(vocabulary_.token(token.id)));
    if (token.id > largest_id_ && token.id > next) refuse("at most " + std::to_string(std::max(largest_id_, next)));
    token.in_model = false;
    vocabulary_.add(token.content, token.id);
  }
  tokens_.push_back(std::move(token));
}

/// Everything that is looked for in a text before it is cut: what the files list with ids (`listed`), the named special
/// tokens, and the others.
void add_tokens(Pipeline& pipeline, std::vector<AddedToken> listed, const TokenizerConfig& config, bool camembert) {
  TokenList list(pipeline.vocabulary, config.file);
  for (AddedToken& token : listed) list.add(std::move(token));
  const JsonCursor keys(config.keys, config.file, JsonKind::tokenizer);
  for (const AddedToken& token : pipeline.added_tokens.all()) {
    AddedToken named = token;
    for (const char* key : {"cls_token", "sep_token", "unk_token", "pad_token", "mask_token"}) {
      const JsonCursor place = keys[key];
      if (!place.is_object() || place["content"].get<std::string>() != token.content) continue;
      named.lstrip = place["lstrip"].get_or(false);
      named.rstrip = place["rstrip"].get_or(false);
      named.single_word = place["single_word"].get_or(false);
      named.normalized = place["normalized"].get_or(false);
    }
    list.add(std::move(named));
  }
  for (const auto* named : {&config.cls, &config.sep, &config.unk, &config.pad, &config.mask})
    if (*named && pipeline.vocabulary.id((*named)->content) != TokenTable::absent) {
      AddedToken token = **named;
      token.id = -1;
      list.add(std::move(token));
    }
  for (AddedToken token : config.additional) {
    token.id = -1;
    list.add(std::move(token));
  }
  if (camembert && config.additional.empty())  // the class's own
    for (const char* unused : {"<s>NOTUSED", "</s>NOTUSED", "<unk>NOTUSED"})
      if (pipeline.vocabulary.id(unused) != TokenTable::absent) list.add({.content = unused, .id = -1});
  pipeline.added_tokens = AddedTokens(list.take(), pipeline.normalizer, config.file);
}

/// The parts of a tokenizer.json that a class is built on; none when its model is not the class's.
std::optional<Parts> parts_of(const Pipeline& written, Family family, const std::string& place) {
  Parts parts = {.place = place};
  bool fits = false;
  if (family == Family::bert || family == Family::mpnet) {
    fits = std::holds_alternative<WordPiece>(written.model);
  } else if (family == Family::roberta) {
    if (const auto* bpe = std::get_if<ByteLevelBpe>(&written.model)) parts.merges = bpe->merges(), fits = true;
  } else if (const auto* unigram = std::get_if<Unigram>(&written.model)) {
    parts.scores = unigram->scores(), fits = true;
  }
  if (!fits) return std::nullopt;
  std::vector<bool> outside(written.vocabulary.size());
  for (const AddedToken& token : written.added_tokens.all())
    if (!token.in_model) outside[static_cast<std::size_t>(token.id)] = true;
  for (std::size_t i = 0; i < written.vocabulary.size(); ++i)
    if (const auto id = static_cast<std::int32_t>(i); written.vocabulary.has(id) && !outside[i])
      parts.vocabulary.add(written.vocabulary.token(id), id);
  for (const Normalizer::Step& step : written.normalizer.steps())
    if (const auto* charsmap = std::get_if<Normalizer::Precompiled>(&step)) parts.charsmap = *charsmap;
  parts.post_processor = written.post_processor;
  parts.added = written.added_tokens.all();
  return parts;
}

/// The parts that SentencePiece's file gives, with the tokens that the class puts around its pieces.
Parts parts_of(const SentencePieceFile& file, Family family, const SpecialTokens& special, const std::string& place) {
  Parts parts = {.charsmap = file.charsmap, .place = place};
  const auto add = [&](const std::string& token, double score) {
    parts.vocabulary.add(token, static_cast<std::int32_t>(parts.scores.size()));
    parts.scores.push_back(score);
  };
  std::size_t replaced = 0;
  if (family == Family::xlm_roberta) {  // fairseq's order
    for (const std::string& token : {special.cls, special.pad, special.sep, special.unk}) add(token, 0);
    replaced = 3;
  } else if (family == Family::camembert) {
    add("<s>NOTUSED", 0);
    add(special.pad, 0);
    add("</s>NOTUSED", 0);
    add(special.unk, 0);
    add("<unk>NOTUSED", -100);
    replaced = 1;
  }
  for (std::size_t i = std::min(replaced, file.pieces.size()); i < file.pieces.size(); ++i)
    add(file.pieces[i].text, file.pieces[i].score);
  if (family != Family::albert && parts.vocabulary.id(special.mask) == TokenTable::absent) add(special.mask, 0);
  for (const SentencePieceFile::Piece& piece : file.pieces) {
    using Kind = SentencePieceFile::Kind;
    if (piece.kind != Kind::control && piece.kind != Kind::user_defined) continue;
    if (const std::int32_t id = parts.vocabulary.id(piece.text); id != TokenTable::absent)
      parts.added.push_back({.content = piece.text, .id = id, .special = piece.kind == Kind::control});
  }
  return parts;
}

[[noreturn]] void refuse_class(const TokenizerConfig& config, const std::string& expected) {
  throw TokenizerError(config.file + ": \"tokenizer_class\" is " + quote(config.tokenizer_class) + "; expected " +
                       expected);
}

/// The parts in the files that a family's vocabulary may stand in, and the family where nothing names it.
Parts read_vocabulary_files(const std::filesystem::path& directory, std::optional<Family>& family,
                            const TokenizerConfig& config) {
  const std::filesystem::path txt = directory / "vocab.txt", vocab = directory / "vocab.json",
                              bpe_model = directory / "sentencepiece.bpe.model",
                              model = directory / (family == Family::deberta ? "spm.model" : "spiece.model");
  if (!family && config.names_class) {
    refuse_class(config, "a tokenizer.json beside it, or one of " + known_classes());
  }
  if (!family) {
    if (is_there(txt))
      family = Family::bert;
    else if (is_there(vocab))
      family = Family::roberta;
    else if (is_there(model))
      family = Family::albert;
    else if (is_there(bpe_model))
      throw TokenizerError(bpe_model.string() + ": is XLM-RoBERTa's or CamemBERT's; expected a config.json or " +
                           "tokenizer_config.json beside it that says which");
    else
      throw IoError(directory.string() + ": has no tokenizer; expected tokenizer.json, vocab.txt, vocab.json, " +
                    "sentencepiece.bpe.model or spiece.model");
  }
  const auto required = [&](const std::filesystem::path& path) {
    if (!is_there(path) && config.names_class)
      throw IoError(directory.string() + ": has no " + path.filename().string() + " and no tokenizer.json; expected " +
                    "one of them for " + config.tokenizer_class);
    return path;
  };
  switch (*family) {
    case Family::bert:
    case Family::mpnet: {
      const JsonCursor basic = JsonCursor(config.keys, config.file, JsonKind::tokenizer)["do_basic_tokenize"];
      if (!basic.get_or(true)) basic.fail("true: WordPiece on text that is cut at white space alone is not supported");
      return {.vocabulary = read_vocab_txt(required(txt)), .place = txt.string()};
    }
    case Family::roberta: {
      Parts parts = {.vocabulary = vocabulary_in(JsonCursor::load(required(vocab), JsonKind::tokenizer)),
                     .place = vocab.string()};
      parts.merges = read_merges_txt(directory / "merges.txt", parts.vocabulary);
      return parts;
    }
    case Family::xlm_roberta:
    case Family::camembert:
    case Family::albert:
    case Family::deberta:
      break;
  }
  const std::filesystem::path file = required(
      is_there(bpe_model) && (*family == Family::xlm_roberta || *family == Family::camembert) ? bpe_model : model);
  return parts_of(SentencePieceFile::read(file), *family, special_tokens(*family, config), file.string());
}

/// Adds the tokens whose content is not in the list yet.
void add_others(const std::vector<AddedToken>& tokens, std::vector<AddedToken>& list) {
  std::unordered_set<std::string> contents;
  for (const AddedToken& token : list) contents.insert(token.content);
  for (const AddedToken& token : tokens)
    if (contents.insert(token.content).second) list.push_back(token);
}

}  // namespace

Pipeline read_tokenizer_folder(const std::filesystem::path& directory) {
  const TokenizerConfig config = read_tokenizer_config(directory);
  std::optional<Family> family = family_of_class(config.tokenizer_class);
  std::optional<Pipeline> pipeline;
  std::vector<AddedToken> listed = config.added;
  if (const std::filesystem::path file = directory / "tokenizer.json"; is_there(file)) {
    Pipeline written = read_tokenizer_json(file);
    std::optional<Parts> parts = family ? parts_of(written, *family, file.string()) : std::nullopt;
    if (family && !parts && config.names_class)
      refuse_class(config, "\"PreTrainedTokenizerFast\", since the model of tokenizer.json is of another kind");
    if (!parts) family.reset();
    const std::vector<AddedToken>& of_json = written.added_tokens.all();
    // As transformers: the class's list counts before tokenizer.json's, whose tokens are asked where there is no list.
    if (!parts || !config.lists_added_tokens) add_others(of_json, listed);
    std::ranges::stable_sort(listed, {}, &AddedToken::id);
    if (parts) {
      pipeline = build(*family, *std::move(parts), config);
    } else {
      pipeline = std::move(written);
      if (config.pad)
        if (const std::int32_t id = pipeline->vocabulary.id(config.pad->content); id != TokenTable::absent)
          pipeline->pad_id = id;
    }
  } else {
    Parts parts = read_vocabulary_files(directory, family, config);
    add_others(parts.added, listed);
    pipeline = build(*family, std::move(parts), config);
  }
  add_tokens(*pipeline, std::move(listed), config, family == Family::camembert);
  if (config.without_token_types) pipeline->post_processor = pipeline->post_processor.without_types();
  pipeline->tokenizer_class = config.tokenizer_class;
  pipeline->config_keys = config.keys.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  return *std::move(pipeline);
}

}  // namespace sharcs::internal
