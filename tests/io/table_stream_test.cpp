#include "io/table_stream.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "expect_error.hpp"
#include "io/file.hpp"
#include "io/gzip.hpp"
#include "sharcs/error.hpp"
#include "temporary_folder.hpp"

namespace sharcs::internal::table_stream_test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

/// A source that brings `bytes` more of the text each time.
TableStream::Source in_steps(std::string text, std::size_t bytes) {
  return [text = std::move(text), bytes, at = std::size_t{0}](std::string& to) mutable {
    const std::size_t count = std::min(bytes, text.size() - at);
    to.append(text, at, count);
    at += count;
    return count > 0;
  };
}

/// Each row as "line: cell|cell" or "line: problem"; what ended the reading is the last entry.
template <class Next>
std::vector<std::string> rows_of(const Next& next) {
  std::vector<std::string> rows;
  try {
    for (std::optional<Table> table = next(); table; table = next())
      for (std::size_t r = 0; r < table->rows(); ++r) {
        std::string row = std::to_string(table->line(r)) + ": ";
        if (const std::string* problem = table->problem(r)) {
          rows.push_back(row + *problem);
          continue;
        }
        // JSON Lines: a row of the whole table has cells for the keys of later rows, too, all empty.
        std::size_t columns = table->columns(r);
        while (table->has_keys() && columns > 0 && table->cell(r, columns - 1).empty()) --columns;
        for (std::size_t c = 0; c < columns; ++c) row += "|" + std::string(table->cell(r, c));
        rows.push_back(row);
      }
  } catch (const Error& error) {
    rows.emplace_back(error.what());
  }
  return rows;
}

std::vector<std::string> rows_of_stream(TableStream& stream) {
  return rows_of([&] {
    std::optional<Table> table = stream.next();
    if (table) stream.keep_keys(table->keys());
    return table;
  });
}

std::vector<std::string> rows_of_whole(const std::string& text, TableForm form) {
  form.keeps_bad_rows = true;
  bool done = false;
  return rows_of([&]() -> std::optional<Table> {
    if (std::exchange(done, true)) return std::nullopt;
    Table table(TablePiece{.file = "t", .text = text}, form);
    if (table.rows() == 0) throw DataError("t: is empty; expected at least one line of data");
    return table;
  });
}

constexpr TableForm tsv = {.format = TableFormat::tsv};
constexpr TableForm csv = {.format = TableFormat::csv, .quoting = Quoting::rfc4180};
constexpr TableForm json = {.format = TableFormat::json_lines};
constexpr TableForm fasttext = {.format = TableFormat::fasttext};

TEST(TableStream, HasTheRowsOfTheWholeTableWhereverTheTextIsCut) {
  const std::pair<TableForm, std::string> cases[] = {
      {tsv, "a\tb\n1\t2\n\n3\t4\n"},
      {tsv,
       "\xEF\xBB\xBF"
       "a\tb\r\n\r\n1\t2\r\n \t \n3\t\"4\n \t\n\t\n\n"},
      {tsv, "a\tb\rc\td\r"},
      {tsv, "a\tb\nc\rd\te"},
      {tsv,
       "a\n\xff"
       "b\nc\xe2\x80\n"},
      {csv, "id,text\r\n1,\"a, \"\"b\"\"\nc\"\r\n2,d\"e\n,\n\"\",\"\n\n\"\n4,last"},
      {csv, "\xEF\xBB\xBF\"a\nb\",c\n\"x\n\xff\",y\n,,\n\n ,\n"},
      {csv, "\"a\"\n"},
      {csv, "\n\n\n"},
      {csv, ""},
      {{.format = TableFormat::csv, .quoting = Quoting::rfc4180, .delimiter = ';'}, "a;\"b;\n\"\n;c\n"},
      {json, "{\"a\": 1}\n\n{\"b\": \"x\\n\", \"a\": null}\n  \n{\"c\": {\"d\": 1}, \"a\": \"y\"}"},
      {json, "{\"a\": 1}\nnot json\n[1]\n{\"b\": \"\xff\"}\n{\"a\": 2}\n"},
      {fasttext, "__label__a x y\n\nz\n__label__a __label__b c\n__label__b d"},
      {fasttext, "\n \n"}};
  for (const auto& [form, text] : cases) {
    const std::vector<std::string> expected = rows_of_whole(text, form);
    for (const std::size_t bytes : {1, 2, 3, 5, 8, 1000}) {
      TableStream stream("t", in_steps(text, bytes), form);
      EXPECT_EQ(rows_of_stream(stream), expected) << text << " in steps of " << bytes;
      EXPECT_TRUE(stream.at_end());
    }
  }
}

