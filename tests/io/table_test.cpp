#include "io/table.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "expect_error.hpp"
#include "io/file.hpp"
#include "temporary_folder.hpp"

namespace sharcs::internal {
namespace {

using testing::ElementsAre;
using Row = std::vector<std::string>;

class TableFile : public testing::Test {
 protected:
  Table open(const std::string& content, TableFormat format, Quoting quoting = Quoting::none,
             InvalidText invalid_text = InvalidText::refuse) {
    write_file_atomically(folder_ / "a.table", content);
    return {folder_ / "a.table", format, quoting, invalid_text};
  }

  TemporaryFolder folder_;
};

std::vector<Row> rows_of(const Table& table) {
  std::vector<Row> rows;
  for (std::size_t r = 0; r < table.rows(); ++r) {
    Row row;
    for (std::size_t c = 0; c < table.columns(r); ++c) row.emplace_back(table.cell(r, c));
    rows.push_back(row);
  }
  return rows;
}

TEST_F(TableFile, IsCutAtLineEndsAndDelimiters) {
  EXPECT_THAT(rows_of(open("a\tb,c\r\n\r\n\"d\t\n", TableFormat::tsv)), ElementsAre(Row{"a", "b,c"}, Row{"\"d", ""}));
  EXPECT_THAT(rows_of(open("a,b\tc\nd", TableFormat::csv)), ElementsAre(Row{"a", "b\tc"}, Row{"d"}));
}

TEST_F(TableFile, QuotedCellsHoldDelimitersQuotesAndLineEnds) {
  const Table table = open("\"a,\"\"b\"\"\",c\n\"d\ne\",f\ng,h\n", TableFormat::csv, Quoting::rfc4180);
  EXPECT_THAT(rows_of(table), ElementsAre(Row{"a,\"b\"", "c"}, Row{"d\ne", "f"}, Row{"g", "h"}));
  EXPECT_EQ(table.line(2), 4u);
}

TEST_F(TableFile, KeysOfJsonLinesAreItsColumns) {
  const Table table = open("{\"a\": \"x\", \"b\": 1.50}\n\n{\"c\": [1], \"b\": null}\n", TableFormat::json_lines);
  EXPECT_THAT(table.keys(), ElementsAre("a", "b", "c"));
  EXPECT_EQ(table.cell(0, 1), "1.5");
  EXPECT_EQ(table.cell(0, 2), "");
  EXPECT_EQ(table.cell(1, 1), "");
  EXPECT_TRUE(table.is_nested(1, 2));
  EXPECT_FALSE(table.is_nested(0, 0));
  EXPECT_EQ(table.line(1), 3u);
}

TEST_F(TableFile, CellsStayWhereTheyAreWhenTheTableIsMoved) {
  Table table = open("a\tb\n", TableFormat::tsv);
  const Table moved = std::move(table);
  EXPECT_EQ(moved.cell(0, 1), "b");
}

TEST_F(TableFile, BytesThatAreNoTextAreRefusedOrReplacedAndCounted) {
  const std::string content("a\tb\nc\xFF\t\0\n", 9);
  EXPECT_EQ(message_of<DataError>([&] { open(content, TableFormat::tsv); }),
            (folder_ / "a.table").string() + ":2: 0xff at byte 2 of the line is not UTF-8 text");
  const Table table = open(content, TableFormat::tsv, Quoting::none, InvalidText::replace);
  EXPECT_THAT(rows_of(table), ElementsAre(Row{"a", "b"}, Row{"c\uFFFD", "\uFFFD"}));
  EXPECT_THAT(table.notes(), ElementsAre((folder_ / "a.table").string() +
                                         ": replaced 2 ill-formed UTF-8 sequences by U+FFFD, the first on line 2"));
}

}  // namespace
}  // namespace sharcs::internal
