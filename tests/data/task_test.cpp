#include "sharcs/task.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "expect_error.hpp"
#include "temporary_folder.hpp"

namespace sharcs::internal::task_test {
namespace {

using namespace std::string_view_literals;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class TaskFile : public ::testing::Test {
 protected:
  std::filesystem::path write(const std::string& name, std::string_view content) {
    const auto file = folder_ / name;
    std::ofstream(file, std::ios::binary) << content;
    return file;
  }
  Dataset read(std::string_view task, std::string_view content, Split split = Split::train,
               const ReadOptions& options = {}) {
    return Task::named(task).read_file(write("train.tsv", content), split, options);
  }
  /// The message without the folder.
  std::string error(std::string_view task, std::string_view content, Split split = Split::train) {
    return without_folder(message_of<DataError>([&] { read(task, content, split); }));
  }
  std::string without_folder(std::string message) const {
    const std::string prefix = folder_.path().string() + "/";
    for (auto at = message.find(prefix); at != std::string::npos; at = message.find(prefix))
      message.erase(at, prefix.size());
    return message;
  }

  TemporaryFolder folder_;
};

std::vector<int> labels_of(const Dataset& dataset) {
  std::vector<int> labels;
  for (const Sample& sample : dataset.samples) labels.push_back(sample.label.value_or(-1));
  return labels;
}

std::vector<std::string> texts_of(const Dataset& dataset) {
  std::vector<std::string> texts;
  for (const Sample& sample : dataset.samples) texts.push_back(sample.text);
  return texts;
}

TEST(TaskNames, AreKnownInManySpellings) {
  for (const char* name : {"sst-2", "SST-2", "sst2", "SST_2", "Sst 2"}) EXPECT_EQ(Task::named(name).name(), "sst-2");
  for (const char* name : {"sts-b", "STS-B", "stsb", "STSB"}) EXPECT_EQ(Task::named(name).name(), "sts-b");
  for (const char* name : {"mnli", "MNLI", "mnli-m", "mnli_matched"}) EXPECT_EQ(Task::named(name).name(), "mnli");
  for (const char* name : {"mnli-mm", "MNLI-MM", "mnli_mismatched"}) EXPECT_EQ(Task::named(name).name(), "mnli-mm");
  EXPECT_THAT(Task::names(), ElementsAre("cola", "sst-2", "mrpc", "sts-b", "qqp", "mnli", "mnli-mm", "qnli", "rte",
                                         "wnli", "ax", "masked-lm"));
  for (const char* name : {"masked-lm", "MaskedLM", "masked_lm"})
    EXPECT_EQ(Task::named(name).kind(), TaskKind::masked_lm);
  for (const std::string& name : Task::names()) EXPECT_EQ(Task::named(name).name(), name);
}

TEST(TaskNames, UnknownOneListsTheKnownOnes) {
  EXPECT_EQ(message_of<ConfigError>([] { Task::named("imdb"); }),
            "unknown task \"imdb\"; expected one of cola, sst-2, mrpc, sts-b, qqp, mnli, mnli-mm, qnli, rte, wnli, ax, "
            "masked-lm");
}

TEST(TaskFacts, AreThoseOfGlue) {
  struct Facts {
    const char* name;
    std::vector<std::string> labels;
    std::vector<Metric> metrics;
    bool pair;
    const char* submission;
  };
  const std::vector<std::string> entailment = {"entailment", "not_entailment"},
                                 mnli = {"entailment", "neutral", "contradiction"};
  const std::vector<Facts> all = {
      {"cola", {"unacceptable", "acceptable"}, {"matthews"}, false, "CoLA.tsv"},
      {"sst-2", {"negative", "positive"}, {"accuracy"}, false, "SST-2.tsv"},
      {"mrpc", {"not_equivalent", "equivalent"}, {"accuracy", "f1"}, true, "MRPC.tsv"},
      {"sts-b", {}, {"pearson", "spearman"}, true, "STS-B.tsv"},
      {"qqp", {"not_duplicate", "duplicate"}, {"accuracy", "f1"}, true, "QQP.tsv"},
      {"mnli", mnli, {"accuracy"}, true, "MNLI-m.tsv"},
      {"mnli-mm", mnli, {"accuracy"}, true, "MNLI-mm.tsv"},
      {"qnli", entailment, {"accuracy"}, true, "QNLI.tsv"},
      {"rte", entailment, {"accuracy"}, true, "RTE.tsv"},
      {"wnli", {"not_entailment", "entailment"}, {"accuracy"}, true, "WNLI.tsv"},
  };
  for (const Facts& facts : all) {
    const Task task = Task::named(facts.name);
    EXPECT_EQ(task.labels(), facts.labels) << facts.name;
    EXPECT_EQ(task.outputs(), facts.labels.empty() ? 1 : facts.labels.size()) << facts.name;
    EXPECT_EQ(task.kind(), facts.labels.empty() ? TaskKind::regression : TaskKind::classification) << facts.name;
    EXPECT_EQ(task.metrics(), facts.metrics) << facts.name;
    EXPECT_EQ(task.is_pair(), facts.pair) << facts.name;
    EXPECT_EQ(task.submission_file(), facts.submission) << facts.name;
  }
  EXPECT_EQ(Task::named("sts-b").target_range()->high, 5);
  EXPECT_EQ(Task::named("wnli").label_word(1), "1");
  EXPECT_EQ(Task::named("rte").label_word(1), "not_entailment");
}

TEST_F(TaskFile, SstTrainAndDevHaveSentenceAndLabel) {
  const Dataset dataset = read("sst-2", "sentence\tlabel\nhide new secretions \t0\nthat loves its characters\t1\n");
  EXPECT_THAT(texts_of(dataset), ElementsAre("hide new secretions ", "that loves its characters"));
  EXPECT_THAT(labels_of(dataset), ElementsAre(0, 1));
  EXPECT_EQ(dataset.samples[1].line, 3u);
  EXPECT_FALSE(dataset.samples[0].pair);
  EXPECT_TRUE(dataset.labelled());
  EXPECT_THAT(dataset.file, EndsWith("train.tsv"));
  EXPECT_THAT(dataset.notes, IsEmpty());
}

TEST_F(TaskFile, GlueTestFileHasIndexAndSentence) {
  const Dataset dataset = read("sst-2", "index\tsentence\n0\tuneasy mishmash\n1\tfine\n", Split::test);
  EXPECT_THAT(texts_of(dataset), ElementsAre("uneasy mishmash", "fine"));
  EXPECT_EQ(dataset.samples[1].id, "1");
  EXPECT_FALSE(dataset.labelled());
}

TEST_F(TaskFile, DifficultyColumnIsKept) {
  const Dataset dataset = read("sst-2", "sentence\tlabel\tdifficulty\ngood\t1\t0\nnot good\t0\t1\n");
  EXPECT_EQ(dataset.samples[0].difficulty, 0);
  EXPECT_EQ(dataset.samples[1].difficulty, 1);
  EXPECT_EQ(error("sst-2", "sentence\tlabel\tdifficulty\ngood\t1\teasy\n"),
            "train.tsv:2: the difficulty is \"easy\"; expected an integer");
}

TEST_F(TaskFile, ByteOrderMarkCrLfAndMissingLastLineEndDoNotShow) {
  for (const char* content : {"\xEF\xBB\xBFsentence\tlabel\r\na\t0\r\nb\t1\r\n", "sentence\tlabel\na\t0\nb\t1",
                              "sentence\tlabel\na\t0\nb\t1\n\n\n", "sentence\tlabel\r\na\t0\r\nb\t1",
                              "sentence\tlabel\ra\t0\rb\t1\r", "sentence\tlabel\na\t0\n\nb\t1\n \t\t\n"}) {
    const Dataset dataset = read("sst-2", content);
    EXPECT_THAT(texts_of(dataset), ElementsAre("a", "b"));
    EXPECT_THAT(labels_of(dataset), ElementsAre(0, 1));
  }
}

TEST_F(TaskFile, QuotesInTsvAreOrdinaryCharacters) {
  const Dataset dataset = read("sst-2", "sentence\tlabel\n\"open quote\t0\nan \"inner\" one\t1\n\"\t0\n");
  EXPECT_THAT(texts_of(dataset), ElementsAre("\"open quote", "an \"inner\" one", "\""));
}

TEST_F(TaskFile, CarriageReturnAndOtherSeparatorsInsideALineAreText) {
  const Dataset dataset = read("sst-2", "sentence\tlabel\na\rb\t0\nc\u2028d\u0085e\t1\n");
  EXPECT_THAT(texts_of(dataset), ElementsAre("a\rb", "c\u2028d\u0085e"));
}

TEST_F(TaskFile, ColaHasFourColumnsAndNoHeader) {
  const Dataset dataset = read("cola", "gj04\t1\t\tOur friends won't buy this.\ngj04\t0\t*\tThey drank the pub.\n");
  EXPECT_THAT(texts_of(dataset), ElementsAre("Our friends won't buy this.", "They drank the pub."));
  EXPECT_THAT(labels_of(dataset), ElementsAre(1, 0));
  EXPECT_EQ(dataset.samples[0].line, 1u);
  EXPECT_EQ(read("cola", "index\tsentence\n0\tBill whistled.\n", Split::test).samples[0].text, "Bill whistled.");
}

TEST_F(TaskFile, HeaderlessColumnsAreToldApartByWhereTheLabelsAre) {
  EXPECT_THAT(texts_of(read("cola", "a\t1\nb\t0\n")), ElementsAre("a", "b"));
  EXPECT_THAT(texts_of(read("cola", "1\ta\n0\tb\n")), ElementsAre("a", "b"));
  EXPECT_THAT(texts_of(read("sst-2", "positive\ta\nnegative\tb\n")), ElementsAre("a", "b"));
  EXPECT_THAT(texts_of(read("sst-2", "7\ta\n8\tb\n", Split::test)), ElementsAre("a", "b"));
  const Dataset pairs = read("rte", "entailment\ta\tb\nnot_entailment\tc\td\n");
  EXPECT_THAT(texts_of(pairs), ElementsAre("a", "c"));
  EXPECT_EQ(pairs.samples[1].pair, "d");
}

TEST_F(TaskFile, HeaderlessColumnsThatCanBeReadInTwoWaysAreRefused) {
  EXPECT_EQ(error("sst-2", "1\t0\n0\t1\n"),
            "train.tsv:1: has no header, and its columns can be read as (sentence, label) or as (label, sentence); put "
            "a header before it");
}

TEST_F(TaskFile, ABadLabelDoesNotHideTheLayout) {
  EXPECT_EQ(error("cola", "a\t1\nb\t2\nc\t0\n"),
            "train.tsv:2: unknown label \"2\"; expected one of \"0\" (unacceptable), \"1\" (acceptable)");
}

TEST_F(TaskFile, MrpcWithHeaderWithoutAndTest) {
  const std::string data = "1\t702876\t702977\tAmrozi accused \"the witness\".\tReferring to him.\n0\t2\t3\tc\td\n";
  for (const std::string header : {"", "\xEF\xBB\xBFQuality\t#1 ID\t#2 ID\t#1 String\t#2 String\n"}) {
    const Dataset dataset = read("mrpc", header + data);
    EXPECT_EQ(dataset.samples[0].text, "Amrozi accused \"the witness\".");
    EXPECT_EQ(dataset.samples[0].pair, "Referring to him.");
    EXPECT_THAT(labels_of(dataset), ElementsAre(1, 0));
  }
  const Dataset test =
      read("mrpc", "index\t#1 ID\t#2 ID\t#1 String\t#2 String\n0\t1\t2\ta\tb\n1\t3\t4\tc\td\n", Split::test);
  EXPECT_EQ(test.samples[1].pair, "d");
  EXPECT_EQ(test.samples[1].id, "1");
  EXPECT_FALSE(test.samples[1].label);
}

TEST_F(TaskFile, StsbTargetsAreNumbersFromZeroToFive) {
  const std::string header = "index\tgenre\tfilename\tyear\told_index\tsource1\tsource2\tsentence1\tsentence2\tscore\n";
  const std::string row = "0\tmain-captions\tMSRvid\t2012test\t0001\tnone\tnone\tA plane.\tAn air plane.\t";
  for (const std::string& start : {header, std::string()}) {
    const Dataset dataset = read("sts-b", start + row + "3.800\n" + row + "5\n");
    EXPECT_EQ(dataset.samples[0].targets, std::vector<double>{3.8});
    EXPECT_EQ(dataset.samples[1].targets, std::vector<double>{5});
    EXPECT_EQ(dataset.samples[0].pair, "An air plane.");
    EXPECT_FALSE(dataset.samples[0].label);
  }
  EXPECT_EQ(error("sts-b", header + row + "high\n"), "train.tsv:2: the target is \"high\"; expected a finite number");
  EXPECT_EQ(error("sts-b", header + row + "nan\n"), "train.tsv:2: the target is \"nan\"; expected a finite number");
  EXPECT_EQ(error("sts-b", header + row + "5.2\n"), "train.tsv:2: the target is 5.2; expected 0 to 5");
  EXPECT_EQ(error("sts-b", header + row + "\n"), "train.tsv:2: no label in column \"score\"");
  const Dataset test =
      read("sts-b", header.substr(0, header.size() - 7) + "\n" + row.substr(0, row.size() - 1) + "\n", Split::test);
  EXPECT_EQ(test.samples[0].text, "A plane.");
  EXPECT_FALSE(test.labelled());
}

TEST_F(TaskFile, QqpLeavesOutTheLinesThatAreBrokenInGluesOwnFileAndSaysSo) {
  const Dataset dataset = read("qqp",
                               "id\tqid1\tqid2\tquestion1\tquestion2\tis_duplicate\n"
                               "1\t2\t3\tWhat is \"this\"?\tWhat is it?\t1\n"
                               "4\t5\t6\tHow can I\nstart?\tHow to start?\t0\n"
                               "7\t8\t9\t\tIs it empty?\t0\n");
  EXPECT_THAT(texts_of(dataset), ElementsAre("What is \"this\"?", ""));
  ASSERT_EQ(dataset.notes.size(), 1u);
  EXPECT_EQ(without_folder(dataset.notes[0]),
            "train.tsv: left out 2 lines with a wrong number of columns (expected 6 columns (id, qid1, qid2, "
            "question1, question2, "
            "is_duplicate), found 4), the first on line 3");
  const Dataset test = read("qqp", "id\tquestion1\tquestion2\n0\ta\tb\n", Split::test);
  EXPECT_EQ(test.samples[0].pair, "b");
}

TEST_F(TaskFile, QqpWithMoreThanAFewBrokenLinesIsRefused) {
  std::string content = "id\tqid1\tqid2\tquestion1\tquestion2\tis_duplicate\n0\t0\t0\ta\tb\t1\n";
  for (int i = 0; i < 20; ++i) content += "0\t0\t0\ta\tb\tc\t1\n";
  EXPECT_THAT(error("qqp", content), HasSubstr("train.tsv:3: expected 6 columns"));
}

TEST_F(TaskFile, MnliTakesTheGoldLabelAndLeavesOutPairsWithoutOne) {
  const std::string columns =
      "index\tpromptID\tpairID\tgenre\tsentence1_binary_parse\tsentence2_binary_parse\tsentence1_parse\tsentence2_"
      "parse\tsentence1\tsentence2";
  const std::string row = "\t1\t2\tfiction\t( a )\t( b )\t(ROOT a)\t(ROOT b)\tpremise\thypothesis";
  const Dataset train = read("mnli", columns + "\tlabel1\tgold_label\n0" + row + "\tneutral\tneutral\n1" + row +
                                         "\tentailment\tcontradiction\n");
  EXPECT_THAT(labels_of(train), ElementsAre(1, 2));
  EXPECT_EQ(train.samples[0].text, "premise");
  EXPECT_EQ(train.samples[0].pair, "hypothesis");
  EXPECT_EQ(train.samples[1].id, "1");
  const Dataset dev = read("mnli-mm",
                           columns + "\tlabel1\tlabel2\tlabel3\tlabel4\tlabel5\tgold_label\n0" + row +
                               "\tneutral\tneutral\tneutral\tneutral\tneutral\t-\n1" + row +
                               "\tneutral\tneutral\tneutral\tneutral\tneutral\tentailment\n",
                           Split::dev);
  EXPECT_THAT(labels_of(dev), ElementsAre(0));
  EXPECT_EQ(without_folder(dev.notes.at(0)),
            "train.tsv: left out 1 line with \"-\" in place of a label, the first on line 2");
  EXPECT_FALSE(read("mnli", columns + "\n0" + row + "\n", Split::test).labelled());
}

TEST_F(TaskFile, QnliRteAndWnliAreReadByTheirHeaders) {
  const Dataset qnli = read("qnli", "index\tquestion\tsentence\tlabel\n0\tWhat?\tThat.\tnot_entailment\n");
  EXPECT_EQ(qnli.samples[0].text, "What?");
  EXPECT_EQ(qnli.samples[0].pair, "That.");
  EXPECT_EQ(qnli.samples[0].label, 1);
  EXPECT_EQ(read("rte", "index\tsentence1\tsentence2\tlabel\n0\ta\tb\tentailment\n").samples[0].label, 0);
  EXPECT_EQ(read("wnli", "index\tsentence1\tsentence2\tlabel\n0\ta\tb\t1\n").samples[0].label, 1);
}

TEST_F(TaskFile, ColumnsOfTheHuggingFaceExportAreKnown) {
  const Task task = Task::named("mnli");
  const Dataset csv =
      task.read_file(write("mnli.csv", "premise,hypothesis,label,idx\n\"a, b\",c,neutral,7\n"), Split::train);
  EXPECT_EQ(csv.samples[0].text, "a, b");
  EXPECT_EQ(csv.samples[0].id, "7");
  const Dataset json = task.read_file(
      write("mnli.jsonl", "{\"idx\": 3, \"hypothesis\": \"c\", \"premise\": \"a\", \"label\": \"neutral\"}\n"),
      Split::train);
  EXPECT_EQ(json.samples[0].pair, "c");
  EXPECT_EQ(json.samples[0].id, "3");
  EXPECT_FALSE(task.read_file(write("test.csv", "premise,hypothesis,label,idx\na,b,-1,0\n"), Split::test).labelled());
}

TEST_F(TaskFile, WrongColumnCountNamesLineAndColumns) {
  EXPECT_EQ(error("sst-2", "sentence\tlabel\ngood\t1\na\tb\t1\n"),
            "train.tsv:3: expected 2 columns (sentence, label), found 3");
  EXPECT_EQ(error("sst-2", "sentence\tlabel\ngood\t1\nbad\n"),
            "train.tsv:3: expected 2 columns (sentence, label), found 1");
}

TEST_F(TaskFile, EmptyAndHeaderOnlyFilesAreRefused) {
  EXPECT_EQ(error("sst-2", ""), "train.tsv: is empty; expected at least one line of data");
  EXPECT_EQ(error("sst-2", "\n\n"), "train.tsv: is empty; expected at least one line of data");
  EXPECT_EQ(error("sst-2", "\xEF\xBB\xBF"), "train.tsv: is empty; expected at least one line of data");
  EXPECT_EQ(error("sst-2", "sentence\tlabel\n"),
            "train.tsv: has a header but no data; expected at least one line after it");
}

TEST_F(TaskFile, UnknownLabelNamesTheKnownOnes) {
  EXPECT_EQ(error("sst-2", "sentence\tlabel\ngood\tgood\n"),
            "train.tsv:2: unknown label \"good\"; expected one of \"0\" (negative), \"1\" (positive)");
  EXPECT_EQ(error("rte", "index\tsentence1\tsentence2\tlabel\n0\ta\tb\t1\n"),
            "train.tsv:2: unknown label \"1\"; expected one of \"entailment\", \"not_entailment\"");
  EXPECT_EQ(error("sst-2", "sentence\tlabel\ngood\t\n"), "train.tsv:2: no label in column \"label\"");
}

TEST_F(TaskFile, LabelsMayBeWrittenAsNameOrWordInAnyCase) {
  EXPECT_THAT(labels_of(read("sst-2", "sentence\tlabel\na\tPositive\nb\t 0 \n")), ElementsAre(1, 0));
}

TEST_F(TaskFile, MissingColumnNamesThoseThatAreThere) {
  EXPECT_EQ(error("sst-2", "id\tsentence\n0\ta\n"), "train.tsv:1: no column \"label\"; found \"id\", \"sentence\"");
  EXPECT_EQ(error("qnli", "index\tsentence\tlabel\n0\ta\tentailment\n"),
            "train.tsv:1: no column \"question\"; found \"index\", \"sentence\", \"label\"");
  EXPECT_EQ(error("sst-2", "sentence\tlabel\tlabel\na\t1\t1\n"), "train.tsv:1: has two columns \"label\"");
}

TEST_F(TaskFile, WhatIsNeitherHeaderNorDataIsDescribed) {
  EXPECT_EQ(error("sst-2", "a\tb\tc\n"),
            "train.tsv:1: is neither a header with the columns sentence, label nor data of 2 columns (sentence, "
            "label); found 3 columns: "
            "\"a\", \"b\", \"c\"");
}

TEST_F(TaskFile, SingleOtherColumnBesideTheLabelIsTheText) {
  EXPECT_THAT(texts_of(read("sst-2", "review\tlabel\ngood\t1\n")), ElementsAre("good"));
}

TEST_F(TaskFile, EmptyTextIsRefused) {
  EXPECT_EQ(error("sst-2", "sentence\tlabel\n \t1\n"), "train.tsv:2: no text in column \"sentence\"");
  EXPECT_EQ(error("rte", "index\tsentence1\tsentence2\tlabel\n0\ta\t\tentailment\n"),
            "train.tsv:2: no text in column \"sentence2\"");
}

TEST_F(TaskFile, InvalidUtf8IsRefusedWithItsPlace) {
  EXPECT_EQ(error("sst-2", "sentence\tlabel\ngood\t1\ncaf\xE9\t0\n"),
            "train.tsv:3: 0xe9 at byte 4 of the line is not UTF-8 text");
  EXPECT_EQ(error("sst-2", "\xFFsentence\tlabel\n"), "train.tsv:1: 0xff at byte 1 of the line is not UTF-8 text");
  EXPECT_EQ(error("sst-2", "sentence\tlabel\ngo\0d\t1\n"sv),
            "train.tsv:2: NUL at byte 3 of the line is not UTF-8 text");
  EXPECT_EQ(error("sst-2", "\xFF\xFEs\0e\0"sv),
            "train.tsv: is UTF-16; expected UTF-8 (convert it with: iconv -f UTF-16 -t UTF-8)");
}

TEST_F(TaskFile, InvalidUtf8IsReplacedAndCountedOnRequest) {
  const Dataset dataset = read("sst-2", "sentence\tlabel\ngood\t1\ncaf\xE9 \xC3\t0\na\0b\t1\n"sv, Split::train,
                               {.invalid_text = InvalidText::replace});
  EXPECT_THAT(texts_of(dataset), ElementsAre("good", "caf\uFFFD \uFFFD", "a\uFFFDb"));
  EXPECT_EQ(without_folder(dataset.notes.at(0)),
            "train.tsv: replaced 3 ill-formed UTF-8 sequences by U+FFFD, the first on line 3");
}

TEST_F(TaskFile, FilesOfASplitAreFoundInTheFolder) {
  write("dev_matched.tsv", "premise\thypothesis\tlabel\na\tb\tneutral\n");
  write("msr_paraphrase_test.txt", "Quality\t#1 ID\t#2 ID\t#1 String\t#2 String\n1\t1\t2\ta\tb\n");
  EXPECT_EQ(Task::named("mnli").read(folder_.path(), Split::dev).size(), 1u);
  EXPECT_EQ(Task::named("mrpc").read(folder_.path(), Split::test).samples[0].label, 1);
  const std::string folder = folder_.path().string();
  EXPECT_EQ(message_of<IoError>([&] { Task::named("mnli-mm").read(folder_.path(), Split::dev); }),
            folder + ": no dev_mismatched.tsv; found dev_matched.tsv, msr_paraphrase_test.txt");
  EXPECT_EQ(message_of<IoError>([&] { Task::named("mrpc").file(folder_.path(), Split::train); }),
            folder + ": no train.tsv or msr_paraphrase_train.txt; found dev_matched.tsv, msr_paraphrase_test.txt");
  EXPECT_EQ(message_of<IoError>([&] { Task::named("cola").file(folder_ / "absent", Split::train); }),
            folder + "/absent: is not a folder; expected one with train.tsv");
  message_of<IoError>([&] { Task::named("cola").read_file(folder_ / "absent.tsv", Split::train); });
  message_of<IoError>([&] { Task::named("cola").read_file(folder_.path(), Split::train); });
}

TEST_F(TaskFile, LabelsCanBePutInTheOrderOfAModel) {
  const Task task = Task::named("mnli").with_label_order({"CONTRADICTION", "entailment", "neutral"});
  EXPECT_THAT(task.labels(), ElementsAre("contradiction", "entailment", "neutral"));
  EXPECT_EQ(
      task.read_file(write("a.tsv", "premise\thypothesis\tlabel\na\tb\tcontradiction\n"), Split::dev).samples[0].label,
      0);
  EXPECT_EQ(message_of<ConfigError>([] {
              (void)Task::named("sst-2").with_label_order({"positive", "positive"});
            }),
            "the labels \"positive\", \"positive\" are not those of task \"sst-2\"; expected \"0\" (negative), \"1\" "
            "(positive) in any order");
  message_of<ConfigError>([] { (void)Task::named("sst-2").with_label_order({"positive"}); });
  message_of<ConfigError>([] { (void)Task::named("sst-2").with_label_order({"positive", "negative", "neutral"}); });
}

TEST_F(TaskFile, TrainingNeedsTwoSamplesAndTwoClasses) {
  const Task task = Task::named("sst-2");
  const auto check = [&](const char* content) {
    return without_folder(message_of<DataError>([&] { require_trainable(task, read("sst-2", content)); }));
  };
  EXPECT_EQ(check("sentence\tlabel\na\t1\n"), "train.tsv: 1 sample; training needs at least 2");
  EXPECT_EQ(check("sentence\tlabel\na\t1\nb\t1\n"),
            "train.tsv: all 2 samples have the label \"1\"; training needs at least two classes");
  EXPECT_NO_THROW(require_trainable(task, read("sst-2", "sentence\tlabel\na\t1\nb\t0\n")));
  const Dataset unlabelled = read("sst-2", "index\tsentence\n0\ta\n1\tb\n", Split::test);
  EXPECT_EQ(without_folder(message_of<DataError>([&] { require_trainable(task, unlabelled); })),
            "train.tsv:2: has no label; training needs one on every line");
}

}  // namespace
}  // namespace sharcs::internal::task_test