TEST(TableStream, GivesARowAsSoonAsItHasCome) {
  // A step is a line: the source is asked for another one only after the first has been handed out.
  std::size_t steps = 0;
  TableStream stream(
      "t",
      [&](std::string& text) {
        text += "row " + std::to_string(++steps) + "\n";
        return true;  // as tail -f: without an end
      },
      tsv);
  for (std::size_t row = 1; row <= 5; ++row) {
    const std::optional<Table> table = stream.next();
    ASSERT_EQ(table->rows(), 1u);
    EXPECT_EQ(table->cell(0, 0), "row " + std::to_string(row));
    EXPECT_EQ(table->line(0), row);
    EXPECT_EQ(steps, row);
  }
}

TEST(TableStream, KeysOfRowsBeforeMayKeepTheirColumns) {
  TableStream stream("t", in_steps("{\"a\": 1, \"b\": 2}\n{\"b\": 3, \"c\": 4}\n", 17), json);
  EXPECT_THAT(stream.next()->keys(), ElementsAre("a", "b"));
  stream.keep_keys({"a", "b"});
  const std::optional<Table> second = stream.next();
  EXPECT_THAT(second->keys(), ElementsAre("a", "b", "c"));
  EXPECT_EQ(second->cell(0, 1), "3");
}

TEST(TableStream, KeysThatAreNotKeptAreForgotten) {
  TableStream stream("t", in_steps("{\"a\": 1, \"b\": 2}\n{\"b\": 3, \"c\": 4}\n{\"a\": 5}\n", 17), json);
  EXPECT_EQ(stream.next()->rows(), 1u);
  stream.keep_keys({"b"});
  const std::optional<Table> second = stream.next();
  EXPECT_THAT(second->keys(), ElementsAre("b", "c"));
  EXPECT_EQ(second->cell(0, 0), "3");
}

TEST(TableStream, RowsThatArePutBackComeAgainWithThoseThatFollow) {
  TableStream stream("t", in_steps("{\"a\": 1}\n{\"b\": 2}\n{\"c\": 3}\n", 9), json);
  EXPECT_EQ(stream.next()->rows(), 1u);
  stream.put_back();
  const std::optional<Table> both = stream.next();
  EXPECT_EQ(both->rows(), 2u);
  EXPECT_THAT(both->keys(), ElementsAre("a", "b"));
  EXPECT_EQ(both->line(1), 2u);
  EXPECT_EQ(stream.next()->line(0), 3u);
  EXPECT_FALSE(stream.next());
}

TEST(TableStream, RowsBeforeAQuoteThatIsNeverClosedAreHandedOut) {
  for (const std::size_t bytes : {3, 1000}) {
    TableStream stream("t", in_steps("a,b\nc,d\n\"e,f\ng,h\n", bytes), csv);
    EXPECT_THAT(rows_of_stream(stream),
                ElementsAre("1: |a|b", "2: |c|d", "t:3: the quote that opens column 1 is never closed"));
  }
  TableStream stream("t", in_steps("a,b\n\"c\"d,e\nf,g\n", 1000), csv);
  EXPECT_THAT(rows_of_stream(stream), ElementsAre("1: |a|b", HasSubstr("t:2: found \"d\" after the closing quote")));
}

TEST(TableStream, Utf16IsRefused) {
  TableStream stream("t",
                     in_steps(std::string("\xFF\xFE"
                                          "a\0\n\0",
                                          6),
                              2),
                     tsv);
  EXPECT_THAT(rows_of_stream(stream), ElementsAre(HasSubstr("t: is UTF-16; expected UTF-8")));
}

TEST(TableStream, ReadsFilesAndGzip) {
  const TemporaryFolder folder;
  write_file_atomically(folder / "plain", "a\tb\nc\td\n");
  write_file_atomically(folder / "packed", gzipped("a\tb\nc\td\n"));
  for (const char* name : {"plain", "packed"}) {
    TableStream stream(folder / name, tsv);
    EXPECT_THAT(rows_of_stream(stream), ElementsAre("1: |a|b", "2: |c|d"));
  }
}

}  // namespace
}  // namespace sharcs::internal::table_stream_test
