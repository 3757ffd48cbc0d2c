#include "io/utf8.hpp"

#include <gtest/gtest.h>

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
  EXPECT_EQ(text, "größe");
}

}  // namespace
}  // namespace sharcs::internal::utf8_test
