#include "text/word_piece.hpp"

#include <algorithm>
#include <utility>

#include "text/unicode.hpp"

namespace sharcs::internal {
namespace {

struct LongestPiece {
  std::int32_t id;
  std::size_t bytes;
};

/// The longest token that the text begins with.
LongestPiece longest_piece(const TokenTable& table, std::string_view text) {
  text = text.substr(0, table.longest());
  TokenHash hash(text);
  for (; !text.empty(); text.remove_suffix(1)) {
    const std::int32_t id = table.find(text, hash);
    if (id != TokenTable::absent) return {id, text.size()};
    hash.remove_last(text.back());
  }
  return {TokenTable::absent, 0};
}

}  // namespace

WordPiece::WordPiece(const Vocabulary& vocabulary, Settings settings)
    : settings_(std::move(settings)), unknown_(vocabulary.id(settings_.unknown_token)) {
  for (std::size_t i = 0; i < vocabulary.size(); ++i) {
    const auto id = static_cast<std::int32_t>(i);
    if (!vocabulary.has(id)) continue;
    const std::string_view token = vocabulary.token(id);
    words_.insert(token, id);
    if (token.starts_with(settings_.continuing_prefix))
      continuations_.insert(token.substr(settings_.continuing_prefix.size()), id);
  }
}

void WordPiece::encode(std::string_view word, std::vector<std::int32_t>& ids, std::vector<std::size_t>* ends) const {
  const std::size_t before = ids.size(), ends_before = ends != nullptr ? ends->size() : 0;
  const auto give_up = [&] {
    ids.resize(before);
    ids.push_back(unknown_);
    if (ends == nullptr) return;
    ends->resize(ends_before);
    ends->push_back(word.size());
  };
  if (word.size() > settings_.longest_word && count_characters(word) > settings_.longest_word) return give_up();
  for (std::string_view rest = word; !rest.empty();) {
    // Tokens are whole characters, so a prefix that ends inside one is not found.
    const LongestPiece piece = longest_piece(rest.size() == word.size() ? words_ : continuations_, rest);
    if (piece.id == TokenTable::absent) return give_up();
    ids.push_back(piece.id);
    rest.remove_prefix(piece.bytes);
    if (ends != nullptr) ends->push_back(word.size() - rest.size());
  }
}

}  // namespace sharcs::internal
