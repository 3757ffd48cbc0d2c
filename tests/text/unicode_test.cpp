#include "text/unicode.hpp"

#include <gtest/gtest.h>

namespace sharcs::internal::unicode_test {
namespace {

TEST(Unicode, DecodesWhatItEncodes) {
  for (const char32_t code :
       {U'\0', U'a', U'\x7F', U'\x80', U'é', U'\u07FF', U'\u0800', U'北', U'\uFFFD', U'\U00010000', U'\U0010FFFF'}) {
    std::string text;
    append_utf8(code, text);
    const Character character = character_at(text, 0);
    EXPECT_EQ(character.code, code);
    EXPECT_EQ(character.bytes, text.size());
  }
}

TEST(Unicode, CountsCharacters) {
  EXPECT_EQ(count_characters(""), 0u);
  EXPECT_EQ(count_characters("aé北𠀀"), 4u);
}

TEST(Unicode, AsciiIsClassifiedLikeTheRest) {
  for (char32_t code = 0; code < 0x80; ++code) {
    const bool letter = (code >= 'a' && code <= 'z') || (code >= 'A' && code <= 'Z');
    const bool digit = code >= '0' && code <= '9';
    const bool space = code == ' ' || (code >= 9 && code <= 13);
    const bool control = code < 32 || code == 127;
    EXPECT_EQ(is_letter(code), letter) << static_cast<unsigned>(code);
    EXPECT_EQ(is_number(code), digit) << static_cast<unsigned>(code);
    EXPECT_EQ(is_whitespace(code), space) << static_cast<unsigned>(code);
    EXPECT_EQ(is_control(code), control) << static_cast<unsigned>(code);
    EXPECT_EQ(is_punctuation(code), !letter && !digit && !control && code != ' ') << static_cast<unsigned>(code);
    EXPECT_EQ(is_word_character(code), letter || digit || code == '_') << static_cast<unsigned>(code);
    EXPECT_FALSE(is_mark(code) || is_nonspacing_mark(code) || is_chinese(code)) << static_cast<unsigned>(code);
  }
}

TEST(Unicode, LettersNumbersAndSpacesOfOtherScripts) {
  EXPECT_TRUE(is_letter(U'é') && is_letter(U'ж') && is_letter(U'北') && is_letter(U'ـ'));
  EXPECT_TRUE(is_number(U'٣') && is_number(U'²') && is_number(U'½') && is_number(U'Ⅷ'));
  EXPECT_FALSE(is_letter(U'Ⅷ') || is_letter(U'\u0301') || is_number(U'北'));
  EXPECT_TRUE(is_whitespace(U'\u00A0') && is_whitespace(U'\u2028') && is_whitespace(U'\u3000') &&
              is_whitespace(U'\u0085'));
  EXPECT_FALSE(is_whitespace(U'\u200B') || is_whitespace(U'\uFEFF'));
  EXPECT_TRUE(is_word_character(U'é') && is_word_character(U'\u0301') && is_word_character(U'٣') &&
              is_word_character(U'\u200D'));
  EXPECT_FALSE(is_word_character(U'²') || is_word_character(U'—'));
}

TEST(Unicode, ClassesOfTheBertRulesAreThoseOfUnicode8) {
  EXPECT_TRUE(is_punctuation(U'—') && is_punctuation(U'«') && is_punctuation(U'、'));
  EXPECT_FALSE(is_punctuation(U'€') || is_punctuation(U'™'));
  EXPECT_FALSE(is_punctuation(U'\u2E44')) << "a punctuation character of Unicode 9";
  EXPECT_TRUE(is_control(U'\u00AD') && is_control(U'\u200B') && is_control(U'\uE000') && is_control(U'\U0010FFFD'));
  EXPECT_FALSE(is_control(U'\u0890')) << "a format character of Unicode 14";
  EXPECT_FALSE(is_control(U'\u0378')) << "unassigned";
  EXPECT_TRUE(is_nonspacing_mark(U'\u0301'));
  EXPECT_FALSE(is_nonspacing_mark(U'\u093F')) << "a spacing mark";
  EXPECT_FALSE(is_nonspacing_mark(U'\u08DF')) << "a mark of Unicode 9";
  EXPECT_TRUE(is_mark(U'\u0301') && is_mark(U'\u093F') && is_mark(U'\u20DD') && is_mark(U'\u08DF'));
  EXPECT_FALSE(is_mark(U'\u0AFF')) << "a mark of Unicode 10";
}

TEST(Unicode, CharactersWhoseCategoryChangedKeepTheOldOne) {
  EXPECT_TRUE(is_punctuation(U'\u166D') && is_punctuation(U'\U000111C9'));
  EXPECT_TRUE(is_nonspacing_mark(U'\u1734'));
  EXPECT_FALSE(is_nonspacing_mark(U'\u1885') || is_nonspacing_mark(U'\u1886') || is_nonspacing_mark(U'\uA9BD') ||
               is_nonspacing_mark(U'\U000111C9'));
  EXPECT_TRUE(is_mark(U'\u1885') && is_mark(U'\u1CF2') && is_mark(U'\u1CF3'));
  EXPECT_FALSE(is_mark(U'\U000111C9'));
}

TEST(Unicode, IdeographsAreTheBlocksThatHuggingFaceNames) {
  for (const char32_t code : {U'\u4E00', U'\u9FFF', U'\u3400', U'\uF900', U'\U00020000', U'\U0002B920', U'\U0002FA1F'})
    EXPECT_TRUE(is_chinese(code)) << static_cast<unsigned>(code);
  for (const char32_t code : {U'ア', U'한', U'\u4DC0', U'\uA000', U'\U0002B820', U'\U0002FA20'})
    EXPECT_FALSE(is_chinese(code)) << static_cast<unsigned>(code);
}

TEST(Unicode, LowerCaseLooksAtOneCharacterAlone) {
  std::string text;
  for (const char32_t code : {U'A', U'É', U'Σ', U'İ', U'ẞ', U'ǅ', U'1', U'\U00010400'}) append_lower_case(code, text);
  EXPECT_EQ(text, "aéσi\u0307ßǆ1\U00010428");
}

}  // namespace
}  // namespace sharcs::internal::unicode_test
