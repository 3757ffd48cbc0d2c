#include "text/vocabulary_files.hpp"

#include <algorithm>

#include "core/quote.hpp"
#include "io/file.hpp"
#include "io/utf8.hpp"
#include "sharcs/error.hpp"

namespace sharcs::internal {
namespace {

/// Calls take(line, number) for each line, without its line end, numbers from 1.
template <class Take>
void for_each_line(std::string_view text, const Take& take) {
  if (text.starts_with(byte_order_mark)) text.remove_prefix(byte_order_mark.size());
  for (std::size_t number = 1; !text.empty(); ++number) {
    const std::size_t end = text.find('\n');
    std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (line.ends_with('\r')) line.remove_suffix(1);
    take(line, number);
  }
}

[[noreturn]] void fail(const std::filesystem::path& path, std::size_t line, const std::string& message) {
  throw TokenizerError(path.string() + ":" + std::to_string(line) + ": " + message);
}

}  // namespace

std::string too_long(std::string_view token) {
  return "has " + std::to_string(token.size()) + " bytes; expected a token of at most " + std::to_string(longest_token);
}

Vocabulary read_vocab_txt(const std::filesystem::path& path) {
  const std::string text = read_text_file(path);
  Vocabulary vocabulary;
  for_each_line(text, [&](std::string_view line, std::size_t number) {
    if (find_invalid_utf8(line) != std::string_view::npos) fail(path, number, "is not UTF-8; expected a token");
    if (line.size() > longest_token) fail(path, number, too_long(line) + " a line");
    vocabulary.add(std::string(line), static_cast<std::int32_t>(number - 1));
  });
  if (vocabulary.size() == 0) throw TokenizerError(path.string() + ": is empty; expected one token a line");
  return vocabulary;
}

Vocabulary vocabulary_in(const JsonCursor& place) {
  const nlohmann::json& tokens = place.object();
  if (tokens.empty()) place.fail("an object with at least one token");
  // Ids may have gaps, but a wild one must not cost memory.
  const auto largest = static_cast<std::int32_t>(std::min<std::size_t>(2 * tokens.size() + (1 << 16), INT32_MAX));
  Vocabulary vocabulary;
  for (const auto& [token, value] : tokens.items()) {
    if (token.size() > longest_token) place[token].refuse(too_long(token));
    const bool plain = value.is_number_unsigned() && value.get<std::uint64_t>() <= static_cast<std::uint64_t>(largest);
    const std::int32_t id =
        plain ? value.get<std::int32_t>()
              : place[token].get<std::int32_t>({.least = 0, .greatest = static_cast<double>(largest)});
    if (vocabulary.has(id))
      throw TokenizerError(place.file() + ": tokens " + quote(vocabulary.token(id)) + " and " + quote(token) +
                           " both have the id " + std::to_string(id));
    vocabulary.add(token, id);
  }
  return vocabulary;
}

ByteLevelBpe::Merge merge_of(const std::string& left, const std::string& right, const Vocabulary& vocabulary,
                             const std::string& place) {
  // "Ġ" is the space; every vocabulary of bytes has it.
  if (right.ends_with("</w>") && vocabulary.id("Ġ") == TokenTable::absent)
    throw TokenizerError(place + ": merges " + quote(left) + " and " + quote(right) +
                         ": tokens that mark the end of a " +
                         "word with \"</w>\" are not supported; expected byte-level BPE");
  const auto id = [&](const std::string& token) {
    const std::int32_t found = vocabulary.id(token);
    if (found == TokenTable::absent)
      throw TokenizerError(place + ": merges " + quote(left) + " and " + quote(right) + ", but " + quote(token) +
                           " is not in the vocabulary");
    return found;
  };
  return {id(left), id(right), id(left + right)};
}

ByteLevelBpe::Merge merge_of(std::string_view text, const Vocabulary& vocabulary, const std::string& place) {
  const std::size_t space = text.find(' ');
  const bool two = space != std::string_view::npos && space > 0 && space + 1 < text.size() &&
                   text.find(' ', space + 1) == std::string_view::npos;
  if (!two) throw TokenizerError(place + ": is " + quote(text) + "; expected two tokens with a space between them");
  return merge_of(std::string(text.substr(0, space)), std::string(text.substr(space + 1)), vocabulary, place);
}

std::vector<ByteLevelBpe::Merge> read_merges_txt(const std::filesystem::path& path, const Vocabulary& vocabulary) {
  const std::string text = read_text_file(path);
  std::vector<ByteLevelBpe::Merge> merges;
  for_each_line(text, [&](std::string_view line, std::size_t number) {
    if (line.starts_with("#version") || line.empty()) return;
    merges.push_back(merge_of(line, vocabulary, path.string() + ":" + std::to_string(number)));
  });
  return merges;
}

}  // namespace sharcs::internal
