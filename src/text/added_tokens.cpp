#include "text/added_tokens.hpp"

#include <utility>

#include "core/quote.hpp"
#include "sharcs/error.hpp"
#include "text/unicode.hpp"

namespace sharcs::internal {
namespace {

/// Where the last character before `end` begins.
std::size_t start_of_character_before(std::string_view text, std::size_t end) {
  do --end;
  while (is_continuation_byte(text[end]));
  return end;
}

bool is_inside_word(std::string_view text, std::size_t begin, std::size_t end) {
  return (begin > 0 && is_word_character(character_at(text, start_of_character_before(text, begin)).code)) ||
         (end < text.size() && is_word_character(character_at(text, end).code));
}

}  // namespace

std::int32_t TokenFinder::child(std::int32_t node, char byte) const {
  const auto value = static_cast<unsigned char>(byte);
  if (node == 0) return first_[value];
  const auto found = children_.find(static_cast<std::uint64_t>(node) << 8 | value);
  return found == children_.end() ? none : found->second;
}

void TokenFinder::add(const AddedToken& token, std::string_view content) {
  if (content.empty()) return;
  std::int32_t node = 0;
  for (const char byte : content) {
    std::int32_t next = child(node, byte);
    if (next == none) {
      next = static_cast<std::int32_t>(pattern_of_node_.size());
      pattern_of_node_.push_back(none);
      const auto value = static_cast<unsigned char>(byte);
      if (node == 0)
        first_[value] = next;
      else
        children_.emplace(static_cast<std::uint64_t>(node) << 8 | value, next);
    }
    node = next;
  }
  std::int32_t& pattern = pattern_of_node_[static_cast<std::size_t>(node)];
  if (pattern != none) return;
  pattern = static_cast<std::int32_t>(patterns_.size());
  patterns_.push_back({content.size(), token.id, token.single_word, token.lstrip, token.rstrip});
}

/// The longest pattern that the text begins with, or null.
const TokenFinder::Pattern* TokenFinder::longest_at(std::string_view text) const {
  const Pattern* longest = nullptr;
  std::int32_t node = 0;
  for (const char byte : text) {
    node = child(node, byte);
    if (node == none) break;
    const std::int32_t pattern = pattern_of_node_[static_cast<std::size_t>(node)];
    if (pattern != none) longest = &patterns_[static_cast<std::size_t>(pattern)];
  }
  return longest;
}

TokenFinder::Match TokenFinder::find(std::string_view text, std::size_t from) const {
  for (std::size_t at = from; at < text.size();) {
    const Pattern* const found = longest_at(text.substr(at));
    if (found == nullptr) {
      ++at;
      continue;
    }
    std::size_t begin = at, end = at + found->size;
    at = end;
    if (found->single_word && is_inside_word(text, begin, end)) continue;
    while (found->lstrip && begin > from) {
      const std::size_t before = start_of_character_before(text, begin);
      if (!is_whitespace(character_at(text, before).code)) break;
      begin = before;
    }
    while (found->rstrip && end < text.size()) {
      const Character after = character_at(text, end);
      if (!is_whitespace(after.code)) break;
      end += after.bytes;
    }
    return {begin, end, found->id};
  }
  return {text.size(), text.size(), 0};
}

AddedTokens::AddedTokens(std::vector<AddedToken> tokens, const Normalizer& normalizer, const std::string& file)
    : tokens_(std::move(tokens)) {
  std::string normalized;
  for (const AddedToken& token : tokens_) {
    if (token.normalized) {
      try {
        in_normalized_text_.add(token, normalizer(token.content, normalized));
      } catch (const TokenizerError& error) {
        throw TokenizerError(file + ": the added token " + quote(token.content) + ": " + error.what());
      }
    } else {
      in_text_.add(token, token.content);
    }
  }
}

}  // namespace sharcs::internal
