#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "sharcs/tokenizer.hpp"
#include "text/charsmap.hpp"

namespace sharcs::internal {

/// A text that was made of another one, and where each of its bytes comes from: the bytes of the other text. What was
/// put in front of a character comes from that.
struct AlignedText {
  std::string text;
  std::vector<TextRange> origins;  // as many as bytes

  /// The text itself: the bytes of a character come from the whole character.
  static AlignedText of(std::string_view text);
};

/// What happens to a text before it is cut into words. The names of the steps are those of tokenizer.json.
class Normalizer {
 public:
  struct BertNormalizer {
    bool clean_text = true;            // control characters go, white space becomes ' '
    bool handle_chinese_chars = true;  // spaces around CJK ideographs
    bool strip_accents = true;
    bool lowercase = true;
  };
  enum class Form { nfc, nfd, nfkc, nfkd };  // of Unicode's normalization
  struct Lowercase {};
  struct StripAccents {};  // all marks; precomposed characters keep theirs unless NFD came before
  struct Replace {
    std::string pattern, content;
  };
  struct Strip {
    bool left = true, right = true;  // white space goes
  };
  struct Prepend {  // before a text that is not empty
    std::string text;
  };
  /// Of Replace by a regular expression these, which transformers writes: runs of two spaces and more become `content`;
  /// spaces at both ends become `content`, usually nothing; a "▁" at the beginning becomes `content`; runs of two white
  /// spaces and more, and single line ends and tabs, become `content`.
  enum class Pattern { runs_of_spaces, outer_spaces, leading_underline, runs_of_white_space };
  struct ReplacePattern {
    Pattern pattern;
    std::string content;
  };
  /// How tokenizer.json spells the pattern.
  static const char* regex_of(Pattern pattern);
  using Precompiled = std::shared_ptr<const Charsmap>;  // SentencePiece's
  using Step =
      std::variant<BertNormalizer, Form, Lowercase, StripAccents, Replace, Strip, Prepend, ReplacePattern, Precompiled>;

  explicit Normalizer(std::vector<Step> steps = {}) : steps_(std::move(steps)) {}

  /// The normalized form of a well-formed UTF-8 text: a view of `result`, which is overwritten, or of `text` itself
  /// when there is nothing to do. Throws TokenizerError where the form has more than 4096 bytes and 32 times the
  /// text's.
  std::string_view operator()(std::string_view text, std::string& result) const;

  /// The same with the origins of the bytes, which go on from those of `text`.
  AlignedText aligned(AlignedText text) const;

  const std::vector<Step>& steps() const { return steps_; }

 private:
  std::vector<Step> steps_;
};

}  // namespace sharcs::internal
