#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sstream>

#include "cli/program.hpp"
#include "io/file.hpp"
#include "io/gzip.hpp"
#include "sharcs/classifier.hpp"
#include "sharcs/task.hpp"

namespace sharcs::internal::predict_test {
namespace {

using ::testing::ElementsAre;
using ::testing::EndsWith;
using testing::error_of;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;
using testing::run_program;
using ::testing::StartsWith;

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

/// A model for `task`, with as many labels as it has.
template <class Change>
void save_model_for(const Task& task, const std::filesystem::path& folder, const Change& change) {
  testing::save_tiny_model(folder);
  ModelConfig config = ModelConfig::load(folder / "config.json");
  task.store_in(config);
  change(config);
  Model::create(config).save(folder);
}
void save_model_for(const Task& task, const std::filesystem::path& folder) {
  save_model_for(task, folder, [](ModelConfig&) {});
}

class Predict : public ::testing::Test {
 protected:
  Predict() { testing::save_tiny_model(model()); }

  std::string model() const { return folder_ / "model"; }
  std::string file(const std::string& name, const std::string& text) const {
    write_file_atomically(folder_ / name, text);
    return folder_ / name;
  }
  testing::ProgramRun predict(std::vector<std::string> arguments, const std::string& input = {}) const {
    arguments.insert(arguments.begin(), {"predict", "--model", model()});
    return run_program(arguments, input);
  }

