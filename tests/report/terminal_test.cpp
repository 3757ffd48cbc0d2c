#include "report/terminal.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <vector>

namespace sharcs::internal::terminal_test {
namespace {

TEST(BlockElements, ColumnsAreWhatATerminalGivesACharacter) {
  EXPECT_EQ(columns_of(""), 0);
  EXPECT_EQ(columns_of("abc"), 3);
  EXPECT_EQ(columns_of("é█–"), 3);
  EXPECT_EQ(columns_of("e\u0301"), 1) << "a combining accent";
  EXPECT_EQ(columns_of("映画"), 4);
  EXPECT_EQ(columns_of("a\xff"
                       "b"),
            3)
      << "an invalid byte counts as one character";
}

TEST(BlockElements, TextIsCutBetweenCharacters) {
  EXPECT_EQ(cut_to_columns("sentence", 8), "sentence");
  EXPECT_EQ(cut_to_columns("sentence", 4), "sen…");
  EXPECT_EQ(cut_to_columns("映画映画", 6), "映画…");
  EXPECT_EQ(cut_to_columns("éééé", 3), "éé…");
  EXPECT_EQ(cut_to_columns("abc", 0), "");
  for (int columns = 0; columns < 12; ++columns)
    EXPECT_LE(columns_of(cut_to_columns("a映e\u0301画bcd", columns)), columns);
}

TEST(BlockElements, ControlCharactersBecomeBlanks) {
  EXPECT_EQ(printable("a\x1b[31mb\n\tc\x7f\u009b"), "a [31mb  c  ");
  EXPECT_EQ(printable("naïve 映"), "naïve 映");
}

TEST(BlockElements, BarsFillEighthsOfAColumn) {
  EXPECT_EQ(bar(0, 3), "   ");
  EXPECT_EQ(bar(0.5, 3), "█▌ ");
  EXPECT_EQ(bar(1.0 / 24, 3), "▏  ");
  EXPECT_EQ(bar(1, 3), "███");
  EXPECT_EQ(bar(7, 3), "███");
}

TEST(BlockElements, SparklinesGoFromTheLeastToTheGreatest) {
  constexpr double nan = std::numeric_limits<double>::quiet_NaN();
  EXPECT_EQ(sparkline(std::vector{1.0, 2.0, 3.0}), "▁▅█");
  EXPECT_EQ(sparkline(std::vector{3.0, nan, 1.0}), "█ ▁");
  EXPECT_EQ(sparkline(std::vector{2.0, 2.0}), "▅▅") << "no range: the middle";
  EXPECT_EQ(sparkline(std::vector{nan}), " ");
  EXPECT_EQ(sparkline(std::vector<double>{}), "");
  EXPECT_EQ(sparkline(std::vector{0.0, 0.5, 2.0}, 0, 1), "▁▅█");
}

}  // namespace
}  // namespace sharcs::internal::terminal_test
