#include "text/pipeline.hpp"

#include <algorithm>
#include <span>
#include <utility>

#include "core/quote.hpp"
#include "io/utf8.hpp"
#include "sharcs/error.hpp"
#include "text/unicode.hpp"

namespace sharcs::internal {
namespace {

struct SpecialIds {
  std::int32_t cls, sep, unk, pad;
};

SpecialIds ids_of(const SpecialTokens& special, const Vocabulary& vocabulary, const std::string& place) {
  const auto id = [&](const std::string& token) {
    const std::int32_t found = vocabulary.id(token);
    if (found == TokenTable::absent)
      throw TokenizerError(place + ": has no token " + quote(token) + "; expected " + quote(special.cls) + ", " +
                           quote(special.sep) + ", " + quote(special.unk) + " and " + quote(special.pad));
    return found;
  };
  return {id(special.cls), id(special.sep), id(special.unk), id(special.pad)};
}

/// The special tokens as added tokens. Only a mask takes the space before it along, and only in RoBERTa and MPNet.
std::vector<AddedToken> added(const SpecialTokens& special, const SpecialIds& ids, const Vocabulary& vocabulary,
                              bool mask_strips_left) {
  std::vector<AddedToken> tokens = {
      {special.pad, ids.pad}, {special.unk, ids.unk}, {special.cls, ids.cls}, {special.sep, ids.sep}};
  if (const std::int32_t mask = vocabulary.id(special.mask); mask != TokenTable::absent)
    tokens.push_back({.content = special.mask, .id = mask, .lstrip = mask_strips_left});
  return tokens;
}

/// WordPiece; the post-processor is put in by the caller.
Pipeline word_piece_pipeline(Vocabulary vocabulary, const WordPieceOptions& options, const SpecialTokens& special,
                             const SpecialIds& ids, PostProcessor post_processor, bool mask_strips_left,
                             const std::string& place) {
  Normalizer normalizer({Normalizer::BertNormalizer{
      .handle_chinese_chars = options.tokenize_chinese_chars,
      .strip_accents = options.strip_accents.value_or(options.lower_case),
      .lowercase = options.lower_case,
  }});
  WordPiece model(vocabulary, {.unknown_token = special.unk});
  AddedTokens added_tokens(added(special, ids, vocabulary, mask_strips_left), normalizer, place);
  return {
      .vocabulary = std::move(vocabulary),
      .added_tokens = std::move(added_tokens),
      .normalizer = std::move(normalizer),
      .pre_tokenizer = PreTokenizer({PreTokenizer::BertPreTokenizer{}}),
      .model = std::move(model),
      .post_processor = std::move(post_processor),
      .pad_id = ids.pad,
  };
}

}  // namespace

SpecialTokens bert_special_tokens() { return {"[CLS]", "[SEP]", "[UNK]", "[PAD]", "[MASK]"}; }

SpecialTokens roberta_special_tokens() { return {"<s>", "</s>", "<unk>", "<pad>", "<mask>"}; }

SpecialTokens mpnet_special_tokens() { return {"<s>", "</s>", "[UNK]", "<pad>", "<mask>"}; }

Pipeline bert_pipeline(Vocabulary vocabulary, const WordPieceOptions& options, const SpecialTokens& special,
                       const std::string& place) {
  const SpecialIds ids = ids_of(special, vocabulary, place);
  return word_piece_pipeline(std::move(vocabulary), options, special, ids, PostProcessor::bert(ids.cls, ids.sep), false,
                             place);
}

Pipeline mpnet_pipeline(Vocabulary vocabulary, const WordPieceOptions& options, const SpecialTokens& special,
                        const std::string& place) {
  const SpecialIds ids = ids_of(special, vocabulary, place);
  return word_piece_pipeline(std::move(vocabulary), options, special, ids, PostProcessor::roberta(ids.cls, ids.sep),
                             true, place);
}

Pipeline roberta_pipeline(Vocabulary vocabulary, std::vector<ByteLevelBpe::Merge> merges,
                          const ByteLevelBpeOptions& options, const SpecialTokens& special, const std::string& place) {
  const SpecialIds ids = ids_of(special, vocabulary, place);
  ByteLevelBpe model(vocabulary, std::move(merges), {});
  AddedTokens added_tokens(added(special, ids, vocabulary, true), Normalizer(), place);
  return {
      .vocabulary = std::move(vocabulary),
      .added_tokens = std::move(added_tokens),
      .normalizer = Normalizer(),
      .pre_tokenizer = PreTokenizer({PreTokenizer::ByteLevel{.add_prefix_space = options.add_prefix_space}}),
      .model = std::move(model),
      .post_processor = PostProcessor::roberta(ids.cls, ids.sep),
      .pad_id = ids.pad,
      .given_words_need_space = true,
  };
}

Pipeline unigram_pipeline(Vocabulary vocabulary, std::vector<double> scores, Normalizer normalizer,
                          const UnigramOptions& options, const SpecialTokens& special, const std::string& place) {
  const SpecialIds ids = ids_of(special, vocabulary, place);
  Unigram model(vocabulary, std::move(scores), ids.unk);
  AddedTokens added_tokens(added(special, ids, vocabulary, options.mask_strips_left), normalizer, place);
  return {
      .vocabulary = std::move(vocabulary),
      .added_tokens = std::move(added_tokens),
      .normalizer = std::move(normalizer),
      .pre_tokenizer = options.words,
      .model = std::move(model),
      .post_processor =
          options.types ? PostProcessor::bert(ids.cls, ids.sep) : PostProcessor::roberta(ids.cls, ids.sep),
      .pad_id = ids.pad,
  };
}

namespace {

/// The text in UTF-8: `text` itself, or a view of `repaired`.
std::string_view well_formed(std::string_view text, std::string& repaired) {
  constexpr std::size_t longest = std::size_t{1} << 28;  // ICU counts with 32 bits, and normalization lengthens
  if (text.size() > longest)
    throw ShapeError("encode: the text has " + std::to_string(text.size()) + " bytes; expected at most " +
                     std::to_string(longest));
  if (find_invalid_utf8(text) == std::string_view::npos) return text;
  repaired = text;
  replace_invalid_utf8(repaired);
  return repaired;
}

}  // namespace

Pipeline::Tokens Pipeline::tokens(std::string_view text) const {
  std::string repaired;
  text = well_formed(text, repaired);
  Tokens tokens;
  std::size_t at = 0;  // of the text: what has been taken ends before it
  // Where an added token ends shows in what comes next.
  const auto end_token = [&](std::size_t next) {
    if (!tokens.ranges.empty() && tokens.ranges.back().end == std::string_view::npos) tokens.ranges.back().end = next;
  };
  const auto take_token = [&](std::int32_t id) {
    end_token(at);
    tokens.ids.push_back(id);
    tokens.ranges.push_back({at, std::string_view::npos});
    return true;
  };
  const auto take_text = [&](std::string_view part) {
    const auto begin = static_cast<std::size_t>(part.data() - text.data());
    end_token(begin);
    AlignedText section = AlignedText::of(part);
    for (TextRange& origin : section.origins) origin.begin += begin, origin.end += begin;
    section = normalizer.aligned(std::move(section));
    const std::span<const TextRange> origins = section.origins;
    at = begin;
    const auto take_normalized = [&](std::string_view words) {
      const auto place = static_cast<std::size_t>(words.data() - section.text.data());
      end_token(origins[place].begin);
      const auto take_word = [&](std::string_view word, std::span<const TextRange> of_word) {
        std::vector<std::size_t> ends;
        std::visit([&](const auto& pieces) { pieces.encode(word, tokens.ids, &ends); }, model);
        std::size_t first = 0;
        for (const std::size_t end : ends) {
          TextRange range = {of_word[first].begin, of_word[end - 1].end};
          for (std::size_t i = first; i < end; ++i) range.end = std::max(range.end, of_word[i].end);
          tokens.ranges.push_back(without_outer_spaces(text, range));
          first = end;
        }
        return true;
      };
      pre_tokenizer.for_each_aligned_word(words, origins.subspan(place, words.size()), begin == 0 && place == 0,
                                          take_word);
      at = origins[place + words.size() - 1].end;
      return true;
    };
    added_tokens.in_normalized_text().split(section.text, take_normalized, take_token);
    at = begin + part.size();
    return true;
  };
  added_tokens.in_text().split(text, take_text, take_token);
  end_token(text.size());
  for (TextRange& range : tokens.ranges) range = without_outer_spaces(text, range);
  return tokens;
}

std::vector<std::int32_t> Pipeline::ids(std::string_view text, std::size_t limit) const {
  std::string repaired;
  text = well_formed(text, repaired);

  std::vector<std::int32_t> ids;
  std::string normalized;
  std::string_view section;  // the text between two added tokens, normalized
  bool first = false;        // whether it begins the text
  const auto take_token = [&](std::int32_t id) {
    ids.push_back(id);
    return ids.size() < limit;
  };
  const auto take_normalized = [&](std::string_view part) {
    std::visit(
        [&](const auto& words) {
          pre_tokenizer.for_each_word(part, first && part.data() == section.data(), [&](std::string_view word) {
            words.encode(word, ids);
            return ids.size() < limit;
          });
        },
        model);
    return ids.size() < limit;
  };
  const auto take_text = [&](std::string_view part) {
    section = normalizer(part, normalized);
    first = part.data() == text.data();
    return added_tokens.in_normalized_text().split(section, take_normalized, take_token);
  };
  added_tokens.in_text().split(text, take_text, take_token);
  if (ids.size() > limit) ids.resize(limit);
  return ids;
}

}  // namespace sharcs::internal