  TemporaryFolder folder_;
};

TEST_F(Predict, LinesOfStandardInputBecomeLabelProbabilityAndWidth) {
  const auto run = predict({}, "the film was superb\r\nthe plot is dull\n");  // CRLF, and LF
  EXPECT_EQ(run.errors, "");
  const std::vector<std::string> lines = lines_of(run.output);
  ASSERT_EQ(lines.size(), 3u);
  EXPECT_EQ(lines[0], "label\tprobability\tanswer");
  const Classifier classifier = Classifier::load(model());
  const Prediction second = classifier.classify("the plot is dull");
  EXPECT_THAT(lines[2], StartsWith(classifier.label_name(second.label) + "\t0."));
  EXPECT_THAT(lines[2], MatchesRegex(".*\t(0.25|0.5|1)"));
}

TEST_F(Predict, FileAndStandardInputAndArgumentsAgree) {
  const std::string text = "the film was superb\na gem";  // the last line without its end
  const auto from_input = predict({}, text);
  EXPECT_EQ(predict({"--input", file("a.txt", text)}).output, from_input.output);
  EXPECT_EQ(predict({"--input", file("a.tsv", "text\nthe film was superb\na gem\n"), "--text-column", "text"}).output,
            from_input.output);
  EXPECT_EQ(predict({"--output", folder_ / "out.tsv"}, text).output, "");
  EXPECT_EQ(read_text_file(folder_ / "out.tsv"), from_input.output);
  const std::vector<std::string> lines = lines_of(from_input.output);
  EXPECT_THAT(
      lines_of(predict({"--text", "the film was superb", "--text", "a gem"}).output),
      ElementsAre("label\tprobability\tanswer\ttext", lines[1] + "\tthe film was superb", lines[2] + "\ta gem"));
}

TEST_F(Predict, JsonHasALineForEachSentence) {
  const auto lines = lines_of(predict({"--json"}, "a gem\na mess\n").output);
  ASSERT_EQ(lines.size(), 2u);
  const auto json = nlohmann::json::parse(lines[1]);
  EXPECT_EQ(json["text"], "a mess");
  EXPECT_NEAR(json["probabilities"]["negative"].get<double>() + json["probabilities"]["positive"].get<double>(), 1,
              1e-6);
  EXPECT_EQ(json["probability"], json["probabilities"][json["label"].get<std::string>()]);
  EXPECT_GT(json["multiply_adds"], 0);
}

TEST_F(Predict, PolicyChoosesTheWidth) {
  const std::string text = "the film was superb\nthe plot is dull\na gem\n";
  for (const char* width : {"0.25", "0.5", "1"}) {
    const std::vector<std::string> lines = lines_of(predict({"--policy", std::string("fixed:") + width}, text).output);
    for (std::size_t i = 1; i < lines.size(); ++i) EXPECT_THAT(lines[i], EndsWith(std::string("\t") + width));
  }
  const std::vector<std::string> capped = lines_of(predict({"--policy", "cap:0.25"}, text).output);
  ASSERT_EQ(capped.size(), 4u);
  for (std::size_t i = 1; i < capped.size(); ++i) EXPECT_THAT(capped[i], EndsWith("\t0.25"));
  EXPECT_THAT(error_of(predict({"--text", "a gem", "--policy", "fixed:0.3", "--output", folder_ / "x"})),
              HasSubstr("0.3"));
}

TEST_F(Predict, OutputDoesNotDependOnTheThreads) {
  std::string text;
  for (int i = 0; i < 40; ++i) text += i % 3 == 0 ? "the film was superb\n" : "a mess , not a joy\n";
  EXPECT_EQ(predict({"--threads", "1"}, text).output, predict({"--threads", "3"}, text).output);
}

TEST_F(Predict, LinesThatCannotBeJudgedAreNamed) {
  const auto error = [&](const std::string& text) {
    return error_of(predict({"--output", folder_ / "out", "--on-error", "stop"}, text));
  };
  EXPECT_EQ(error("a gem\n\na mess\n"),
            "standard input:2: is empty; expected a sentence; 1 sample before it answered, and nothing written");
  EXPECT_EQ(error("a gem\nbad \xff\n"),
            "standard input:2: 0xff at byte 5 of the line is not UTF-8 text; 1 sample before it answered, and nothing "
            "written");
  EXPECT_EQ(error(""), "standard input: is empty; expected a line for each sentence");
  EXPECT_FALSE(std::filesystem::exists(folder_ / "out"));
  EXPECT_EQ(predict({"--invalid-text", "replace"}, "bad \xff\n").exit_code, 0);
  EXPECT_EQ(error_of(predict({"--input", folder_ / "none.txt", "--output", folder_ / "out"})),
            (folder_ / "none.txt").string() + ": cannot open: No such file or directory");
}

// PowerShell's > writes it.
TEST_F(Predict, Utf16IsRefused) {
  const std::string little_endian("a\0 \0g\0e\0m\0\n\0", 12), big_endian("\0a\0\n\0b\0\n", 8);
  const std::string message = "standard input: is UTF-16; expected UTF-8 (convert it with: iconv -f UTF-16 -t UTF-8)";
  EXPECT_EQ(error_of(predict({}, "\xFF\xFE" + little_endian)), message);
  EXPECT_EQ(error_of(predict({}, "\xFE\xFF" + big_endian)), message);
  for (const std::string& unmarked : {little_endian, big_endian}) {
    const auto run = predict({}, unmarked);
    EXPECT_EQ(run.exit_code, 1);
    EXPECT_THAT(run.errors, HasSubstr("NUL at byte "));
    EXPECT_THAT(run.errors, HasSubstr("; 0 samples answered"));
  }
  EXPECT_EQ(predict({"--invalid-text", "replace"}, little_endian).exit_code, 0);
}

TEST_F(Predict, SentencesGivenAsArgumentsAreCheckedLikeLines) {
  EXPECT_EQ(error_of(predict({"--text", "a gem", "--text", ""})), "--text: is empty; expected a sentence");
  EXPECT_EQ(error_of(predict({"--text",
                              "bla\xff"
                              "bla"})),
            "--text: 0xff at byte 4 of the line is not UTF-8 text");
  EXPECT_EQ(predict({"--text",
                     "bla\xff"
                     "bla",
                     "--invalid-text", "replace"})
                .exit_code,
            0);
  save_model_for(Task::named("rte"), model());
  EXPECT_EQ(error_of(predict({"--text", "a gem"})),
            "--text: expected two sentences separated by a TAB, found \"a gem\"");
}

TEST_F(Predict, SaysWhichSentencesWereCut) {
  std::string longest;
  for (int i = 0; i < 100; ++i) longest += "gem ";
  const auto run = predict({"--json"}, "a gem\n" + longest + "\n");
  EXPECT_EQ(run.errors, "sharcs: 1 sample longer than 16 tokens, and cut there\n");
  const std::vector<std::string> lines = lines_of(run.output);
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_FALSE(nlohmann::json::parse(lines[0]).contains("truncated"));
  EXPECT_EQ(nlohmann::json::parse(lines[1])["truncated"], true);
}

TEST_F(Predict, TakesOneKindOfInput) {
  const std::string message = "--text, --input and --data exclude each other; give one";
  EXPECT_THAT(error_of(predict({"--text", "a", "--input", file("a.txt", "a gem\n")}), 2), StartsWith(message));
  EXPECT_THAT(error_of(predict({"--text", "a", "--input", "-"}), 2), StartsWith(message));
  EXPECT_THAT(error_of(predict({"--text", "a", "--data", folder_ / "data"}), 2), StartsWith(message));
}

TEST_F(Predict, DoesNotWriteOverWhatItReads) {
  const std::string input = file("a.txt", "a gem\n");
  const auto refused = [&](const std::string& output) {
    EXPECT_EQ(error_of(predict({"--input", input, "--output", output}), 2),
              "--output " + output +
                  ": is what the command reads; expected another place (sharcs predict --help "
                  "tells more)");
  };
  refused(input);
  refused(folder_ / "model" / ".." / "a.txt");
  refused(folder_ / "model" / "config.json");
  refused(folder_ / "model" / "vocab.txt");
  EXPECT_EQ(read_text_file(input), "a gem\n");
  EXPECT_EQ(predict({"--input", input, "--output", folder_ / "model" / "answers.tsv"}).exit_code, 0);
}

TEST_F(Predict, TextsBesideTheirAnswersStayOnOneLine) {
  EXPECT_THAT(lines_of(predict({"--text", "a\ngem"}).output), ElementsAre(EndsWith("\ttext"), EndsWith("\ta gem")));
}

TEST_F(Predict, ColumnsOfFilesNeedATask) {
  EXPECT_THAT(error_of(predict({"--input", file("a.csv", "text,label\nx,negative\n")}), 2),
              HasSubstr("does not say what the model was trained for"));
  EXPECT_THAT(error_of(predict({"--input", file("b.csv", "body\nx\n"), "--text-column", "text"})),
              HasSubstr("b.csv:1: no column \"text\"; found \"body\""));
}

TEST_F(Predict, AWrongOrBrokenModelIsNamed) {
  EXPECT_THAT(error_of(run_program({"predict", "--model", folder_ / "none", "--text", "x"})),
              StartsWith((folder_ / "none").string()));
  std::filesystem::remove(folder_ / "model" / "vocab.txt");
  std::filesystem::remove(folder_ / "model" / "tokenizer.json");
  EXPECT_THAT(error_of(predict({"--text", "x"})), StartsWith(model()));
}

TEST_F(Predict, PairsAreSeparatedByATab) {
  save_model_for(Task::named("rte"), model());
  EXPECT_EQ(lines_of(predict({}, "a gem\ta joy\n").output).size(), 2u);
  EXPECT_THAT(error_of(predict({"--output", folder_ / "out", "--on-error", "stop"}, "a gem\n")),
              "standard input:1: expected two sentences separated by a TAB, found \"a gem\"");
}

TEST_F(Predict, AModelWithoutATaskReadsALineWithATabAsAPair) {
  const std::string note =
      "sharcs: lines with a TAB are read as pairs of sentences; --pairs no reads them as one sentence\n";
  const auto mixed = predict({}, "a gem\ta joy\na mess\nthe film\tdull\n");
  EXPECT_EQ(mixed.errors, note);
  const std::vector<std::string> lines = lines_of(mixed.output), single = lines_of(predict({}, "a mess\n").output);
  ASSERT_EQ(lines.size(), 4u);
  EXPECT_EQ(lines[2], single[1]);
  const auto yes = predict({"--pairs", "yes"}, "a gem\ta joy\nthe film\tdull\n");
  EXPECT_EQ(yes.errors, "");
  EXPECT_THAT(lines_of(yes.output), ElementsAre(lines[0], lines[1], lines[3]));
  const auto no = predict({"--pairs", "no"}, "a gem\ta joy\n");
  EXPECT_EQ(no.errors, "");
  EXPECT_EQ(lines_of(no.output)[1], lines_of(predict({}, "a gem a joy\n").output)[1]);
  EXPECT_THAT(error_of(predict({"--text", "a\tb\tc"})),
              StartsWith("--text: has 2 TABs; expected a sentence, or two with a TAB between them"));
  save_model_for(Task::named("rte"), model());
  EXPECT_THAT(error_of(predict({"--pairs", "no"}, "a gem\ta joy\n"), 2), StartsWith("--pairs no: the model's task"));
}

TEST_F(Predict, LabelsThatTheModelDoesNotKnowAreLeftAside) {
  save_model_for(Task::custom({.labels = {"0", "1"}}), model());
  const std::string csv = file("a.csv", "text,label\na gem,positive\na mess,negative\n");
  const auto run = predict({"--input", csv});
  EXPECT_EQ(run.exit_code, 0);
  EXPECT_EQ(run.errors, "sharcs: the labels were not compared: " + csv +
                            ":2: unknown label \"positive\"; expected one of \"0\", \"1\"\n");
  EXPECT_EQ(run.output, predict({}, "a gem\na mess\n").output);
  EXPECT_EQ(predict({"--input", csv, "--label-map", "positive=1,negative=0"}).errors, "");
  // What eval needs, it still refuses, and a map from a file helps.
  const std::string map = file("map.tsv", "positive\t1\nnegative\t0\n");
  EXPECT_THAT(error_of(run_program({"eval", "--model", model(), "--file", csv})), HasSubstr("unknown label"));
  EXPECT_EQ(run_program({"eval", "--model", model(), "--file", csv, "--label-map", map}).exit_code, 0);
  EXPECT_EQ(error_of(predict({"--input", csv, "--label-map", "positive"})),
            "--label-map: found \"positive\"; expected A=B,C=D, or the name of a file");
  EXPECT_EQ(error_of(predict({"--input", csv, "--label-map", "a=0,a=1"})), "--label-map: \"a\" stands there twice");
  EXPECT_EQ(error_of(predict({"--input", csv, "--label-map", file("broken", "a\t1\nb\n")})),
            (folder_ / "broken").string() + ":2: found \"b\"; expected two labels with a TAB between them");
  save_model_for(Task::custom({.labels = {"LABEL_0", "LABEL_1"}}), model());
  EXPECT_EQ(
      error_of(run_program({"eval", "--model", model(), "--file", csv})),
      csv +
          ":2: unknown label \"positive\"; expected one of \"LABEL_0\", \"LABEL_1\" (a label map says which is which)");
}

TEST_F(Predict, RegressionsHaveAScore) {
  save_model_for(Task::named("sts-b"), model());
  const std::vector<std::string> lines = lines_of(predict({}, "a gem\ta joy\n").output);
  EXPECT_EQ(lines[0], "score\tanswer");
  EXPECT_THAT(lines[1], MatchesRegex("-?[0-9]+\\.[0-9]{4}\t(0.25|0.5|1)"));
}

TEST_F(Predict, SubmissionsAreInGluesForm) {
  save_model_for(Task::named("rte"), model());
  const std::string data = folder_ / "data";
  std::filesystem::create_directories(data);
  write_file_atomically(folder_ / "data" / "test.tsv",
                        "index\tsentence1\tsentence2\n5\ta gem\ta joy\n9\ta mess\tthe film\n");
  const std::vector<std::string> arguments = {"--data", data, "--split", "test", "--glue-submission"};
  auto to_folder = arguments, to_file = arguments;
  to_folder.push_back((folder_ / "sub").string() + "/");
  to_file.push_back(folder_ / "mine.tsv");
  EXPECT_THAT(predict(to_folder).output, HasSubstr("RTE.tsv: 2 predictions of "));
  EXPECT_EQ(predict(to_file).errors, "");
  const std::vector<std::string> lines = lines_of(read_text_file(folder_ / "sub" / "RTE.tsv"));
  EXPECT_EQ(read_text_file(folder_ / "mine.tsv"), read_text_file(folder_ / "sub" / "RTE.tsv"));
  ASSERT_EQ(lines.size(), 3u);
  EXPECT_EQ(lines[0], "index\tprediction");
  EXPECT_THAT(lines[1], MatchesRegex("5\t(not_)?entailment"));
  EXPECT_THAT(lines[2], MatchesRegex("9\t(not_)?entailment"));
}

TEST_F(Predict, SubmissionsOfScoresStayInTheirRange) {
  // Weights large enough that the scores leave [0, 5].
  save_model_for(Task::named("sts-b"), model(), [](ModelConfig& config) { config.initializer_range = 9; });
  std::filesystem::create_directories(folder_ / "data");
  std::string test = "index\tgenre\tfilename\tyear\told_index\tsource1\tsource2\tsentence1\tsentence2\n";
  for (int i = 0; i < 30; ++i)
    test += std::to_string(i) + "\tg\tf\ty\to\ts\ts\tthe film was " + (i % 2 ? "dull" : "superb") + "\ta gem" +
            std::string(static_cast<std::size_t>(i) % 7, '.') + "\n";
  write_file_atomically(folder_ / "data" / "test.tsv", test);
  EXPECT_EQ(predict({"--data", folder_ / "data", "--glue-submission", folder_ / "STS-B.tsv"}).exit_code, 0);
  int at_an_end = 0;
  for (const std::string& line : lines_of(read_text_file(folder_ / "STS-B.tsv"))) {
    if (line.starts_with("index")) continue;
    const double score = std::stod(line.substr(line.find('\t') + 1));
    EXPECT_GE(score, 0);
    EXPECT_LE(score, 5);
    at_an_end += score == 0 || score == 5;
  }
  EXPECT_GT(at_an_end, 0);
}

TEST_F(Predict, MnliHasTwoSubmissions) {
  save_model_for(Task::named("mnli"), model());
  std::filesystem::create_directories(folder_ / "data");
  for (const char* name : {"test_matched.tsv", "test_mismatched.tsv"})
    write_file_atomically(folder_ / "data" / name, "index\tsentence1\tsentence2\n0\ta gem\ta joy\n");
  std::filesystem::create_directories(folder_ / "sub");
  EXPECT_EQ(predict({"--data", folder_ / "data", "--glue-submission", folder_ / "sub"}).errors, "");
  for (const char* name : {"MNLI-m.tsv", "MNLI-mm.tsv"})
    EXPECT_THAT(read_text_file(folder_ / "sub" / name),
                MatchesRegex("index\tprediction\n0\t(neutral|entailment|contradiction)\n"));
  EXPECT_THAT(error_of(predict({"--data", folder_ / "data", "--glue-submission", folder_ / "one.tsv"}), 2),
              StartsWith("the submission of mnli is two files; expected a folder"));
}

TEST_F(Predict, ALineThatCannotBeReadDoesNotStopTheOthers) {
  const std::string text = "a gem\n\nbad \xff\na mess\n";
  const std::vector<std::string> good = lines_of(predict({}, "a gem\na mess\n").output);
  const std::string named =
      "sharcs: standard input:2: is empty; expected a sentence\n"
      "sharcs: standard input:3: 0xff at byte 5 of the line is not UTF-8 text\n"
      "sharcs: 2 lines could not be read; 2 samples answered\n";
  const auto empty = predict({}, text);
  EXPECT_EQ(empty.exit_code, 3);
  EXPECT_EQ(empty.errors, named);
  EXPECT_THAT(lines_of(empty.output), ElementsAre(good[0], good[1], "\t\t", "\t\t", good[2]));
  const auto skip = predict({"--on-error", "skip", "--output", folder_ / "out"}, text);
  EXPECT_EQ(skip.exit_code, 3);
  EXPECT_EQ(skip.errors, named);
  EXPECT_EQ(lines_of(read_text_file(folder_ / "out")), good);
  const auto stop = predict({"--on-error", "stop"}, text);
  EXPECT_EQ(stop.exit_code, 1);
  EXPECT_EQ(stop.errors, "sharcs: standard input:2: is empty; expected a sentence; 1 sample before it answered\n");
  EXPECT_THAT(lines_of(stop.output), ElementsAre(good[0], good[1]));
  const auto json = lines_of(predict({"--json"}, text).output);
  ASSERT_EQ(json.size(), 4u);
  EXPECT_EQ(nlohmann::json::parse(json[1]),
            (nlohmann::json{{"line", 2}, {"error", "standard input:2: is empty; expected a sentence"}}));
  EXPECT_EQ(predict({}, "\n\n").exit_code, 1);  // nothing was answered
}

TEST_F(Predict, TablesComeFromStandardInputAndFilesOfAnyName) {
  save_model_for(Task::custom({.text = "review", .labels = {"negative", "positive"}}), model());
  const std::vector<std::string> good = lines_of(predict({}, "the film , superb\na mess\n").output);
  const auto expect_same = [&](const std::vector<std::string>& arguments, const std::string& input) {
    const auto run = predict(arguments, input);
    EXPECT_EQ(run.errors, "");
    EXPECT_EQ(lines_of(run.output), good) << arguments.back();
  };
  const std::string csv = "id,review\n1,\"the film , superb\"\n2,a mess\n";
  expect_same({"--format", "csv"}, csv);
  expect_same({"--format", "csv", "--header", "no", "--text-column", "2"}, csv.substr(csv.find('\n') + 1));
  expect_same({"--input", file("A.CSV", csv)}, "");
  expect_same({"--input", file("a.data", csv), "--format", "csv"}, "");
  expect_same({"--input", file("a.csv.gz", gzipped(csv))}, "");
  expect_same({"--format", "csv"}, gzipped(csv));
  expect_same({}, gzipped("the film , superb\na mess\n"));
  expect_same({"--format", "tsv", "--delimiter", ";"}, "review;id\nthe film , superb;1\na mess;2\n");
  expect_same({"--format", "jsonl"}, "{\"review\": \"the film , superb\"}\n{\"review\": \"a mess\"}\n");
  expect_same({"--format", "jsonl", "--text-column", "review.body"},
              "{\"review\": {\"body\": \"the film , superb\"}}\n{\"review\": {\"body\": \"a mess\"}}\n");
  const std::string fasttext = "__label__positive the film , superb\n__label__negative a mess\n";
  expect_same({"--format", "fasttext", "--text-column", "text"}, fasttext);
  expect_same({"--format", "fasttext"}, fasttext);
  EXPECT_THAT(
      predict({}, fasttext).errors,
      StartsWith("sharcs: standard input:1: begins with \"__label__\"; expected a sentence; --format fasttext "));
  expect_same({"--format", "csv", "--text-column", "name:2024"}, "2023,2024\n1,\"the film , superb\"\n2,a mess\n");
  EXPECT_THAT(error_of(predict({"--format", "csv", "--header", "yes", "--text-column", "2"}, "2,1\na,b\n")),
              StartsWith("standard input:1: \"2\" is the name of column 1 and also a position; write \"name:2\""));
  EXPECT_THAT(error_of(predict({"--text-column", "review"}, csv)),
              StartsWith("standard input: a table has a format; expected --format tsv, csv"));
  EXPECT_EQ(lines_of(predict({"--no-output-header"}, "the film , superb\na mess\n").output),
            (std::vector<std::string>{good[1], good[2]}));
}

TEST_F(Predict, BadRowsOfTablesAreNamedAndTheOthersAnswered) {
  save_model_for(Task::custom({.labels = {"negative", "positive"}}), model());
  const std::vector<std::string> good = lines_of(predict({}, "a gem\na mess\n").output);
  const auto run = predict({"--format", "csv"}, "text,id\na gem,1\n,2\na,b,c\na mess,4\n\"\xff\",5\n");
  EXPECT_EQ(run.exit_code, 3);
  EXPECT_EQ(run.errors,
            "sharcs: standard input:3: no text in column \"text\"\n"
            "sharcs: standard input:4: expected 2 columns (text, id), found 3\n"
            "sharcs: standard input:6: 0xff at byte 2 of the line is not UTF-8 text\n"
            "sharcs: 3 lines could not be read; 2 samples answered\n");
  EXPECT_THAT(lines_of(run.output), ElementsAre(good[0], good[1], "\t\t", "\t\t", good[2], "\t\t"));
}

/// predict with a standard input that stays open.
class OpenInput {
 public:
  /// `fifo`: made here.
  OpenInput(const std::string& fifo, const std::vector<std::string>& arguments)
      : made_(::mkfifo(fifo.c_str(), 0600)),
        program_(arguments, {}, {"sh", "-c", "exec \"$0\" \"$@\" <" + fifo}),
        descriptor_(::open(fifo.c_str(), O_WRONLY)) {
    EXPECT_EQ(made_, 0);
    EXPECT_GE(descriptor_, 0);
  }
  ~OpenInput() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  OpenInput(const OpenInput&) = delete;
  OpenInput& operator=(const OpenInput&) = delete;

