#include "text/added_tokens.hpp"

#include <algorithm>
#include <utility>

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

void TokenFinder::add(const AddedToken& token, std::string_view content) {
  if (content.empty()) return;
  auto& patterns = patterns_[static_cast<unsigned char>(content.front())];
  patterns.push_back({std::string(content), token.id, token.single_word, token.lstrip, token.rstrip});
  std::stable_sort(patterns.begin(), patterns.end(),
                   [](const Pattern& a, const Pattern& b) { return a.content.size() > b.content.size(); });
}

TokenFinder::Match TokenFinder::find(std::string_view text, std::size_t from) const {
  for (std::size_t at = from; at < text.size();) {
    const auto& patterns = patterns_[static_cast<unsigned char>(text[at])];
    const auto found = std::find_if(patterns.begin(), patterns.end(),
                                    [&](const Pattern& p) { return text.substr(at).starts_with(p.content); });
    if (found == patterns.end()) {
      ++at;
      continue;
    }
    std::size_t begin = at, end = at + found->content.size();
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

AddedTokens::AddedTokens(std::vector<AddedToken> tokens, const Normalizer& normalizer) : tokens_(std::move(tokens)) {
  std::string normalized;
  for (const AddedToken& token : tokens_) {
    if (token.normalized) {
      in_normalized_text_.add(token, normalizer(token.content, normalized));
    } else {
      in_text_.add(token, token.content);
    }
  }
}

}  // namespace sharcs::internal
