#include "io/table.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "expect_error.hpp"
#include "io/file.hpp"
#include "io/gzip.hpp"
#include "temporary_folder.hpp"

namespace sharcs::internal::table_test {
namespace {

using ::testing::ElementsAre;
using Row = std::vector<std::string>;

class TableFile : public ::testing::Test {
 protected:
  Table open(const std::string& content, TableFormat format, Quoting quoting = Quoting::none,
             InvalidText invalid_text = InvalidText::refuse) {
    write_file_atomically(folder_ / "a.table", content);
    return {folder_ / "a.table", {.format = format, .quoting = quoting, .invalid_text = invalid_text}};
  }

  Table open(const std::string& content, const TableForm& form) {
    write_file_atomically(folder_ / "a.table", content);
    return {folder_ / "a.table", form};
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

TEST_F(TableFile, PathsLeadThroughJsonObjects) {
  const std::string content = "{\"review\": {\"text\": \"x\", \"by\": {\"age\": 7}}, \"n\": 1}\n{\"n\": 2}\n";
  const Table table =
      open(content, {.format = TableFormat::json_lines, .paths = {"review.text", "review.by.age", "n.x"}});
  EXPECT_THAT(table.keys(), ElementsAre("review", "n", "review.text", "review.by.age"));
  EXPECT_EQ(table.cell(0, 2), "x");
  EXPECT_EQ(table.cell(0, 3), "7");
  EXPECT_EQ(table.cell(1, 2), "");
  EXPECT_EQ(open("{\"a.b\": 1}\n", {.format = TableFormat::json_lines, .paths = {"a.b"}}).cell(0, 0), "1");
  EXPECT_THAT(message_of<DataError>([&] {
                open("{\"a.b\": 1, \"a\": {\"b\": 2}}\n", {.format = TableFormat::json_lines, .paths = {"a.b"}});
              }),
              ::testing::HasSubstr("a.table:1: has two values under \"a.b\""));
}

TEST_F(TableFile, FastTextsLabelsStandBeforeTheText) {
  const Table table = open("__label__good a gem , truly\n\n  __label__not-good\ta mess\r\nno label\n__label__x\n",
                           {.format = TableFormat::fasttext});
  EXPECT_THAT(table.keys(), ElementsAre("label", "text"));
  EXPECT_THAT(rows_of(table),
              ElementsAre(Row{"good", "a gem , truly"}, Row{"not-good", "a mess"}, Row{"", "no label"}, Row{"x", ""}));
  EXPECT_EQ(table.line(1), 3u);
  EXPECT_THAT(message_of<DataError>(
                  [&] { open("__label__a x\n__label__a __label__b x\n", {.format = TableFormat::fasttext}); }),
              ::testing::HasSubstr("a.table:2: has 2 labels, the first ones \"a\" and \"b\"; expected one"));
}

TEST_F(TableFile, CellsMayBeDelimitedByAnotherCharacter) {
  EXPECT_THAT(rows_of(open("a,b;c\n", {.format = TableFormat::csv, .delimiter = ';'})), ElementsAre(Row{"a,b", "c"}));
  EXPECT_THAT(rows_of(open("\"a|b\"|c\n", {.format = TableFormat::csv, .quoting = Quoting::rfc4180, .delimiter = '|'})),
              ElementsAre(Row{"a|b", "c"}));
}

TEST_F(TableFile, IsUnpacked) {
  EXPECT_THAT(rows_of(open(gzipped("a\tb\n"), TableFormat::tsv)), ElementsAre(Row{"a", "b"}));
}

TEST_F(TableFile, BadRowsCanBeKeptWithTheirProblem) {
  const Table json = open("{\"a\": 1}\nnot json\n{\"a\": \"\xff\"}\n[]\n{\"a\": 2}\n",
                          {.format = TableFormat::json_lines, .keeps_bad_rows = true});
  ASSERT_EQ(json.rows(), 5u);
  EXPECT_EQ(json.problem(0), nullptr);
  EXPECT_THAT(*json.problem(1), ::testing::HasSubstr("a.table:2: is not JSON"));
  EXPECT_THAT(*json.problem(2), ::testing::HasSubstr("a.table:3: 0xff at byte 8 of the line is not UTF-8 text"));
  EXPECT_THAT(*json.problem(3), ::testing::HasSubstr("a.table:4: is a JSON array"));
  EXPECT_EQ(json.cell(4, 0), "2");
  EXPECT_TRUE(json.notes().empty());

  // The line that is no text is the second one of its row.
  const Table csv = open("x,\"a\nb\xff\"\ny,c\nz,\xfe\n",
                         {.format = TableFormat::csv, .quoting = Quoting::rfc4180, .keeps_bad_rows = true});
  ASSERT_EQ(csv.rows(), 3u);
  EXPECT_THAT(*csv.problem(0), ::testing::HasSubstr("a.table:2: 0xff"));
  EXPECT_EQ(csv.problem(1), nullptr);
  EXPECT_THAT(*csv.problem(2), ::testing::HasSubstr("a.table:4: 0xfe"));
}

}  // namespace
}  // namespace sharcs::internal::table_test
