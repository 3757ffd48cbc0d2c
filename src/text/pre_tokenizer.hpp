#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "core/enum_names.hpp"
#include "text/normalizer.hpp"

namespace sharcs::internal {

/// Cuts normalized text into words. The names of the steps are those of tokenizer.json; each step cuts what the steps
/// before it have left.
class PreTokenizer {
 public:
  struct BertPreTokenizer {};  // at white space, which goes, and around every punctuation character
  struct Whitespace {};        // runs of word characters, runs of other characters; white space goes
  struct WhitespaceSplit {};   // at white space, which goes
  struct Punctuation {};       // around every punctuation character
  struct ByteLevel {           // GPT-2's rules; white space belongs to the words
    bool add_prefix_space = false;
    bool use_regex = true;  // false: no cuts
  };
  struct Metaspace {  // SentencePiece's: a space is spelled as another character, which begins a word
    /// Where a word that begins without the replacement gets it: everywhere, only at the very beginning of a text, or
    /// nowhere.
    enum class Prefix { always, first, never };
    std::string replacement = "▁";
    Prefix prefix = Prefix::always;
    bool split = true;  // false: no cuts
  };
  using Step = std::variant<BertPreTokenizer, Whitespace, WhitespaceSplit, Punctuation, ByteLevel, Metaspace>;

  explicit PreTokenizer(std::vector<Step> steps = {}) : steps_(std::move(steps)) {}

  /// Calls take(word) for every word from left to right, none of them empty, until it returns false. A word is valid
  /// during its call. The text is well-formed UTF-8. `begins`: nothing stands before it, no added token either.
  template <class Take>
  void for_each_word(std::string_view text, bool begins, const Take& take) const {
    if (!text.empty()) cut(0, text, begins, take);
  }

  /// The same for a text that has origins: calls take(word, origins of its bytes).
  template <class Take>
  void for_each_aligned_word(std::string_view text, std::span<const TextRange> origins, bool begins,
                             const Take& take) const {
    if (!text.empty()) cut(0, text, origins, begins, take);
  }

  const std::vector<Step>& steps() const { return steps_; }

 private:
  template <class Take>
  bool cut(std::size_t step, std::string_view text, std::span<const TextRange> origins, bool begins,
           const Take& take) const {
    if (step == steps_.size()) return take(text, origins);
    std::string rewritten;
    const std::string_view read = rewrite(steps_[step], text, begins, rewritten);
    std::vector<TextRange> moved;
    if (read.data() != text.data()) origins = moved = origins_of(steps_[step], text, origins, read.size());
    for (std::size_t at = 0; at < read.size();) {
      const std::string_view word = next_word(steps_[step], read, at);
      const bool first = begins && word.data() == read.data();
      const auto place = static_cast<std::size_t>(word.data() - read.data());
      if (!word.empty() && !cut(step + 1, word, origins.subspan(place, word.size()), first, take)) return false;
    }
    return true;
  }
  /// Those of the `size` bytes that the step makes of a text by rewriting it.
  static std::vector<TextRange> origins_of(const Step& step, std::string_view text, std::span<const TextRange> origins,
                                           std::size_t size);

  template <class Take>
  bool cut(std::size_t step, std::string_view text, bool begins, const Take& take) const {
    if (step == steps_.size()) return take(text);
    std::string rewritten;
    text = rewrite(steps_[step], text, begins, rewritten);
    for (std::size_t at = 0; at < text.size();) {
      const std::string_view word = next_word(steps_[step], text, at);
      const bool first = begins && word.data() == text.data();
      if (!word.empty() && !cut(step + 1, word, first, take)) return false;
    }
    return true;
  }

  /// The text as the step reads it: a view of `rewritten`, or of `text` itself.
  static std::string_view rewrite(const Step& step, std::string_view text, bool begins, std::string& rewritten);
  /// Returns the next word from byte `at` on, and moves `at` behind it; empty when there is none.
  static std::string_view next_word(const Step& step, std::string_view text, std::size_t& at);

  std::vector<Step> steps_;
};

template <>
struct EnumNames<PreTokenizer::Metaspace::Prefix> {
  using Prefix = PreTokenizer::Metaspace::Prefix;
  static constexpr const char* what = "the prefix of words";
  static constexpr EnumName<Prefix> all[] = {
      {Prefix::always, "always"}, {Prefix::first, "first"}, {Prefix::never, "never"}};
};

}  // namespace sharcs::internal
