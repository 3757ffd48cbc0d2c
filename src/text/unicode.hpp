#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace sharcs::internal {

/// A character of a text and the bytes it takes.
struct Character {
  char32_t code;
  std::size_t bytes;
};

/// The character that begins at byte `at` of a well-formed UTF-8 text.
inline Character character_at(std::string_view text, std::size_t at) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[at + i]); };
  const auto tail = [&](std::size_t i) { return static_cast<char32_t>(byte(i) & 0x3F); };
  const unsigned lead = byte(0);
  if (lead < 0x80) return {lead, 1};
  if (lead < 0xE0) return {(lead & 0x1Fu) << 6 | tail(1), 2};
  if (lead < 0xF0) return {(lead & 0x0Fu) << 12 | tail(1) << 6 | tail(2), 3};
  return {(lead & 0x07u) << 18 | tail(1) << 12 | tail(2) << 6 | tail(3), 4};
}

/// Whether the byte is not the first one of its character.
inline bool is_continuation_byte(char byte) { return (static_cast<unsigned char>(byte) & 0xC0) == 0x80; }

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
/// ASCII's punctuation, its symbols among it, and general category P as of Unicode 8.
bool is_punctuation(char32_t code);
/// General categories Cc, Cf and Co as of Unicode 8.
bool is_control(char32_t code);
/// General category Mn as of Unicode 8.
bool is_nonspacing_mark(char32_t code);
/// General category M as of Unicode 9.
bool is_mark(char32_t code);
/// The blocks of CJK ideographs that BERT takes for words of one character.
bool is_chinese(char32_t code);

/// Appends the lower-case form of one character, whatever stands around it: Σ is always σ.
void append_lower_case(char32_t code, std::string& text);

}  // namespace sharcs::internal
