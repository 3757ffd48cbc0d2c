#include "core/quote.hpp"

#include <gtest/gtest.h>

namespace sharcs::internal::quote_test {
namespace {

TEST(Quote, KeepsAMessageOnOneLine) {
  EXPECT_EQ(quote("os.system"), "\"os.system\"");
  EXPECT_EQ(quote("a\nb\x1b[31m\"\\"), "\"a\\x0ab\\x1b[31m\\\"\\\\\"");
  EXPECT_EQ(quote("größe"), "\"größe\"");
}

TEST(Quote, CutsBetweenCharacters) {
  std::string text;
  for (int i = 0; i < 100; ++i) text += "€";
  std::string shown;
  for (int i = 0; i < 33; ++i) shown += "€";
  EXPECT_EQ(quote(text), "\"" + shown + "…\"");
}

TEST(Quote, CutsLongText) { EXPECT_EQ(quote(std::string(5000, 'x')), "\"" + std::string(100, 'x') + "…\""); }

TEST(Quote, ACellOfTsvHasNeitherTabsNorLineEnds) { EXPECT_EQ(tsv_cell("größe\tof\r\nit"), "größe of  it"); }

TEST(Quote, NamesAreListed) {
  EXPECT_EQ(listed({}), "");
  EXPECT_EQ(listed({"sentence"}), "sentence");
  EXPECT_EQ(listed({"sentence", "label"}), "sentence, label");
  EXPECT_EQ(listed({"a", "b"}, " | "), "a | b");
}

}  // namespace
}  // namespace sharcs::internal::quote_test
