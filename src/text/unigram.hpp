#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "text/vocabulary.hpp"

namespace sharcs::internal {

/// Cuts a word into the pieces whose scores have the largest sum (Kudo 2018, arXiv:1804.10959), as SentencePiece does.
class Unigram {
 public:
  /// scores[id] is the logarithm of the token's probability. `unknown` is a token of the vocabulary.
  Unigram(const Vocabulary& vocabulary, std::vector<double> scores, std::int32_t unknown);

  /// Appends the ids of the word's pieces; a run of characters that no piece covers is one unknown token. `ends`, if it
  /// is given, receives the byte of the word that each ends before.
  void encode(std::string_view word, std::vector<std::int32_t>& ids, std::vector<std::size_t>* ends = nullptr) const;

  const std::vector<double>& scores() const { return scores_; }
  std::int32_t unknown() const { return unknown_; }

 private:
  TokenTable pieces_;
  std::vector<double> scores_;
  std::int32_t unknown_;
  double unknown_score_;
};

}  // namespace sharcs::internal
