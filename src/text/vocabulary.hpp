#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "text/token_table.hpp"

namespace sharcs::internal {

/// Tokens as they are spelled in the tokenizer's files, and their ids.
class Vocabulary {
 public:
  /// A token that is there gets the new id; the old id then has no token.
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
