#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "text/vocabulary.hpp"

namespace sharcs::internal {

/// Cuts a word into the longest pieces of a vocabulary, from left to right (Wu et al. 2016, arXiv:1609.08144).
class WordPiece {
 public:
  struct Settings {
    std::string unknown_token = "[UNK]";
    std::string continuing_prefix = "##";
    std::size_t longest_word = 100;  // in characters; longer ones are unknown
  };

  /// The unknown token must be in the vocabulary.
  WordPiece(const Vocabulary& vocabulary, Settings settings);

  /// Appends the ids of the word's pieces, or that of the unknown token when it cannot be cut; to `ends`, if it is
  /// given, the byte of the word that each ends before.
  void encode(std::string_view word, std::vector<std::int32_t>& ids, std::vector<std::size_t>* ends = nullptr) const;

  const Settings& settings() const { return settings_; }

 private:
  Settings settings_;
  std::int32_t unknown_;
  TokenTable words_;          // every token: pieces that may begin a word
  TokenTable continuations_;  // the tokens with the prefix, without it
};

}  // namespace sharcs::internal
