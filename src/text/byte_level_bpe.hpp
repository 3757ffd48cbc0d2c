#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "text/vocabulary.hpp"

namespace sharcs::internal {

/// Byte pair encoding on bytes (Sennrich et al. 2016; Radford et al. 2019): a word begins as its bytes, and the
/// neighbours whose merge has the lowest rank are joined, again and again.
class ByteLevelBpe {
 public:
  struct Settings {
    std::optional<std::string> unknown_token = {};  // for bytes that the vocabulary lacks; absent: they are left out
    bool fuse_unknown = false;                      // one unknown token for a run of such bytes
    bool ignore_merges = false;                     // a word that is a token stays whole, whatever the merges say
  };
  /// Joins two tokens into a third. Its place in the list is its rank.
  struct Merge {
    std::int32_t left, right, result;
  };

  /// The vocabulary spells bytes as GPT-2 does. The ids of merges and the unknown token are in it.
  ByteLevelBpe(const Vocabulary& vocabulary, std::vector<Merge> merges, Settings settings);

  /// Appends the ids of the word's tokens; to `ends`, if it is given, the byte of the word that each ends before.
  void encode(std::string_view word, std::vector<std::int32_t>& ids, std::vector<std::size_t>* ends = nullptr) const;

  const std::vector<Merge>& merges() const { return merges_; }
  const Settings& settings() const { return settings_; }

 private:
  struct RankedMerge {
    std::uint64_t pair = ~std::uint64_t{0};  // left << 32 | right; all ones: an empty slot
    std::int32_t rank = 0;
    std::int32_t result = 0;
  };

  void merge(std::string_view word, std::vector<std::int32_t>& ids, std::vector<std::size_t>* ends) const;
  const RankedMerge* find(std::int32_t left, std::int32_t right) const;
  std::size_t place_of(std::uint64_t pair) const;

  std::vector<Merge> merges_;
  Settings settings_;
  std::array<std::int32_t, 256> byte_ids_;  // TokenTable::absent for bytes that the vocabulary lacks
  std::int32_t unknown_ = TokenTable::absent;
  std::vector<RankedMerge> ranks_;  // open addressing, at most half full
  TokenTable whole_words_;          // words that merge into a single token, as most do: found at once
};

/// GPT-2 spells every byte as a printable character: itself where it is one in Latin-1, else one from U+0100 on.
std::string spell_bytes(std::string_view bytes);
/// The bytes of a spelling; none when it has a character that spells no byte.
std::optional<std::string> spelled_bytes(std::string_view spelling);

}  // namespace sharcs::internal
