#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace sharcs::internal {

/// Bytes of a token, added or of the vocabulary. The longest of real tokenizers have a few hundred. At each place of a
/// text we look no further than the longest token reaches, so this bounds the time.
inline constexpr std::size_t longest_token = 1024;

/// The hash of a token (FNV-1a). Bytes can be added and taken back one by one, so that hashing all prefixes of a word
/// costs one pass.
class TokenHash {
 public:
  TokenHash() = default;
  explicit TokenHash(std::string_view token) {
    for (const char byte : token) append(byte);
  }
  void append(char byte) { state_ = (state_ ^ static_cast<unsigned char>(byte)) * prime; }
  /// Takes back the append() of the last byte: multiplication by an odd number modulo 2^64 has an inverse.
  void remove_last(char byte) { state_ = (state_ * inverse) ^ static_cast<unsigned char>(byte); }
  std::uint32_t value() const { return static_cast<std::uint32_t>((state_ * 0x9E3779B97F4A7C15u) >> 32); }

 private:
  static constexpr std::uint64_t prime = 0x100000001B3u;
  static constexpr std::uint64_t inverse = 0xCE965057AFF6957Bu;
  static_assert(prime * inverse == 1);

  std::uint64_t state_ = 0xCBF29CE484222325u;
};

/// Finds the id of a token by its bytes. Looking one up allocates nothing and follows at most one pointer.
class TokenTable {
 public:
  static constexpr std::int32_t absent = -1;

  /// Replaces the id when the token is there.
  void insert(std::string_view token, std::int32_t id);

  std::int32_t find(std::string_view token) const { return find(token, TokenHash(token)); }
  /// `hash` is that of the token.
  std::int32_t find(std::string_view token, TokenHash hash) const {
    const Slot* slot = slots_.empty() ? nullptr : &slots_[place_of(token, hash.value())];
    return slot == nullptr ? absent : slot->id;
  }

  /// Bytes of the longest token.
  std::size_t longest() const { return longest_; }

 private:
  struct Slot {
    std::uint32_t hash = 0;
    std::int32_t id = absent;
    std::uint32_t offset = 0;
    std::uint32_t length = 0;
  };

  /// The slot that holds the token, or the empty one where it would go. Linear probing, at most half full.
  std::size_t place_of(std::string_view token, std::uint32_t hash) const {
    std::size_t at = hash & (slots_.size() - 1);
    while (slots_[at].id != absent &&
           (slots_[at].hash != hash || std::string_view(bytes_).substr(slots_[at].offset, slots_[at].length) != token))
      at = (at + 1) & (slots_.size() - 1);
    return at;
  }

  std::vector<Slot> slots_;
  std::size_t used_ = 0;
  std::string bytes_;
  std::size_t longest_ = 0;
};

/// Tokens as they are spelled in the tokenizer's files, and their ids.
class Vocabulary {
 public:
  /// A token that is there already gets the new id; its old id then has no token.
  void add(const std::string& token, std::int32_t id);

  /// TokenTable::absent when the token is not there.
  std::int32_t id(std::string_view token) const { return ids_.find(token); }
  /// Whether a token has the id.
  bool has(std::int32_t id) const;
  /// Empty when no token has the id.
  const std::string& token(std::int32_t id) const;
  /// One more than the largest id.
  std::size_t size() const { return entries_.size(); }

 private:
  struct Entry {
    std::string token;
    bool used = false;
  };

  std::vector<Entry> entries_;
  TokenTable ids_;
};

}  // namespace sharcs::internal
