#include "text/vocabulary_builder.hpp"

#include <algorithm>
#include <cstdint>
#include <map>
#include <queue>
#include <set>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "io/utf8.hpp"
#include "sharcs/error.hpp"
#include "text/normalizer.hpp"
#include "text/pre_tokenizer.hpp"
#include "text/unicode.hpp"

namespace sharcs::internal {
namespace {

constexpr std::string_view continuing_prefix = "##";

struct CountedWord {
  std::string text;
  std::int64_t count;
};

/// The words of the texts as BERT cuts them, in the order of their bytes.
std::vector<CountedWord> count_words(std::span<const std::string> texts, const VocabularyOptions& options) {
  const Normalizer normalizer({Normalizer::BertNormalizer{
      .handle_chinese_chars = options.tokenize_chinese_chars,
      .strip_accents = options.lower_case,
      .lowercase = options.lower_case,
  }});
  const PreTokenizer cut({PreTokenizer::BertPreTokenizer{}});
  std::vector<CountedWord> words;
  TokenTable places;
  std::string normalized;
  for (std::string text : texts) {
    replace_invalid_utf8(text);
    cut.for_each_word(normalizer(text, normalized), true, [&](std::string_view word) {
      std::int32_t place = places.find(word);
      if (place == TokenTable::absent) {
        place = static_cast<std::int32_t>(words.size());
        places.insert(word, place);
        words.push_back({std::string(word), 0});
      }
      ++words[static_cast<std::size_t>(place)].count;
      return true;
    });
  }
  std::sort(words.begin(), words.end(), [](const CountedWord& a, const CountedWord& b) { return a.text < b.text; });
  return words;
}

/// The most frequent characters, at most `limit`, in the order of their codes.
std::vector<char32_t> find_alphabet(const std::vector<CountedWord>& words, std::size_t limit) {
  std::map<char32_t, std::int64_t> counts;
  for (const CountedWord& word : words)
    for (std::size_t at = 0; at < word.text.size();) {
      const Character character = character_at(word.text, at);
      counts[character.code] += word.count;
      at += character.bytes;
    }
  std::vector<std::pair<std::int64_t, char32_t>> by_count;
  by_count.reserve(counts.size());
  for (const auto& [code, count] : counts) by_count.emplace_back(-count, code);
  std::sort(by_count.begin(), by_count.end());
  by_count.resize(std::min(by_count.size(), limit));
  std::vector<char32_t> alphabet;
  alphabet.reserve(by_count.size());
  for (const auto& [count, code] : by_count) alphabet.push_back(code);
  std::sort(alphabet.begin(), alphabet.end());
  return alphabet;
}

/// Joins pieces of counted words until there are enough tokens, or no two pieces meet often enough.
class PieceJoiner {
 public:
  /// Every word is cut into characters; a word with a character that is not in the vocabulary takes no part.
  PieceJoiner(const std::vector<CountedWord>& words, Vocabulary& vocabulary) : vocabulary_(vocabulary) {
    for (const CountedWord& word : words) {
      std::vector<std::int32_t> pieces;
      for (std::size_t at = 0; at < word.text.size();) {
        const Character character = character_at(word.text, at);
        const std::string text = word.text.substr(at, character.bytes);
        pieces.push_back(vocabulary_.id(at == 0 ? text : std::string(continuing_prefix) + text));
        at += character.bytes;
      }
      if (std::find(pieces.begin(), pieces.end(), TokenTable::absent) == pieces.end())
        words_.push_back({std::move(pieces), word.count});
    }
    for (std::size_t word = 0; word < words_.size(); ++word)
      for (std::size_t i = 0; i + 1 < words_[word].pieces.size(); ++i)
        change(pair_at(word, i), words_[word].count, word);
    for (const auto& [pair, neighbours] : pairs_) queue_.push({neighbours.count, joined_text(pair), pair});
  }

  void join(std::size_t vocab_size, std::int64_t min_frequency) {
    while (vocabulary_.size() < vocab_size && !queue_.empty()) {
      Candidate best = queue_.top();
      queue_.pop();
      const std::int64_t count = pairs_.at(best.pair).count;
      if (count < best.count) {  // out of date: words have lost the pair since
        best.count = count;
        if (count > 0) queue_.push(std::move(best));
        continue;
      }
      if (count < min_frequency) return;
      if (vocabulary_.id(best.text) == TokenTable::absent)
        vocabulary_.add(best.text, static_cast<std::int32_t>(vocabulary_.size()));
      replace(best.pair, vocabulary_.id(best.text));
    }
  }

