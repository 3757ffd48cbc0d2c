#include "io/utf8.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sharcs/error.hpp"

namespace sharcs::internal::utf8_test {
namespace {

TEST(Utf8, AcceptsEveryLengthAndTheEdgesOfEachRange) {
  for (const std::string_view text :
       {"", "plain", "\xC2\x80", "\xDF\xBF", "\xE0\xA0\x80", "\xED\x9F\xBF", "\xEE\x80\x80", "\xEF\xBF\xBF",
        "\xF0\x90\x80\x80", "\xF4\x8F\xBF\xBF", "größe, 東京, 🦈"})
    EXPECT_EQ(find_invalid_utf8(text), std::string_view::npos) << text;
}

TEST(Utf8, FindsTheFirstByteThatIsNotUtf8) {
  EXPECT_EQ(find_invalid_utf8("caf\xE9"), 3u);
  EXPECT_EQ(find_invalid_utf8("more than eight bytes\x80"), 21u);
  EXPECT_EQ(find_invalid_utf8("a\xE9z", 2), std::string_view::npos);
  for (const std::string_view bad :
       {"\x80", "\xC0\x80", "\xC1\xBF", "\xE0\x9F\xBF", "\xED\xA0\x80", "\xF0\x8F\xBF\xBF", "\xF4\x90\x80\x80",
        "\xF5\x80\x80\x80", "\xFF", "\xC2", "\xE2\x82", "\xF0\x9F\xA6"})
    EXPECT_EQ(find_invalid_utf8(bad), 0u);
}

// The example of the Unicode Standard 15.0, table 3-11.
TEST(Utf8, ReplacesEachMaximalPart) {
  std::string text = "\x61\xF1\x80\x80\xE1\x80\xC2\x62\x80\x63\x80\xBF\x64";
  EXPECT_EQ(replace_invalid_utf8(text), 6u);
  EXPECT_EQ(text, "a\uFFFD\uFFFD\uFFFDb\uFFFDc\uFFFD\uFFFDd");
}

TEST(Utf8, LeavesGoodTextAlone) {
  std::string text = "größe";
  EXPECT_EQ(replace_invalid_utf8(text), 0u);
  EXPECT_EQ(replace_invalid_text(text), 0u);
  EXPECT_EQ(text, "größe");
}

TEST(Utf8, TextFilesHoldNoNul) {
  std::string text("a\0\xE9\0b", 5);
  EXPECT_EQ(find_invalid_utf8(text), 2u);
  EXPECT_EQ(find_invalid_text(text), 1u);
  EXPECT_EQ(find_invalid_text("größe"), std::string_view::npos);
  EXPECT_EQ(invalid_text_message(text, 1), "NUL at byte 2 of the line is not UTF-8 text");
  EXPECT_EQ(invalid_text_message(text, 2), "0xe9 at byte 3 of the line is not UTF-8 text");
  EXPECT_EQ(replace_invalid_text(text), 3u);
  EXPECT_EQ(text, "a\uFFFD\uFFFD\uFFFDb");
}

TEST(Utf8, KnowsByteOrderMarks) {
  EXPECT_EQ(byte_order_mark_size("\uFEFFa", "f"), 3u);
  EXPECT_EQ(byte_order_mark_size("a\uFEFF", "f"), 0u);
  EXPECT_EQ(byte_order_mark_size("\xEF\xBB", "f"), 0u);
  EXPECT_EQ(byte_order_mark_size("", "f"), 0u);
  for (const std::string_view text : {"\xFF\xFE", "\xFE\xFFz"})
    EXPECT_THAT([&] { byte_order_mark_size(text, "f"); },
                ::testing::ThrowsMessage<DataError>(::testing::StartsWith("f: is UTF-16; expected UTF-8")));
}

}  // namespace
}  // namespace sharcs::internal::utf8_test
