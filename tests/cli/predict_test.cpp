#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "cli/program.hpp"
#include "io/file.hpp"
#include "sharcs/classifier.hpp"
#include "sharcs/task.hpp"

namespace sharcs::internal {
namespace {

using ::testing::ElementsAre;
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
    for (std::size_t i = 1; i < lines.size(); ++i)
      EXPECT_THAT(lines[i], ::testing::EndsWith(std::string("\t") + width));
  }
  const std::vector<std::string> capped = lines_of(predict({"--policy", "cap:0.25"}, text).output);
  ASSERT_EQ(capped.size(), 4u);
  for (std::size_t i = 1; i < capped.size(); ++i) EXPECT_THAT(capped[i], ::testing::EndsWith("\t0.25"));
  EXPECT_THAT(error_of(predict({"--text", "a gem", "--policy", "fixed:0.3", "--output", folder_ / "x"})),
              HasSubstr("0.3"));
}

TEST_F(Predict, OutputDoesNotDependOnTheThreads) {
  std::string text;
  for (int i = 0; i < 40; ++i) text += i % 3 == 0 ? "the film was superb\n" : "a mess , not a joy\n";
  EXPECT_EQ(predict({"--threads", "1"}, text).output, predict({"--threads", "3"}, text).output);
}

TEST_F(Predict, LinesThatCannotBeJudgedAreNamed) {
  const auto error = [&](const std::string& text) { return error_of(predict({"--output", folder_ / "out"}, text)); };
  EXPECT_EQ(error("a gem\n\na mess\n"), "standard input:2: is empty; expected a sentence");
  EXPECT_EQ(error("a gem\nbad \xff\n"), "standard input:2: byte 5 of the line is not UTF-8 text");
  EXPECT_EQ(error(""), "standard input: is empty; expected a line for each sentence");
  EXPECT_FALSE(std::filesystem::exists(folder_ / "out"));
  EXPECT_EQ(predict({"--invalid-text", "replace"}, "bad \xff\n").exit_code, 0);
  EXPECT_EQ(error_of(predict({"--input", folder_ / "none.txt", "--output", folder_ / "out"})),
            (folder_ / "none.txt").string() + ": cannot open: No such file or directory");
}

TEST_F(Predict, SentencesGivenAsArgumentsAreCheckedLikeLines) {
  EXPECT_EQ(error_of(predict({"--text", "a gem", "--text", ""})), "--text: is empty; expected a sentence");
  EXPECT_EQ(error_of(predict({"--text",
                              "bla\xff"
                              "bla"})),
            "--text: byte 4 of the line is not UTF-8 text");
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
  EXPECT_THAT(error_of(predict({"--text", "a", "--input", file("a.txt", "a gem\n")}), 1), StartsWith(message));
  EXPECT_THAT(error_of(predict({"--text", "a", "--input", "-"}), 1), StartsWith(message));
  EXPECT_THAT(error_of(predict({"--text", "a", "--data", folder_ / "data"}), 1), StartsWith(message));
}

TEST_F(Predict, ColumnsOfFilesNeedATask) {
  EXPECT_THAT(error_of(predict({"--input", file("a.csv", "text,label\nx,negative\n")}), 1),
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
  EXPECT_THAT(error_of(predict({"--output", folder_ / "out"}, "a gem\n")),
              "standard input:1: expected two sentences separated by a TAB, found \"a gem\"");
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
  EXPECT_THAT(error_of(predict({"--data", folder_ / "data", "--glue-submission", folder_ / "one.tsv"}), 1),
              StartsWith("the submission of mnli is two files; expected a folder"));
}

}  // namespace
}  // namespace sharcs::internal
