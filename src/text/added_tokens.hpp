#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "text/normalizer.hpp"

namespace sharcs::internal {

/// A token that is looked for in the text itself, before it is cut into words: "[MASK]".
struct AddedToken {
  std::string content;
  std::int32_t id = 0;
  bool single_word = false;  // not inside a word
  bool lstrip = false;       // the white space before it belongs to it
  bool rstrip = false;       // and the white space after it
  bool normalized = false;   // looked for after normalization: its normalized form in the normalized text
  bool special = true;       // stands for something else than text
  bool in_model = true;      // the model's own vocabulary has it, too
};

/// Finds the leftmost token in a text; of several that begin there, the longest.
class TokenFinder {
 public:
  /// Of two tokens with the same content the first counts.
  void add(const AddedToken& token, std::string_view content);

  /// Calls on_text(part) for what lies between tokens, never empty, and on_token(id) for tokens, from left to right,
  /// until one returns false.
  template <class OnText, class OnToken>
  bool split(std::string_view text, const OnText& on_text, const OnToken& on_token) const {
    for (std::size_t from = 0; from < text.size();) {
      const Match match = find(text, from);
      if (match.begin > from && !on_text(text.substr(from, match.begin - from))) return false;
      if (match.begin < match.end && !on_token(match.id)) return false;
      from = match.end;
    }
    return true;
  }

 private:
  struct Pattern {
    std::size_t size;
    std::int32_t id;
    bool single_word, lstrip, rstrip;
  };
  struct Match {
    std::size_t begin, end;  // both the text's end when there is none
    std::int32_t id;
  };
  static constexpr std::int32_t none = -1;

  Match find(std::string_view text, std::size_t from) const;
  const Pattern* longest_at(std::string_view text) const;
  std::int32_t child(std::int32_t node, char byte) const;

  // A trie: of each node the pattern that ends there, and the nodes that its bytes lead to. Node 0 is the root, whose
  // children stand in a table, since nearly every byte of a text begins no token.
  std::vector<Pattern> patterns_;
  std::vector<std::int32_t> pattern_of_node_ = {none};
  std::array<std::int32_t, 256> first_ = [] {
    std::array<std::int32_t, 256> table;
    table.fill(none);
    return table;
  }();
  std::unordered_map<std::uint64_t, std::int32_t> children_;  // by 256 · node + byte
};

/// The added tokens of a tokenizer.
class AddedTokens {
 public:
  /// `file`: for messages. Throws TokenizerError as the normalizer.
  AddedTokens(std::vector<AddedToken> tokens, const Normalizer& normalizer, const std::string& file);

  const std::vector<AddedToken>& all() const { return tokens_; }
  const TokenFinder& in_text() const { return in_text_; }
  const TokenFinder& in_normalized_text() const { return in_normalized_text_; }

 private:
  std::vector<AddedToken> tokens_;
  TokenFinder in_text_, in_normalized_text_;
};

}  // namespace sharcs::internal
