#include "sharcs/tokenizer.hpp"

#include <algorithm>
#include <limits>
#include <span>
#include <string>
#include <utility>

#include "io/file.hpp"
#include "io/json_cursor.hpp"
#include "sharcs/error.hpp"
#include "text/pipeline.hpp"
#include "text/tokenizer_folder.hpp"
#include "text/tokenizer_json.hpp"
#include "text/tokenizer_writer.hpp"
#include "text/vocabulary_builder.hpp"
#include "text/vocabulary_files.hpp"

namespace sharcs {
using namespace internal;
namespace {

std::shared_ptr<const Pipeline> shared(Pipeline pipeline) {
  return std::make_shared<const Pipeline>(std::move(pipeline));
}

/// The room that max_length leaves for the texts.
std::size_t room_in(const PostProcessor::Template& items, std::size_t max_length) {
  const std::size_t special = special_token_count(items);
  if (max_length < special)
    throw ShapeError("encode: max_length is " + std::to_string(max_length) + "; expected at least " +
                     std::to_string(special) + ", the special tokens");
  return max_length - special;
}

/// Throws ConfigError for a RoBERTa's tokenizer that takes a word for the inside of another one.
void require_words(const Pipeline& pipeline) {
  if (!pipeline.given_words_need_space) return;
  for (const PreTokenizer::Step& step : pipeline.pre_tokenizer.steps())
    if (const auto* bytes = std::get_if<PreTokenizer::ByteLevel>(&step); bytes != nullptr && !bytes->add_prefix_space)
      throw ConfigError(
          "RoBERTa's tokenizer has \"add_prefix_space\": false; expected true (in tokenizer_config.json) for texts "
          "whose words are given");
}

}  // namespace

Tokenizer Tokenizer::load(const std::filesystem::path& directory_or_file) {
  if (is_folder(directory_or_file)) return Tokenizer(shared(read_tokenizer_folder(directory_or_file)));
  if (directory_or_file.extension() == ".txt") return wordpiece(directory_or_file);
  return Tokenizer(shared(read_tokenizer_json(directory_or_file)));
}

Tokenizer Tokenizer::wordpiece(const std::filesystem::path& vocab_txt, const WordPieceOptions& options) {
  return Tokenizer(
      shared(bert_pipeline(read_vocab_txt(vocab_txt), options, bert_special_tokens(), vocab_txt.string())));
}

Tokenizer Tokenizer::byte_level_bpe(const std::filesystem::path& vocab_json, const std::filesystem::path& merges_txt,
                                    const ByteLevelBpeOptions& options) {
  Vocabulary vocabulary = vocabulary_in(JsonCursor::load(vocab_json, JsonKind::tokenizer));
  std::vector<ByteLevelBpe::Merge> merges = read_merges_txt(merges_txt, vocabulary);
  return Tokenizer(shared(roberta_pipeline(std::move(vocabulary), std::move(merges), options, roberta_special_tokens(),
                                           vocab_json.string())));
}

Tokenizer Tokenizer::train_wordpiece(std::span<const std::string> texts, const VocabularyOptions& options) {
  const SpecialTokens special = bert_special_tokens();
  Vocabulary vocabulary =
      build_word_piece_vocabulary(texts, options, {special.pad, special.unk, special.cls, special.sep, special.mask});
  return Tokenizer(
      shared(bert_pipeline(std::move(vocabulary),
                           {.lower_case = options.lower_case, .tokenize_chinese_chars = options.tokenize_chinese_chars},
                           special, "the vocabulary")));
}

void Tokenizer::save(const std::filesystem::path& directory) const { write_tokenizer(*pipeline_, directory); }

Encoding Tokenizer::encode(std::string_view text, std::size_t max_length) const {
  const PostProcessor::Template& items = pipeline_->post_processor.single();
  const std::vector<std::int32_t> ids = pipeline_->ids(text, room_in(items, max_length));
  return pipeline_->post_processor(items, ids, {});
}

Encoding Tokenizer::encode(std::string_view text, std::string_view pair, std::size_t max_length) const {
  const PostProcessor::Template& items = pipeline_->post_processor.pair();
  const std::size_t room = room_in(items, max_length);
  // Both are tokenized to their ends, because the longer one gets the odd token.
  constexpr std::size_t all = std::numeric_limits<std::size_t>::max();
  std::vector<std::int32_t> first = pipeline_->ids(text, all), second = pipeline_->ids(pair, all);
  if (first.size() + second.size() > room) {
    // The shorter one is cut to half the room, if it has more; the longer one gets what is left.
    std::vector<std::int32_t>& longer = first.size() > second.size() ? first : second;
    std::vector<std::int32_t>& shorter = first.size() > second.size() ? second : first;
    if (shorter.size() > room / 2) shorter.resize(room / 2);
    longer.resize(room - shorter.size());
  }
  return pipeline_->post_processor(items, first, second);
}

Encoding Tokenizer::encode_words(std::span<const std::string> words, std::size_t max_length) const {
  require_words(*pipeline_);
  const PostProcessor::Template& items = pipeline_->post_processor.single();
  const std::size_t room = room_in(items, max_length);
  std::vector<std::int32_t> ids, word_of_id;
  for (std::size_t w = 0; w < words.size() && ids.size() < room; ++w) {
    const std::vector<std::int32_t> of_word = pipeline_->ids(words[w], room - ids.size());
    ids.insert(ids.end(), of_word.begin(), of_word.end());
    word_of_id.resize(ids.size(), static_cast<std::int32_t>(w));
  }
  Encoding encoding = pipeline_->post_processor(items, ids, {});
  for (const PostProcessor::Item& item : items) {
    if (item.part == PostProcessor::Part::token) encoding.words.push_back(-1);
    if (item.part == PostProcessor::Part::text)
      encoding.words.insert(encoding.words.end(), word_of_id.begin(), word_of_id.end());
  }
  return encoding;
}

std::vector<Encoding> Tokenizer::encode_windows(std::string_view question, std::string_view context,
                                                std::size_t max_length, std::size_t stride) const {
  const PostProcessor::Template& items = pipeline_->post_processor.pair();
  const std::size_t room = room_in(items, max_length);
  if (room < 2)
    throw ShapeError("encode: max_length is " + std::to_string(max_length) +
                     "; expected room for a token of the question and one of its context");
  std::vector<std::int32_t> asked = pipeline_->ids(question, room);
  const Pipeline::Tokens tokens = pipeline_->tokens(context);
  if (asked.size() + tokens.ids.size() > room && asked.size() > room / 2) asked.resize(room / 2);
  const std::size_t length = room - asked.size();
  constexpr std::size_t overlap = 128;  // as in transformers' examples
  const std::size_t step =
      stride == 0 ? length - std::min(overlap, length / 2) : std::clamp<std::size_t>(stride, 1, length);
  std::vector<Encoding> windows;
  for (std::size_t begin = 0, end = 0; windows.empty() || end < tokens.ids.size(); begin += step) {
    end = std::min(begin + length, tokens.ids.size());
    Encoding& window = windows.emplace_back(
        pipeline_->post_processor(items, asked, std::span(tokens.ids).subspan(begin, end - begin)));
    for (const PostProcessor::Item& item : items) {
      const std::size_t count = item.part == PostProcessor::Part::pair   ? end - begin
                                : item.part == PostProcessor::Part::text ? asked.size()
                                                                         : 1;
      window.words.resize(window.words.size() + count, item.part == PostProcessor::Part::pair ? 0 : -1);
      if (item.part == PostProcessor::Part::pair)
        window.ranges.insert(window.ranges.end(), tokens.ranges.begin() + static_cast<std::ptrdiff_t>(begin),
                             tokens.ranges.begin() + static_cast<std::ptrdiff_t>(end));
      else
        window.ranges.resize(window.ranges.size() + count);
    }
  }
  return windows;
}

std::size_t Tokenizer::vocab_size() const { return pipeline_->vocabulary.size(); }

std::int32_t Tokenizer::pad_id() const { return pipeline_->pad_id; }

std::string Tokenizer::token(std::int32_t id) const { return pipeline_->vocabulary.token(id); }

std::optional<std::int32_t> Tokenizer::id(std::string_view token) const {
  const std::int32_t id = pipeline_->vocabulary.id(token);
  return id == TokenTable::absent ? std::nullopt : std::optional(id);
}

}  // namespace sharcs
