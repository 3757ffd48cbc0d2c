#include "text/unicode.hpp"

#include <unicode/uchar.h>
#include <unicode/utf8.h>

namespace sharcs::internal {
namespace {

bool has_category(char32_t code, std::uint32_t mask) { return (U_GET_GC_MASK(static_cast<UChar32>(code)) & mask) != 0; }

/// Whether the character was in Unicode `version` already.
bool is_as_old_as(char32_t code, std::uint8_t version) {
  UVersionInfo age;
  u_charAge(static_cast<UChar32>(code), age);
  return age[0] < version || (age[0] == version && age[1] == 0);
}

}  // namespace

std::size_t count_characters(std::string_view text) {
  std::size_t count = 0;
  for (const char byte : text) count += !is_continuation_byte(byte);
  return count;
}

void append_utf8(char32_t code, std::string& text) {
  char bytes[U8_MAX_LENGTH];
  int length = 0;
  U8_APPEND_UNSAFE(bytes, length, static_cast<UChar32>(code));
  text.append(bytes, static_cast<std::size_t>(length));
}

bool is_whitespace(char32_t code) {
  if (code < 0x80) return code == ' ' || (code >= '\t' && code <= '\r');
  return u_isUWhiteSpace(static_cast<UChar32>(code));
}

bool is_letter(char32_t code) {
  if (code < 0x80) return (code | 0x20) >= 'a' && (code | 0x20) <= 'z';
  return has_category(code, U_GC_L_MASK);
}

bool is_number(char32_t code) {
  if (code < 0x80) return code >= '0' && code <= '9';
  return has_category(code, U_GC_N_MASK);
}

bool is_word_character(char32_t code) {
  const auto c = static_cast<UChar32>(code);
  return has_category(code, U_GC_M_MASK | U_GC_ND_MASK | U_GC_PC_MASK) || u_hasBinaryProperty(c, UCHAR_ALPHABETIC) ||
         u_hasBinaryProperty(c, UCHAR_JOIN_CONTROL);
}

// Characters whose category has changed since are named one by one.

bool is_punctuation(char32_t code) {
  if (code < 0x80) return code > ' ' && code < 0x7F && !is_letter(code) && !is_number(code);
  return (has_category(code, U_GC_P_MASK) && is_as_old_as(code, 8)) || code == 0x166D || code == 0x111C9;
}

bool is_control(char32_t code) {
  if (code < 0x80) return code < ' ' || code == 0x7F;
  return has_category(code, U_GC_CC_MASK | U_GC_CF_MASK | U_GC_CO_MASK) && is_as_old_as(code, 8);
}

bool is_nonspacing_mark(char32_t code) {
  if (code < 0x80 || code == 0x1885 || code == 0x1886 || code == 0xA9BD || code == 0x111C9) return false;
  return (has_category(code, U_GC_MN_MASK) && is_as_old_as(code, 8)) || code == 0x1734;
}

bool is_mark(char32_t code) {
  if (code < 0x80 || code == 0x111C9) return false;
  return (has_category(code, U_GC_M_MASK) && is_as_old_as(code, 9)) || code == 0x1CF2 || code == 0x1CF3;
}

bool is_chinese(char32_t code) {
  // 0x2B920 (BERT's own code has 0x2B820) is Hugging Face's.
  return (code >= 0x4E00 && code <= 0x9FFF) || (code >= 0x3400 && code <= 0x4DBF) ||
         (code >= 0x20000 && code <= 0x2A6DF) || (code >= 0x2A700 && code <= 0x2B73F) ||
         (code >= 0x2B740 && code <= 0x2B81F) || (code >= 0x2B920 && code <= 0x2CEAF) ||
         (code >= 0xF900 && code <= 0xFAFF) || (code >= 0x2F800 && code <= 0x2FA1F);
}

void append_lower_case(char32_t code, std::string& text) {
  if (code == 0x130) {  // İ, the only character whose lower case is two
    text += "i\u0307";
  } else {
    append_utf8(static_cast<char32_t>(u_tolower(static_cast<UChar32>(code))), text);
  }
}

TextRange without_outer_spaces(std::string_view text, TextRange range) {
  while (!range.empty()) {
    const Character first = character_at(text, range.begin);
    if (!is_whitespace(first.code)) break;
    range.begin = std::min(range.begin + first.bytes, range.end);
  }
  while (!range.empty()) {
    std::size_t last = range.end - 1;
    while (last > range.begin && is_continuation_byte(text[last])) --last;
    if (!is_whitespace(character_at(text, last).code)) break;
    range.end = last;
  }
  return range;
}

}  // namespace sharcs::internal
