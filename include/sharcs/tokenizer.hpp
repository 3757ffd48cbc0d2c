#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sharcs::internal {
struct Pipeline;
}

namespace [[gnu::visibility("default")]] sharcs {

/// Bytes begin to end − 1 of a text.
struct TextRange {
  std::size_t begin = 0, end = 0;
  bool empty() const { return begin == end; }
  friend bool operator==(const TextRange&, const TextRange&) = default;
};

/// Token ids of one input, special tokens included.
struct Encoding {
  std::vector<std::int32_t> ids;
  std::vector<std::int32_t> token_types;  ///< as many as ids
  std::vector<std::int32_t> words = {};  ///< of given words: of each id the number of its word, or −1; of a context 0
  std::vector<TextRange> ranges = {};    ///< of encode_windows(): of each id its bytes of the context, or none
  friend bool operator==(const Encoding&, const Encoding&) = default;
};

/// How BERT's basic tokenization treats the text before WordPiece sees it.
struct WordPieceOptions {
  bool lower_case = true;
  std::optional<bool> strip_accents = {};  ///< absent: as lower_case
  bool tokenize_chinese_chars = true;      ///< every CJK ideograph is a word
};

struct ByteLevelBpeOptions {
  bool add_prefix_space = false;  ///< the first word is encoded as if a space stood before it
};

/// How to build a vocabulary from texts.
struct VocabularyOptions {
  std::size_t vocab_size = 8000;       ///< at most; special tokens included
  std::size_t min_frequency = 2;       ///< pieces that occur together less often are not joined
  std::size_t alphabet_limit = 1000;   ///< characters kept, the most frequent ones; others become [UNK]
  bool lower_case = true;              ///< accents are stripped with it, as in BERT's uncased models
  bool tokenize_chinese_chars = true;  ///< as in WordPieceOptions
};

/// What a Classifier does with a text of more tokens than the model reads.
enum class LongText {
  first,      ///< reads its beginning
  head_tail,  ///< reads the beginning, a quarter of the tokens, and the end
  windows,    ///< reads all of it in windows that overlap, and takes the mean of their probabilities (or values)
};

/// Turns text into token ids, exactly as Hugging Face's `tokenizers` does for the families of BERT and MPNet
/// (WordPiece), RoBERTa (byte-level BPE) and ALBERT (SentencePiece's Unigram).
///
/// Cheap to copy (copies share one immutable state) and safe to use from many threads at once.
class Tokenizer {
 public:
  /// Reads the tokenizer of a model directory, as transformers 5 does: tokenizer.json if it is there, else the
  /// vocabulary of the class that tokenizer_config.json names, or of config.json's model type: vocab.txt (WordPiece),
  /// vocab.json with merges.txt (byte-level BPE), sentencepiece.bpe.model, spiece.model or spm.model (Unigram). Or
  /// reads one file: a tokenizer.json, whatever its name, or a .txt with a WordPiece vocabulary.
  ///
  /// A class such as BertTokenizer takes its options, such as do_lower_case, from tokenizer_config.json, and only the
  /// vocabulary and the added tokens from tokenizer.json; PreTrainedTokenizerFast takes that as it is. Its truncation
  /// and padding do not matter, since encode() is told the length. Throws IoError, or TokenizerError that names file
  /// and place; what the file asks for and this library does not have is named as well.
  static Tokenizer load(const std::filesystem::path& directory_or_file);

  /// A WordPiece tokenizer on a vocabulary with one token a line (LF or CRLF); the line's number, from 0, is the id.
  /// Where a token stands twice, its last line counts. [UNK], [CLS], [SEP] and [PAD] must be there. Throws IoError or
  /// TokenizerError.
  static Tokenizer wordpiece(const std::filesystem::path& vocab_txt, const WordPieceOptions& options = {});

  /// A byte-level BPE tokenizer with RoBERTa's special tokens: <s>, </s>, <unk> and <pad> must be in the vocabulary.
  /// Bytes that the vocabulary lacks are left out. Throws IoError or TokenizerError.
  static Tokenizer byte_level_bpe(const std::filesystem::path& vocab_json, const std::filesystem::path& merges_txt,
                                  const ByteLevelBpeOptions& options = {});

  /// Builds a WordPiece vocabulary by joining, again and again, the two neighbouring pieces that occur together most
  /// often in the texts' words (Sennrich et al. 2016, arXiv:1508.07909, with WordPiece's ## spelling).
  ///
  /// Special tokens come first, then every character of the alphabet, then each of them as a continuation (##), then
  /// the joined pieces, in the order in which they were found. Depends only on how often each word occurs: the same
  /// texts in any order give the same vocabulary. Throws DataError when the texts hold no word; ConfigError when
  /// vocab_size has no room for the special tokens and one character.
  static Tokenizer train_wordpiece(std::span<const std::string> texts, const VocabularyOptions& options = {});

  /// Encodes one text: [CLS] text [SEP] for BERT, <s> text </s> for RoBERTa and MPNet; cut on the right to at most
  /// max_length ids, special tokens included. Bytes that are not UTF-8 count as U+FFFD. Throws ShapeError when
  /// max_length has no room for the special tokens, or when the text has more than 2^28 bytes.
  Encoding encode(std::string_view text, std::size_t max_length) const;

  /// Encodes a pair: [CLS] text [SEP] pair [SEP] for BERT, <s> text </s></s> pair </s> for RoBERTa and MPNet. What is
  /// too long is cut longest first: tokens go from the end of the longer one until both fit, or both are equally long.
  Encoding encode(std::string_view text, std::string_view pair, std::size_t max_length) const;

  /// Encodes a text whose words are given, each by itself, as transformers does with is_split_into_words=True; cut as
  /// encode(). A word may become several tokens, or none. Throws ShapeError as encode(), and ConfigError for
  /// RoBERTa's class without "add_prefix_space", as transformers: its words begin with a space.
  Encoding encode_words(std::span<const std::string> words, std::size_t max_length) const;

  /// Encodes a question and a context as a pair. Where they have more than max_length ids, only the context is cut,
  /// into windows of which each begins `stride` tokens behind the one before; 0: the windows overlap by 128 tokens, or
  /// by half where they are shorter than 256. The question is cut only where it takes more than half of the ids.
  /// `ranges` have no white space at their ends; bytes that are not UTF-8 are to be replaced before. Throws ShapeError
  /// as encode().
  std::vector<Encoding> encode_windows(std::string_view question, std::string_view context, std::size_t max_length,
                                       std::size_t stride = 0) const;

  /// One more than the largest id: the rows that an embedding needs.
  std::size_t vocab_size() const;
  /// The id of [PAD] or <pad>.
  std::int32_t pad_id() const;
  /// The spelling of a token in the vocabulary ("##ing", "Ġthe"); empty for an id that no token has.
  std::string token(std::int32_t id) const;
  /// The id of a token as it is spelled in the vocabulary; none when it is not there.
  std::optional<std::int32_t> id(std::string_view token) const;

  /// Writes what load() and Hugging Face's libraries read, each file atomically: tokenizer.json, tokenizer_config.json
  /// (with the keys it was read with), and vocab.txt or vocab.json and merges.txt. Save the model first: config.json
  /// tells the longest text and the inputs. Makes the directory when it is absent. Throws IoError.
  void save(const std::filesystem::path& directory) const;

 private:
  explicit Tokenizer(std::shared_ptr<const internal::Pipeline> pipeline) : pipeline_(std::move(pipeline)) {}

  std::shared_ptr<const internal::Pipeline> pipeline_;
};

}  // namespace sharcs
