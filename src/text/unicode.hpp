#pragma once

#include <unicode/utf8.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "sharcs/tokenizer.hpp"

namespace sharcs::internal {

/// A character of a text and the bytes it takes.
struct Character {
  char32_t code;
  std::size_t bytes;
};

/// The character that begins at byte `at` of a well-formed UTF-8 text.
inline Character character_at(std::string_view text, std::size_t at) {
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(text.data());
  std::size_t end = at;
  UChar32 code;
  U8_NEXT_UNSAFE(bytes, end, code);
  return {static_cast<char32_t>(code), end - at};
}

/// Whether the byte is not the first one of its character.
inline bool is_continuation_byte(char byte) { return U8_IS_TRAIL(byte); }

/// Characters of a well-formed UTF-8 text.
std::size_t count_characters(std::string_view text);

void append_utf8(char32_t code, std::string& text);

// The classes below are those of Hugging Face's tokenizers, which decide what a word is: a model was trained with them.

/// Unicode's White_Space.
bool is_whitespace(char32_t code);
/// General category L. Unicode as the installed ICU has it.
bool is_letter(char32_t code);
/// General category N.
bool is_number(char32_t code);
/// What \w matches: Alphabetic, marks, decimal digits, connector punctuation, joiners.
bool is_word_character(char32_t code);
/// ASCII's punctuation and symbols, and general category P as of Unicode 8.
bool is_punctuation(char32_t code);
/// General categories Cc, Cf and Co as of Unicode 8.
bool is_control(char32_t code);
/// General category Mn as of Unicode 8.
bool is_nonspacing_mark(char32_t code);
/// General category M as of Unicode 9.
bool is_mark(char32_t code);
/// The blocks of CJK ideographs that BERT takes for words of one character.
bool is_chinese(char32_t code);

/// The range without white space at its ends.
TextRange without_outer_spaces(std::string_view text, TextRange range);

/// Appends the lower-case form of one character, whatever stands around it: Σ is always σ.
void append_lower_case(char32_t code, std::string& text);

}  // namespace sharcs::internal
