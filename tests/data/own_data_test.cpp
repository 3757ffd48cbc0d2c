#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "expect_error.hpp"
#include "io/gzip.hpp"
#include "sharcs/task.hpp"
#include "temporary_folder.hpp"

namespace sharcs::internal::own_data_test {
namespace {

using ::testing::ElementsAre;

class OwnData : public ::testing::Test {
 protected:
  std::filesystem::path write(const std::string& name, std::string_view content) {
    const auto file = folder_ / name;
    std::ofstream(file, std::ios::binary) << content;
    return file;
  }
  /// Reads the content as train and dev file, so that nothing is split off.
  TrainingData read(const TaskSpec& spec, const std::string& name, std::string_view content) {
    const auto file = write(name, content);
    return read_training_data(spec, {.train = file, .dev = file});
  }
  template <class E = DataError>
  std::string error(const TaskSpec& spec, const std::string& name, std::string_view content) {
    std::string message = message_of<E>([&] { read(spec, name, content); });
    const std::string prefix = folder_.path().string() + "/";
    for (auto at = message.find(prefix); at != std::string::npos; at = message.find(prefix))
      message.erase(at, prefix.size());
    return message;
  }

  TemporaryFolder folder_;
};

std::vector<std::string> texts_of(const Dataset& dataset) {
  std::vector<std::string> texts;
  for (const Sample& sample : dataset.samples) texts.push_back(sample.text);
  return texts;
}

TEST_F(OwnData, CsvColumnsByNameWithLabelsFoundInTheFile) {
  const TrainingData data = read({.text = "review", .label = "stars"}, "reviews.csv",
                                 "stars,date,review\n10,2020,good\n2,2021,\"bad, really\"\n-1,2021,worst\n");
  EXPECT_THAT(data.task.labels(), ElementsAre("-1", "2", "10"));
  EXPECT_THAT(texts_of(data.train), ElementsAre("good", "bad, really", "worst"));
  EXPECT_EQ(data.train.samples[0].label, 2);
  EXPECT_EQ(data.task.outputs(), 3u);
}

TEST_F(OwnData, LabelsThatAreNotAllIntegersAreOrderedByTheirBytes) {
  const TrainingData data = read({}, "a.tsv", "text\tlabel\na\tspam\nb\t10\nc\t9\nd\tham\n");
  EXPECT_THAT(data.task.labels(), ElementsAre("10", "9", "ham", "spam"));
}

TEST_F(OwnData, LabelsThatDifferInSpellingAloneAreRefused) {
  const auto labels = [&](const std::string& lines) { return read({}, "a.csv", "text,label\n" + lines).task.labels(); };
  const auto refusal = [&](const std::string& lines) { return error({}, "a.csv", "text,label\n" + lines); };
  const std::string expected = "; expected one spelling (a label map joins them), or all labels to be listed";
  EXPECT_EQ(refusal("a,neg\nb,pos\nc,Neg\n"), "a.csv: has the labels \"Neg\" and \"neg\"" + expected);
  EXPECT_EQ(refusal("a,0\nb,1\nc,1.0\n"), "a.csv: has the labels \"1\" and \"1.0\"" + expected);
  EXPECT_EQ(refusal("a,0\nb,1\nc,nan\n"),
            "a.csv: has the label \"nan\" among numbers; expected a class on each line, or all labels to be listed");
  EXPECT_THAT(labels("a,nan\nb,roti\n"), ElementsAre("nan", "roti"));
  EXPECT_EQ(refusal("a,nan\nb,nan\n"),
            "a.csv: all 2 samples have the label \"nan\"; training needs at least two classes");
  EXPECT_THAT(labels("a,1.0\nb,1.5\n"), ElementsAre("1.0", "1.5"));
  EXPECT_EQ(read({.labels = {"neg", "Neg"}}, "a.csv", "text,label\na,neg\nb,Neg\n").train.size(), 2u);
}

TEST_F(OwnData, Rfc4180QuotesHoldDelimitersQuotesAndLineEnds) {
  const TrainingData data = read(
      {}, "a.csv", "text,label\r\n\"a \"\"quoted\"\" one\",1\r\n\"two\r\nlines, one cell\",0\r\n\r\nplain,\"1\"\r\n");
  EXPECT_THAT(texts_of(data.train), ElementsAre("a \"quoted\" one", "two\r\nlines, one cell", "plain"));
  EXPECT_EQ(data.train.samples[1].line, 3u);
  EXPECT_EQ(data.train.samples[2].line, 6u);
}

TEST_F(OwnData, TsvWithQuotesWhenAskedFor) {
  const char* content = "text\tlabel\n\"a\tb\"\t1\n\"c\"\t0\n";
  EXPECT_THAT(texts_of(read({.quoting = Quoting::rfc4180}, "a.tsv", content).train), ElementsAre("a\tb", "c"));
  EXPECT_EQ(error({}, "a.tsv", content), "a.tsv:2: expected 2 columns (text, label), found 3");
}

TEST_F(OwnData, BrokenQuotesNameTheirLine) {
  EXPECT_EQ(error({}, "a.csv", "text,label\na,1\n\"b,0\nc,1\n"),
            "a.csv:3: the quote that opens column 1 is never closed");
  EXPECT_EQ(error({}, "a.csv", "text,label\n\"a\"b,1\n"),
            "a.csv:2: found \"b\" after the closing quote of column 1; expected the delimiter or the end of the line");
}

TEST_F(OwnData, JsonLinesTakeKeysInAnyOrderAndNumbersAsLabels) {
  const TrainingData data = read({.text = "t", .pair = "u", .label = "y"}, "a.jsonl",
                                 "{\"y\": 1, \"t\": \"gr\\u00f6\\u00dfe\", \"u\": \"b\", \"more\": [1, 2]}\n\n"
                                 "{\"t\": \"line\\nend\", \"u\": \"d\", \"y\": 0}\n");
  EXPECT_THAT(texts_of(data.train), ElementsAre("größe", "line\nend"));
  EXPECT_EQ(data.train.samples[1].pair, "d");
  EXPECT_EQ(data.train.samples[0].label, 1);
  EXPECT_EQ(data.train.samples[1].line, 3u);
}

TEST_F(OwnData, JsonBooleansAreLabels) {
  EXPECT_THAT(read({}, "a.ndjson", "{\"text\":\"a\",\"label\":true}\n{\"text\":\"b\",\"label\":false}").task.labels(),
              ElementsAre("false", "true"));
}

TEST_F(OwnData, BrokenJsonNamesLineAndKey) {
  EXPECT_EQ(error({}, "a.jsonl", "{\"text\": \"a\", \"label\": 1}\n{\"text\": \"a\"\n"),
            "a.jsonl:2: is not JSON (at byte 13 of the line); expected one object a line");
  EXPECT_EQ(error({}, "a.jsonl", "[1, 2]\n"), "a.jsonl:1: is a JSON array; expected one object a line");
  EXPECT_EQ(error({}, "a.jsonl", "[\n{\"text\": \"a\", \"label\": 1}\n]\n"),
            "a.jsonl:1: is only the beginning of a JSON array; expected one object a line");
  EXPECT_EQ(error({}, "a.jsonl", "{\n\"text\": \"a\", \"label\": 1}\n"),
            "a.jsonl:1: is only the beginning of a JSON object; expected one object a line");
  EXPECT_EQ(error({}, "a.jsonl", "{\"text\": " + std::string(300, '[') + "}\n"),
            "a.jsonl:1: has too many lists and objects inside each other; expected one JSON object a line");
  EXPECT_EQ(error({}, "a.jsonl", "{\"text\": \"a\", \"label\": 1e999}\n"),
            "a.jsonl:1: holds a number out of range; expected one JSON object a line");
  EXPECT_EQ(error({}, "a.jsonl", "{\"text\": \"a\", \"label\": 1}\n{\"text\": null, \"label\": 1}\n"),
            "a.jsonl:2: no text under \"text\"");
  EXPECT_EQ(error({}, "a.jsonl", "{\"text\": \"a\", \"label\": 1}\n{\"text\": [\"b\"], \"label\": 1}\n"),
            "a.jsonl:2: the text \"text\" is a list or an object; expected text");
  EXPECT_EQ(error({}, "a.jsonl", "{\"sentence\": \"a\", \"label\": 1}\n"),
            "a.jsonl:1: no column \"text\"; found \"sentence\", \"label\"");
  EXPECT_EQ(error({}, "a.jsonl", "{\"text\": \"a\", \"label\": 1}\n{\"text\": \"b\"}\n"),
            "a.jsonl:2: no label in column \"label\"");
}

TEST_F(OwnData, ColumnsByPositionWithAndWithoutHeader) {
  const TaskSpec spec = {.text = Column::at(2), .label = Column::at(1)};
  EXPECT_THAT(texts_of(read(spec, "a.tsv", "1\ta\n0\tb\n1\tc\n").train), ElementsAre("a", "b", "c"));
  EXPECT_THAT(texts_of(read(spec, "a.tsv", "label\tsomething\n1\ta\n0\tb\n").train), ElementsAre("a", "b"));
  EXPECT_THAT(texts_of(read(spec, "a.tsv", "quality\tsomething\n1\ta\n0\tb\n").train), ElementsAre("a", "b"));
  EXPECT_THAT(texts_of(read(spec, "a.tsv", "yes\ta\nno\tb\nyes\tc\n").train), ElementsAre("a", "b", "c"));
  EXPECT_EQ(error(spec, "a.tsv", "maybe\ta\nno\tb\nyes\tc\nyes\td\n"),
            "a.tsv:1: its label \"maybe\" occurs on no other line, so that it may be a header or data; say which");
  TaskSpec with_header = spec, without = spec;
  with_header.header = Header::yes;
  without.header = Header::no;
  EXPECT_EQ(read(with_header, "a.tsv", "maybe\ta\nno\tb\nyes\tc\nyes\td\n").train.size(), 3u);
  EXPECT_EQ(read(without, "a.tsv", "maybe\ta\nno\tb\nyes\tc\nyes\td\n").train.size(), 4u);
  EXPECT_EQ(error({.text = Column::at(3), .label = Column::at(1)}, "a.tsv", "1\ta\n0\tb\n"),
            "a.tsv:1: no column 3; found 2 columns");
}

TEST_F(OwnData, AFirstRowThatCountsTheColumnsIsAHeader) {
  const TaskSpec spec = {.text = Column::at(2), .label = Column::at(1)};
  EXPECT_THAT(texts_of(read(spec, "a.csv", "1,2\n1,a\n0,b\n").train), ElementsAre("a", "b"));
  EXPECT_THAT(texts_of(read(spec, "a.csv", "1,2,3\n1,a,x\n0,b,y\n").train), ElementsAre("a", "b"));
  EXPECT_THAT(texts_of(read({.text = Column("2"), .label = Column("1")}, "a.csv", "0,1,2\nx,1,a\ny,0,b\n").train),
              ElementsAre("a", "b"));
  EXPECT_EQ(error(spec, "a.csv", "0,1\n1,a\n0,b\n"),
            "a.csv:1: \"1\" is the name of column 2 and also a position; write \"name:1\" for the name, \"name:0\" for "
            "the position");
  EXPECT_THAT(texts_of(read(spec, "a.csv", "1,3\n1,a\n0,b\n").train), ElementsAre("3", "a", "b"));
  TaskSpec without = spec;
  without.header = Header::no;
  EXPECT_THAT(texts_of(read(without, "a.csv", "1,2\n1,a\n0,b\n").train), ElementsAre("2", "a", "b"));
}

TEST_F(OwnData, RegressionTargetsAreNumbers) {
  const TaskSpec spec = {
      .kind = TaskKind::regression, .text = Column::at(1), .pair = Column::at(2), .label = Column::at(3)};
  const TrainingData data = read(spec, "a.tsv", "a\tb\tscore\nc\td\t-1.5e1\ne\tf\t+2\n");
  EXPECT_EQ(data.train.samples[0].targets, std::vector<double>{-15});
  EXPECT_EQ(data.train.samples[1].targets, std::vector<double>{2});
  EXPECT_EQ(data.train.samples[0].pair, "d");
  EXPECT_EQ(data.task.outputs(), 1u);
  EXPECT_THAT(data.task.metrics(), ElementsAre(Metric("pearson"), Metric("spearman")));
  const TaskSpec named = {.kind = TaskKind::regression, .label = "y"};
  EXPECT_EQ(error(named, "a.csv", "text,y\na,1\nb,x\n"), "a.csv:3: the target is \"x\"; expected a finite number");
  EXPECT_EQ(error(named, "a.csv", "text,y\na,1\nb,NaN\n"), "a.csv:3: the target is \"NaN\"; expected a finite number");
  EXPECT_EQ(error(named, "a.csv", "text,y\na,1\nb,1e999\n"),
            "a.csv:3: the target is \"1e999\"; expected a finite number");
  EXPECT_EQ(error(named, "a.csv", "text,y\na,2\nb,2\n"),
            "a.csv: all 2 samples have the same target; training needs different ones");
}

TEST_F(OwnData, ARegressionMayHaveSeveralNumbersATextIfTheyHaveNames) {
  const TaskSpec spec = {.kind = TaskKind::regression, .label = "y", .labels = {"joy", "anger"}};
  const TrainingData data = read(spec, "a.csv", "text,y\na,\"1.5, -2\"\nb,\"0,1e1\"\n");
  EXPECT_EQ(data.train.samples[0].targets, (std::vector<double>{1.5, -2}));
  EXPECT_EQ(data.train.samples[1].targets, (std::vector<double>{0, 10}));
  EXPECT_EQ(data.task.outputs(), 2u);
  EXPECT_THAT(data.task.labels(), ElementsAre("joy", "anger"));
  EXPECT_THAT(data.task.metrics(), ElementsAre(Metric("pearson"), Metric("spearman")));
  TaskSpec other = spec;
  other.label_separator = '|';
  EXPECT_EQ(read(other, "a.tsv", "text\ty\na\t1|2\nb\t3|4\n").train.samples[1].targets, (std::vector<double>{3, 4}));
  TaskSpec placed = {.kind = TaskKind::regression, .text = Column::at(1), .label = Column::at(2), .labels = {"a", "b"}};
  EXPECT_THAT(texts_of(read(placed, "a.tsv", "x\t1,2\ny\t3,4\n").train), ElementsAre("x", "y"));
  EXPECT_THAT(texts_of(read(placed, "a.tsv", "words\tvalues\nx\t1,2\ny\t3,4\n").train), ElementsAre("x", "y"));

  EXPECT_EQ(error(spec, "a.csv", "text,y\na,\"1,2\"\nb,3\n"),
            "a.csv:3: 1 target under \"y\"; expected 2, \"joy\", \"anger\"");
  EXPECT_EQ(error(spec, "a.csv", "text,y\na,\"1,2\"\nb,\"1,2,3\"\n"),
            "a.csv:3: 3 targets under \"y\"; expected 2, \"joy\", \"anger\"");
  EXPECT_EQ(error(spec, "a.csv", "text,y\na,\"1,2\"\nb,\"1,high\"\n"),
            "a.csv:3: the target is \"high\"; expected a finite number");
  EXPECT_EQ(error(spec, "a.csv", "text,y\na,\"1,2\"\nb,\"1,,2\"\n"),
            "a.csv:3: the targets under \"y\" are \"1,,2\", with an empty one between the others; expected labels");
  EXPECT_EQ(error(spec, "a.csv", "text,y\na,\"1,2\"\nb,\n"), "a.csv:3: no label in column \"y\"");
  // A comma may be a decimal one: without names a cell is one number.
  EXPECT_EQ(error({.kind = TaskKind::regression, .label = "y"}, "a.csv", "text,y\na,\"3,5\"\nb,1\n"),
            "a.csv:2: the target is \"3,5\"; expected a finite number");
}

TEST_F(OwnData, TargetsInListsOfJsonAreCounted) {
  const TaskSpec spec = {.kind = TaskKind::regression};
  const TrainingData data =
      read(spec, "a.jsonl", "{\"text\": \"a\", \"label\": [1, 2.5, -3]}\n{\"text\": \"b\", \"label\": [0, 0, 1e1]}\n");
  EXPECT_THAT(data.task.labels(), ElementsAre("0", "1", "2"));
  EXPECT_EQ(data.train.samples[0].targets, (std::vector<double>{1, 2.5, -3}));
  EXPECT_EQ(
      read(spec, "a.jsonl", "{\"text\": \"a\", \"label\": [1]}\n{\"text\": \"b\", \"label\": 2}\n").task.outputs(), 1u);
  EXPECT_EQ(error(spec, "a.jsonl", "{\"text\": \"a\", \"label\": [1, 2]}\n{\"text\": \"b\", \"label\": 2}\n"),
            "a.jsonl:2: 1 target under \"label\"; expected 2, \"0\", \"1\"");
  EXPECT_EQ(error(spec, "a.jsonl", "{\"text\": \"a\", \"label\": [1, 2]}\n{\"text\": \"b\", \"label\": [1, null]}\n"),
            "a.jsonl:2: the targets under \"label\" have null; expected a label");
}

TEST_F(OwnData, DevMayHaveOnlyTheLabelsOfTrain) {
  const auto train = write("train.csv", "text,label\na,x\nb,y\n"), dev = write("dev.csv", "text,label\na,x\nb,z\n");
  const std::string message = message_of<DataError>([&] { read_training_data({}, {.train = train, .dev = dev}); });
  EXPECT_EQ(message, dev.string() + ":3: unknown label \"z\"; expected one of \"x\", \"y\"");
}

TEST_F(OwnData, LabelsOfTheSpecKeepTheirOrder) {
  const TrainingData data = read({.labels = {"y", "x", "rare"}}, "a.csv", "text,label\na,x\nb,y\n");
  EXPECT_THAT(data.task.labels(), ElementsAre("y", "x", "rare"));
  EXPECT_EQ(data.train.samples[0].label, 1);
}

TEST_F(OwnData, StoredLabelsReadTestFilesWithAndWithoutTheLabelColumn) {
  const Task task = Task::custom({.text = "text", .label = "label", .labels = {"no", "yes"}});
  EXPECT_EQ(task.read_file(write("a.csv", "text,label\na,yes\n"), Split::test).samples[0].label, 1);
  EXPECT_FALSE(task.read_file(write("b.csv", "text\na\n"), Split::test).labelled());
  const Task by_position = Task::custom({.text = Column::at(1), .labels = {"no", "yes"}});
  EXPECT_EQ(by_position.read_file(write("c.tsv", "a\nb\n"), Split::test).size(), 2u);
  EXPECT_EQ(by_position.read_file(write("c.tsv", "text\na\nb\n"), Split::test).size(), 2u);
  EXPECT_EQ(message_of<DataError>([&] { task.read_file(write("d.csv", "text\na\n"), Split::dev); }),
            (folder_ / "d.csv").string() + ":1: no column \"label\"; found \"text\"");
}

TEST_F(OwnData, AShareOfEveryLabelBecomesDevWhenNoneIsGiven) {
  std::string content = "text,label\n";
  for (int i = 0; i < 200; ++i) content += std::to_string(i) + (i % 10 == 0 ? ",rare\n" : ",frequent\n");
  const auto train = write("train.csv", content);
  const TrainingData data = read_training_data({}, {.train = train, .split = {.dev_share = 0.1, .seed = 3}});
  EXPECT_THAT(label_counts(data.train, 2), ElementsAre(162u, 18u));
  EXPECT_THAT(label_counts(data.dev, 2), ElementsAre(18u, 2u));
}

TEST_F(OwnData, OneLineOneClassAndTooManyLabelsAreRefused) {
  EXPECT_EQ(error({}, "a.csv", "text,label\na,1\n"), "a.csv: 1 sample; training needs at least 2");
  EXPECT_EQ(error({}, "a.csv", "text,label\na,1\nb,1\n"),
            "a.csv: all 2 samples have the label \"1\"; training needs at least two classes");
  const auto two = write("two.csv", "text,label\na,1\nb,0\n");
  EXPECT_EQ(message_of<DataError>([&] { read_training_data({}, {.train = two}); }),
            two.string() + ": 2 samples are too few to split off a dev set; expected at least 2 of one label");
  std::string content = "text,label\n";
  for (int i = 0; i < 100; ++i) content.append("t,0.").append(std::to_string(i)).append("\n");
  EXPECT_EQ(error({}, "a.csv", content),
            "a.csv: 100 different labels in 100 lines; expected classes (for numbers, choose regression)");
}

TEST_F(OwnData, MetricsSuitTheKindUnlessGiven) {
  EXPECT_THAT(read({}, "a.csv", "text,label\na,0\nb,1\n").task.metrics(),
              ElementsAre(Metric("accuracy"), Metric("f1"), Metric("matthews")));
  EXPECT_THAT(read({}, "a.csv", "text,label\na,0\nb,1\nc,2\n").task.metrics(),
              ElementsAre(Metric("accuracy"), Metric("macro_f1")));
  EXPECT_THAT(read({.metrics = {"accuracy"}}, "a.csv", "text,label\na,0\nb,1\n").task.metrics(),
              ElementsAre(Metric("accuracy")));
}

TEST_F(OwnData, ContradictingSpecsAreRefused) {
  const auto message = [](const TaskSpec& spec) { return message_of<ConfigError>([&] { (void)Task::custom(spec); }); };
  EXPECT_EQ(message({}), "task \"own data\" is a classification without labels; expected at least two");
  EXPECT_EQ(message({.labels = {"a"}}), "task \"own data\" has one label, \"a\"; expected at least two");
  EXPECT_EQ(message({.labels = {"a", "a"}}), "task \"own data\" has a label twice");
  EXPECT_EQ(message({.kind = TaskKind::regression, .labels = {"a"}}),
            "task \"own data\" has one label, \"a\"; expected none for one number, or a name for each of several");
  EXPECT_EQ(message({.header = Header::no, .labels = {"a", "b"}}),
            "task \"own data\": column \"text\" is given by name, but there is no header");
  EXPECT_EQ(message({.text = Column::at(1), .format = TableFormat::json_lines, .labels = {"a", "b"}}),
            "task \"own data\": JSON Lines have no positions; give columns by name");
  EXPECT_EQ(message({.labels = {"a", "b"}, .metrics = {"pearson"}}),
            "task \"own data\" is a classification; pearson is not a metric of it");
  EXPECT_EQ(error<ConfigError>({}, "a.dat", "text,label\n"),
            "a.dat: the extension \".dat\" does not tell the format; expected .tsv, .txt, .csv, .jsonl, .ndjson or "
            ".json, or a format that is given");
  message_of<ConfigError>([] { (void)Column::at(0); });
}

TEST(ColumnOfACommandLine, IsAPositionWhenItIsANumber) {
  EXPECT_EQ(Column::parse("3").index(), 2u);
  EXPECT_EQ(*Column::parse("3rd").name(), "3rd");
  EXPECT_EQ(*Column::parse("text").name(), "text");
}

TEST_F(OwnData, BadLinesAreLeftOutWhereTheyAreSkipped) {
  const auto file = write("a.csv", "text,label\na,good\n,bad\nb\nc,bad\n\"\xff\",good\nd,\n");
  const TrainingData data = read_training_data({}, {.train = file, .dev = file, .read = {.on_error = OnError::skip}});
  EXPECT_THAT(data.task.labels(), ElementsAre("bad", "good"));
  EXPECT_THAT(texts_of(data.train), ElementsAre("a", "c"));
  const std::string place = file.string();
  ASSERT_EQ(data.train.bad_lines.size(), 4u);
  EXPECT_EQ(data.train.bad_lines[0].problem, place + ":3: no text in column \"text\"");
  EXPECT_EQ(data.train.bad_lines[1].problem, place + ":4: expected 2 columns (text, label), found 1");
  EXPECT_EQ(data.train.bad_lines[2].line, 6u);
  EXPECT_EQ(data.train.bad_lines[3].problem, place + ":7: no label in column \"label\"");
  const auto bad = write("b.jsonl", "{\nx\n");
  EXPECT_THAT(message_of<DataError>([&] { data.task.read_file(bad, Split::test, {.on_error = OnError::skip}); }),
              ::testing::HasSubstr("b.jsonl"));
}

TEST_F(OwnData, DelimitersArePartOfTheTaskAndCanBeOverruled) {
  const TrainingData data = read({.delimiter = ';'}, "a.csv", "text;label\na,b;good\nc;bad\n");
  EXPECT_THAT(texts_of(data.train), ElementsAre("a,b", "c"));
  const auto piped = write("b.csv", "text|label\nx|good\n");
  EXPECT_THAT(texts_of(data.task.read_file(piped, Split::dev, {.delimiter = '|'})), ElementsAre("x"));
  EXPECT_EQ(error<ConfigError>({.delimiter = '"'}, "a.csv", "x\n"),
            "the delimiter is \"\\\"\"; expected one character of ASCII, neither a quotation mark nor a line end");
}

TEST_F(OwnData, ExtensionsAreInAnyCaseAndMayBeCompressed) {
  EXPECT_THAT(texts_of(read({}, "A.JsonL", "{\"text\": \"a\", \"label\": 1}\n{\"text\": \"b\", \"label\": 0}\n").train),
              ElementsAre("a", "b"));
  EXPECT_THAT(texts_of(read({}, "a.CSV.GZ", gzipped("text,label\n\"a,b\",1\nc,2\n")).train), ElementsAre("a,b", "c"));
}

}  // namespace
}  // namespace sharcs::internal::own_data_test
