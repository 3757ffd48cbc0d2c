#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "sharcs/tokenizer.hpp"
#include "text/added_tokens.hpp"
#include "text/byte_level_bpe.hpp"
#include "text/normalizer.hpp"
#include "text/post_processor.hpp"
#include "text/pre_tokenizer.hpp"
#include "text/unigram.hpp"
#include "text/vocabulary.hpp"
#include "text/word_piece.hpp"

namespace sharcs::internal {

/// What a text goes through, in this order: added tokens are taken out, the rest is normalized, cut into words and the
/// words into tokens; then the special tokens are put around.
struct Pipeline {
  Vocabulary vocabulary;  // added tokens included
  AddedTokens added_tokens;
  Normalizer normalizer;
  PreTokenizer pre_tokenizer;
  std::variant<WordPiece, ByteLevelBpe, Unigram> model;
  PostProcessor post_processor;
  std::int32_t pad_id;
  /// RoBERTa's class takes texts whose words are given only where a space is put before each.
  bool given_words_need_space = false;
  /// The class of Hugging Face's that reads it, and the keys of the tokenizer_config.json that it was read with, as
  /// JSON. Empty where it was made here; saving then finds the class.
  std::string tokenizer_class = {};
  std::string config_keys = "{}";

  /// The first `limit` ids of a text, or all if there are fewer; without special tokens.
  std::vector<std::int32_t> ids(std::string_view text, std::size_t limit) const;

  /// All ids of a text, and the bytes of it that each stands for, without white space at their ends.
  struct Tokens {
    std::vector<std::int32_t> ids;
    std::vector<TextRange> ranges;
  };
  Tokens tokens(std::string_view text) const;
};

/// The tokens that stand for something else than text, as a vocabulary spells them.
struct SpecialTokens {
  std::string cls, sep, unk, pad, mask;
};
SpecialTokens bert_special_tokens();
SpecialTokens roberta_special_tokens();
SpecialTokens mpnet_special_tokens();

/// BERT's pipeline on a vocabulary. Throws TokenizerError, which begins with `place`, when a special token is missing;
/// only the mask may be.
Pipeline bert_pipeline(Vocabulary vocabulary, const WordPieceOptions& options, const SpecialTokens& special,
                       const std::string& place);

/// MPNet's: BERT's words, with RoBERTa's special tokens around them.
Pipeline mpnet_pipeline(Vocabulary vocabulary, const WordPieceOptions& options, const SpecialTokens& special,
                        const std::string& place);

/// RoBERTa's.
Pipeline roberta_pipeline(Vocabulary vocabulary, std::vector<ByteLevelBpe::Merge> merges,
                          const ByteLevelBpeOptions& options, const SpecialTokens& special, const std::string& place);

/// SentencePiece's Unigram model: words are cut at white space, and a "▁" stands before each.
struct UnigramOptions {
  PreTokenizer words;  // how words are cut
  bool types = true;   // ALBERT: special tokens and types as BERT's; false: RoBERTa's
  bool mask_strips_left = false;
};
Pipeline unigram_pipeline(Vocabulary vocabulary, std::vector<double> scores, Normalizer normalizer,
                          const UnigramOptions& options, const SpecialTokens& special, const std::string& place);

}  // namespace sharcs::internal
