#include "text/vocabulary_files.hpp"

#include <algorithm>

#include "core/quote.hpp"
#include "io/file.hpp"
#include "io/utf8.hpp"
#include "sharcs/error.hpp"

namespace sharcs::internal {
namespace {

constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";

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

Vocabulary read_vocab_txt(const std::filesystem::path& path) {
  const std::string text = read_text_file(path);
  Vocabulary vocabulary;
  for_each_line(text, [&](std::string_view line, std::size_t number) {
    if (find_invalid_utf8(line) != std::string_view::npos) fail(path, number, "is not UTF-8; expected a token");
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

TokenizerConfig read_tokenizer_config(const std::filesystem::path& path) {
  if (!std::filesystem::exists(path)) return {};
  const JsonCursor config = JsonCursor::load(path, JsonKind::tokenizer);
  const auto truth = [&](const char* key) {
    const JsonCursor place = config[key];
    return place.present() ? std::optional(place.get<bool>()) : std::nullopt;
  };
  const auto token = [&](const char* key) -> std::optional<std::string> {
    const JsonCursor place = config[key];
    if (!place.present()) return std::nullopt;
    return place.is_object() ? place["content"].get<std::string>() : place.get<std::string>();
  };
  const JsonCursor basic = config["do_basic_tokenize"];
  if (!basic.get_or(true)) basic.fail("true: WordPiece on text that is cut at white space alone is not supported");
  return {.do_lower_case = truth("do_lower_case"),
          .strip_accents = truth("strip_accents"),
          .tokenize_chinese_chars = truth("tokenize_chinese_chars"),
          .add_prefix_space = truth("add_prefix_space"),
          .cls_token = token("cls_token"),
          .sep_token = token("sep_token"),
          .unk_token = token("unk_token"),
          .pad_token = token("pad_token"),
          .mask_token = token("mask_token"),
          .tokenizer_class = token("tokenizer_class")};
}

}  // namespace sharcs::internal