 private:
  using Pair = std::pair<std::int32_t, std::int32_t>;
  struct PairHash {
    std::size_t operator()(const Pair& pair) const {
      return (static_cast<std::uint64_t>(pair.first) << 32 | static_cast<std::uint32_t>(pair.second)) *
                 0x9E3779B97F4A7C15u >>
             16;
    }
  };
  struct Word {
    std::vector<std::int32_t> pieces;
    std::int64_t count;
  };
  struct Neighbours {
    std::int64_t count = 0;          // how often the two meet in the texts
    std::vector<std::size_t> words;  // that had the pair; some may have lost it since
  };
  struct Candidate {
    std::int64_t count;
    std::string text;                               // of the joined piece: decides between equal counts
    Pair pair;                                      // decides between two ways to make the same piece
    bool operator<(const Candidate& other) const {  // the queue's top is its largest
      if (count != other.count) return count < other.count;
      if (text != other.text) return text > other.text;
      return pair > other.pair;
    }
  };

  Pair pair_at(std::size_t word, std::size_t i) const { return {words_[word].pieces[i], words_[word].pieces[i + 1]}; }

  std::string joined_text(const Pair& pair) const {
    return vocabulary_.token(pair.first) + vocabulary_.token(pair.second).substr(continuing_prefix.size());
  }

  void change(const Pair& pair, std::int64_t by, std::size_t word) {
    Neighbours& neighbours = pairs_[pair];
    neighbours.count += by;
    if (by > 0 && (neighbours.words.empty() || neighbours.words.back() != word)) neighbours.words.push_back(word);
  }

  void replace(const Pair& pair, std::int32_t joined) {
    std::set<Pair> grown;  // ordered, so that nothing depends on where a hash table keeps things
    for (const std::size_t place : std::exchange(pairs_.at(pair).words, {})) {
      Word& word = words_[place];
      for (std::size_t i = 0; i + 1 < word.pieces.size(); ++i) {
        if (pair_at(place, i) != pair) continue;
        if (i > 0) change(pair_at(place, i - 1), -word.count, place);
        if (i + 2 < word.pieces.size()) change(pair_at(place, i + 1), -word.count, place);
        change(pair, -word.count, place);
        word.pieces[i] = joined;
        word.pieces.erase(word.pieces.begin() + static_cast<std::ptrdiff_t>(i) + 1);
        if (i > 0) {
          change(pair_at(place, i - 1), word.count, place);
          grown.insert(pair_at(place, i - 1));
        }
        if (i + 1 < word.pieces.size()) {
          change(pair_at(place, i), word.count, place);
          grown.insert(pair_at(place, i));
        }
      }
    }
    for (const Pair& next : grown)
      if (const std::int64_t count = pairs_.at(next).count; count > 0) queue_.push({count, joined_text(next), next});
  }

  Vocabulary& vocabulary_;
  std::vector<Word> words_;
  std::unordered_map<Pair, Neighbours, PairHash> pairs_;
  std::priority_queue<Candidate> queue_;
};

}  // namespace

Vocabulary build_word_piece_vocabulary(std::span<const std::string> texts, const VocabularyOptions& options,
                                       const std::vector<std::string>& special) {
  if (options.vocab_size < special.size() + 2)
    throw ConfigError("vocab_size is " + std::to_string(options.vocab_size) + "; expected at least " +
                      std::to_string(special.size() + 2) + ", the special tokens and a character");
  const std::vector<CountedWord> words = count_words(texts, options);
  if (words.empty())
    throw DataError("the vocabulary's " + std::to_string(texts.size()) + " texts hold no word; expected some");

  Vocabulary vocabulary;
  const auto add = [&](const std::string& token) {
    vocabulary.add(token, static_cast<std::int32_t>(vocabulary.size()));
  };
  for (const std::string& token : special) add(token);
  const std::vector<char32_t> alphabet =
      find_alphabet(words, std::min(options.alphabet_limit, (options.vocab_size - special.size()) / 2));
  for (const std::string_view prefix : {std::string_view(), continuing_prefix})
    for (const char32_t code : alphabet) {
      std::string token(prefix);
      append_utf8(code, token);
      add(token);
    }
  PieceJoiner(words, vocabulary).join(options.vocab_size, static_cast<std::int64_t>(options.min_frequency));
  return vocabulary;
}

}  // namespace sharcs::internal
