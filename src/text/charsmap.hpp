#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sharcs::internal {

/// SentencePiece's table of character replacements ("precompiled_charsmap": a double-array trie over UTF-8 and the
/// replacements it points to), used as Hugging Face's `tokenizers` does.
class Charsmap {
 public:
  /// Takes the base64 text of tokenizer.json; none when it is damaged.
  static std::optional<Charsmap> parse(const std::string& base64);
  /// Takes the bytes that stand in SentencePiece's own file.
  static std::optional<Charsmap> of_bytes(const std::string& bytes);

  /// Replaces each grapheme (a letter with its accents, say) that begins with an entry of the table; of the others,
  /// each character that does. Stops when the result has more than `longest` bytes.
  void apply(std::string_view text, std::size_t longest, std::string& result) const;

  const std::string& base64() const { return base64_; }

 private:
  Charsmap() = default;
  /// Whether each entry's replacement begins where the replacements have a character.
  bool is_sound() const;
  /// The replacement for the shortest prefix of `part` in the table.
  std::optional<std::string_view> find(std::string_view part) const;

  std::string base64_;
  std::vector<std::uint32_t> units_;
  std::string replacements_;  // each ends with a NUL
};

}  // namespace sharcs::internal
