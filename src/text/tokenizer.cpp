#include "sharcs/tokenizer.hpp"

#include <limits>
#include <string>
#include <utility>

#include "core/quote.hpp"
#include "sharcs/error.hpp"
#include "text/pipeline.hpp"
#include "text/vocabulary_files.hpp"

namespace sharcs {
namespace {

/// The id of a token that the tokenizer cannot do without.
std::int32_t needed_id(const Vocabulary& vocabulary, const std::string& token, const std::string& place) {
  const std::int32_t id = vocabulary.id(token);
  if (id == TokenTable::absent)
    throw TokenizerError(place + ": has no token " + quote(token) + ", which encoding needs");
  return id;
}

std::shared_ptr<const Tokenizer::Pipeline> word_piece_pipeline(Vocabulary vocabulary, const WordPieceOptions& options,
                                                               const std::string& place) {
  const std::int32_t cls = needed_id(vocabulary, "[CLS]", place);
  const std::int32_t sep = needed_id(vocabulary, "[SEP]", place);
  const std::int32_t pad = needed_id(vocabulary, "[PAD]", place);
  needed_id(vocabulary, "[UNK]", place);
  std::vector<AddedToken> added;
  for (const char* token : {"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"})
    if (const std::int32_t id = vocabulary.id(token); id != TokenTable::absent) added.push_back({token, id});
  Normalizer normalizer({Normalizer::BertNormalizer{
      .handle_chinese_chars = options.tokenize_chinese_chars,
      .strip_accents = options.strip_accents.value_or(options.lower_case),
      .lowercase = options.lower_case,
  }});
  WordPiece model(vocabulary, {});
  AddedTokens added_tokens(std::move(added), normalizer);
  return std::make_shared<const Tokenizer::Pipeline>(Tokenizer::Pipeline{
      .vocabulary = std::move(vocabulary),
      .added_tokens = std::move(added_tokens),
      .normalizer = std::move(normalizer),
      .pre_tokenizer = PreTokenizer({PreTokenizer::BertPreTokenizer{}}),
      .model = std::move(model),
      .post_processor = PostProcessor::bert(cls, sep),
      .pad_id = pad,
  });
}

/// The room that max_length leaves for the texts.
std::size_t room_in(const PostProcessor::Template& items, std::size_t max_length) {
  const std::size_t special = special_tokens(items);
  if (max_length < special)
    throw ShapeError("encode: max_length is " + std::to_string(max_length) + "; expected at least " +
                     std::to_string(special) + ", the special tokens");
  return max_length - special;
}

}  // namespace

Tokenizer Tokenizer::load(const std::filesystem::path& directory_or_file) {
  return wordpiece(std::filesystem::is_directory(directory_or_file) ? directory_or_file / "vocab.txt"
                                                                     : directory_or_file);
}

Tokenizer Tokenizer::wordpiece(const std::filesystem::path& vocab_txt, const WordPieceOptions& options) {
  return Tokenizer(word_piece_pipeline(read_vocab_txt(vocab_txt), options, vocab_txt.string()));
}

Encoding Tokenizer::encode(std::string_view text, std::size_t max_length) const {
  const PostProcessor::Template& items = pipeline_->post_processor.single();
  const std::vector<std::int32_t> ids = pipeline_->ids(text, room_in(items, max_length));
  return pipeline_->post_processor(items, ids, {});
}

Encoding Tokenizer::encode(std::string_view text, std::string_view pair, std::size_t max_length) const {
  const PostProcessor::Template& items = pipeline_->post_processor.pair();
  const std::size_t room = room_in(items, max_length);
  // All of them: which one is longer decides who gets an odd token.
  constexpr std::size_t all = std::numeric_limits<std::size_t>::max();
  std::vector<std::int32_t> first = pipeline_->ids(text, all), second = pipeline_->ids(pair, all);
  if (first.size() + second.size() > room) {
    // The shorter one keeps what it has up to half the room, and where both are cut, the longer one gets the odd token.
    std::vector<std::int32_t>& longer = first.size() > second.size() ? first : second;
    std::vector<std::int32_t>& shorter = first.size() > second.size() ? second : first;
    if (shorter.size() > room / 2) shorter.resize(room / 2);
    longer.resize(room - shorter.size());
  }
  return pipeline_->post_processor(items, first, second);
}

std::size_t Tokenizer::vocab_size() const { return pipeline_->vocabulary.size(); }

std::int32_t Tokenizer::pad_id() const { return pipeline_->pad_id; }

std::string Tokenizer::token(std::int32_t id) const { return pipeline_->vocabulary.token(id); }

std::optional<std::int32_t> Tokenizer::id(std::string_view token) const {
  const std::int32_t id = pipeline_->vocabulary.id(token);
  return id == TokenTable::absent ? std::nullopt : std::optional(id);
}

}  // namespace sharcs