  void say(const std::string& text) const {
    EXPECT_EQ(::write(descriptor_, text.data(), text.size()), static_cast<ssize_t>(text.size()));
  }
  void await(const std::string& output) const { program_.await_output(output); }
  void await_error(const std::string& text) const { program_.await(text); }
  testing::ProgramRun close() {
    ::close(descriptor_);
    descriptor_ = -1;
    return program_.wait();
  }

 private:
  int made_;
  testing::RunningProgram program_;
  int descriptor_;
};

TEST_F(Predict, AnswersTheRowsOfATableBeforeThePipeIsClosed) {
  save_model_for(Task::custom({.labels = {"negative", "positive"}}), model());
  const std::vector<std::string> good = lines_of(predict({}, "a gem\na mess\n").output);
  struct Case {
    const char* format;
    std::string first, bad, second;
    std::string problem;
  };
  const Case cases[] = {
      {"jsonl", "{\"text\": \"a gem\"}\n", "oops\n", "{\"id\": 1, \"text\": \"a mess\"}\n",
       ":2: is not JSON (at byte 1 of the line); expected one object a line"},
      {"csv", "id,text\n\"1\n2\",a gem\n", "2,a,b\n", "3,\"a mess\"\n", ":4: expected 2 columns (id, text), found 3"},
      {"tsv", "text\tid\na gem\t1\n", "\t2\n", "a mess\t3\n", ":3: no text in column \"text\""}};
  for (const Case& table : cases) {
    SCOPED_TRACE(table.format);
    OpenInput input(folder_ / table.format, {"predict", "--model", model(), "--format", table.format});
    input.say(table.first);
    input.await(good[1] + "\n");
    input.say(table.bad);
    input.await_error("sharcs: standard input" + table.problem + "\n");
    input.say(table.second);
    input.await(good[2] + "\n");
    input.say(table.second.substr(0, table.second.size() - 1));  // the last line may lack its end
    const testing::ProgramRun run = input.close();
    EXPECT_EQ(run.exit_code, 3) << run.errors;
    EXPECT_THAT(lines_of(run.output), ElementsAre(good[0], good[1], "\t\t", good[2], good[2]));
    EXPECT_THAT(run.errors, HasSubstr("1 line could not be read; 3 samples answered"));
  }
}

TEST_F(Predict, TheRowsBeforeTheOneThatStopsAreAnswered) {
  save_model_for(Task::custom({.labels = {"negative", "positive"}}), model());
  const std::vector<std::string> good = lines_of(predict({}, "a gem\na mess\n").output);
  for (const auto& [text, problem] :
       {std::pair<std::string, std::string>{"text\na gem\na,b\n", ":3: expected 1 column (text), found 2"},
        {"text\na gem\n\"a mess\n", ":3: the quote that opens column 1 is never closed"}}) {
    const auto stop = predict({"--format", "csv", "--on-error", "stop"}, text);
    EXPECT_EQ(stop.exit_code, 1);
    EXPECT_EQ(stop.errors, "sharcs: standard input" + problem + "; 1 sample before it answered\n");
    EXPECT_THAT(lines_of(stop.output), ElementsAre(good[0], good[1]));
  }
  // A file is read whole before the first answer.
  const auto file_run = predict({"--input", file("a.csv", "text\na gem\na,b\n"), "--on-error", "stop"});
  EXPECT_EQ(error_of(file_run), (folder_ / "a.csv").string() + ":3: expected 1 column (text), found 2");
  EXPECT_EQ(error_of(predict({"--format", "csv"}, "text,id\n")),
            "standard input: has a header but no data; expected at least one line after it");
  EXPECT_EQ(error_of(predict({"--format", "csv"}, "")), "standard input: is empty; expected at least one line of data");
}

TEST_F(Predict, KeysOfTheTextMayComeLaterThanBadLines) {
  save_model_for(Task::custom({.labels = {"negative", "positive"}}), model());
  const std::vector<std::string> good = lines_of(predict({}, "a gem\n").output);
  OpenInput input(folder_ / "pipe", {"predict", "--model", model(), "--format", "jsonl"});
  input.say("{\"id\": 1}\n");
  input.await_error("standard input:1: no column \"text\"; found \"id\"\n");
  input.say("{\"id\": 2, \"text\": \"a gem\"}\n");
  input.await(good[1] + "\n");
  const testing::ProgramRun run = input.close();
  EXPECT_THAT(lines_of(run.output), ElementsAre(good[0], "\t\t", good[1]));
  EXPECT_THAT(run.errors, HasSubstr("sharcs: 1 line could not be read; 1 sample answered\n"));
}

TEST_F(Predict, GluesFilesCanBeOtherTables) {
  save_model_for(Task::named("sst-2"), model());
  const std::vector<std::string> good = lines_of(predict({}, "a gem\na mess\n").output);
  EXPECT_EQ(lines_of(predict({"--format", "jsonl"}, "{\"sentence\": \"a gem\"}\n{\"sentence\": \"a mess\"}\n").output),
            good);
  EXPECT_EQ(lines_of(predict({"--format", "tsv", "--header", "no"}, "0\ta gem\n1\ta mess\n").output), good);
  EXPECT_THAT(error_of(predict({"--format", "tsv", "--header", "yes"}, "0\ta gem\n1\ta mess\n")),
              StartsWith("standard input:1: is neither a header"));
}

TEST_F(Predict, GluesDiagnosticSetIsAnsweredByAModelOfMnli) {
  save_model_for(Task::named("mnli"), model());
  std::filesystem::create_directories(folder_ / "data");
  for (const char* name : {"test_matched.tsv", "test_mismatched.tsv", "diagnostic.tsv"})
    write_file_atomically(folder_ / "data" / name, "index\tsentence1\tsentence2\n0\ta gem\ta joy\n");
  EXPECT_EQ(predict({"--data", folder_ / "data", "--glue-submission", (folder_ / "sub").string() + "/"}).errors, "");
  EXPECT_THAT(read_text_file(folder_ / "sub" / "AX.tsv"),
              MatchesRegex("index\tprediction\n0\t(neutral|entailment|contradiction)\n"));
  EXPECT_THAT(predict({"--task", "ax", "--input", (folder_ / "data" / "diagnostic.tsv").string()}).exit_code, 0);
}

TEST_F(Predict, TheLengthOfTrainingIsKept) {
  ModelConfig config = ModelConfig::load(folder_ / "model" / "config.json");
  config.max_length = 5;
  Model::create(config).save(model());
  EXPECT_EQ(ModelConfig::load(folder_ / "model" / "config.json").max_length, 5);
  const auto cut = predict({}, "a gem\nthe film was superb and dull\n");
  EXPECT_EQ(cut.errors, "sharcs: 1 sample longer than 5 tokens, and cut there\n");
  EXPECT_EQ(cut.output, predict({}, "a gem\nthe film was\n").output);
  EXPECT_EQ(predict({"--max-length", "16"}, "the film was superb\n").errors, "");
  EXPECT_EQ(predict({"--quiet"}, "the film was superb\n").errors, "");
  EXPECT_EQ(error_of(predict({"--max-length", "17"}, "a gem\n")),
            "the length is 17 tokens; the model reads 16 at most");
}

}  // namespace
}  // namespace sharcs::internal::predict_test
