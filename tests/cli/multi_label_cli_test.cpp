#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "cli/program.hpp"
#include "io/file.hpp"
#include "sharcs/model_config.hpp"

namespace sharcs::internal::multi_label_cli_test {
namespace {

using testing::error_of;
using ::testing::HasSubstr;
using testing::last_error_of;
using ::testing::MatchesRegex;
using testing::run_program;

/// Texts of one to three of these words, whose labels are the words themselves; one in eight has none.
class MultiLabelProgram : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = new TemporaryFolder;
    std::string train = "text\ttags\n";
    for (int i = 0; i < 240; ++i) {
      std::string text = "it is", tags;
      for (int word = 0; word < 3; ++word)
        if ((i % 8 >> word & 1) != 0) {
          text += std::string(" ") + words[word];
          tags += (tags.empty() ? "" : "|") + std::string(words[word]);
        }
      train += text + "\t" + tags + "\n";
    }
    write_file_atomically(*folder_ / "train.tsv", train);
    auto config = testing::tiny_training_config(
        {{"recipe", "distilled"}, {"epochs", 30}, {"batch_size", 16}, {"learning_rate", 3e-3}, {"max_length", 16}});
    config["model"]["hidden_size"] = 32;
    config["model"]["sharcs"]["exits"] = {1};
    write_file_atomically(*folder_ / "config.json", config.dump());
    trained_ = run_program({"train", "--config", *folder_ / "config.json", "--threads", "1", "--train",
                            *folder_ / "train.tsv", "--text-column", "text", "--label-column", "tags", "--multi-label",
                            "--label-separator", "|", "--label-threshold", "0.4", "--output", model()});
  }
  static void TearDownTestSuite() { delete folder_; }

  static constexpr const char* words[] = {"sad", "short", "silly"};
  static std::string model() { return *folder_ / "run"; }
  static std::string path(const std::string& name) { return *folder_ / name; }

  static TemporaryFolder* folder_;
  static testing::ProgramRun trained_;
};
TemporaryFolder* MultiLabelProgram::folder_ = nullptr;
testing::ProgramRun MultiLabelProgram::trained_;

TEST_F(MultiLabelProgram, LearnsAndStoresWhatItNeeds) {
  ASSERT_EQ(trained_.exit_code, 0) << trained_.errors;
  EXPECT_THAT(trained_.errors, HasSubstr("(sad 50.0 %, short 50.0 %, silly 50.0 %)"));
  EXPECT_THAT(trained_.output, HasSubstr("micro_f1"));
  const ModelConfig config = ModelConfig::load(path("run/config.json"));
  EXPECT_TRUE(config.multi_label);
  EXPECT_EQ(config.label_threshold, 0.4);
  EXPECT_EQ(config.task->label_separator, '|');
}

TEST_F(MultiLabelProgram, PredictsAllLabelsAboveTheThreshold) {
  const std::string text = "it is sad silly\nit is\n";
  const auto run = run_program({"predict", "--model", model()}, text);
  EXPECT_EQ(run.errors, "");
  std::istringstream lines(run.output);
  std::string line;
  std::getline(lines, line);
  EXPECT_EQ(line, "labels\tprobabilities\tanswer");
  std::getline(lines, line);
  EXPECT_THAT(line, MatchesRegex("sad\\|silly\t[01]\\.[0-9]{4}\\|[01]\\.[0-9]{4}\t(exit 1|0.25|1)"));
  std::getline(lines, line);
  EXPECT_THAT(line, MatchesRegex("\t\t(exit 1|0.25|1)"));
  const auto all = run_program({"predict", "--model", model(), "--label-threshold", "0", "--json"}, text);
  const auto json = nlohmann::json::parse(all.output.substr(0, all.output.find('\n')));
  EXPECT_EQ(json["labels"], (nlohmann::json{"sad", "short", "silly"}));
  EXPECT_EQ(json["probabilities"].size(), 3u);
  EXPECT_FALSE(json.contains("label"));
}

TEST_F(MultiLabelProgram, EvaluatesComparesCalibratesAndReports) {
  const auto eval = run_program({"eval", "--model", model(), "--file", path("train.tsv"), "--compare", "--json",
                                 "--predictions", path("predictions.tsv"), "--output", path("recording.json")});
  EXPECT_EQ(eval.exit_code, 0) << eval.errors;
  const auto json = eval.json();
  EXPECT_GT(json["full"]["micro_f1"]["value"], 0.9);
  EXPECT_FALSE(json.contains("confusion"));
  ASSERT_EQ(json["classes"].size(), 3u);
  EXPECT_EQ(json["classes"][1]["name"], "short");
  EXPECT_EQ(json["classes"][1]["samples"], 120);
  EXPECT_THAT(read_text_file(path("predictions.tsv")), HasSubstr("\tsad,short,silly\t"));
  const auto again = run_program({"eval", "--recording", path("recording.json"), "--policy", "cascade:0.9"});
  EXPECT_EQ(again.exit_code, 0) << again.errors;
  EXPECT_THAT(run_program({"eval", "--model", model(), "--file", path("train.tsv")}).output, HasSubstr("label "));
  const auto calibrated = run_program({"calibrate", "--model", model(), "--file", path("train.tsv"), "--policy",
                                       "cascade", "--budget", "0.8", "--dry-run"});
  EXPECT_EQ(calibrated.exit_code, 0) << calibrated.errors;
  EXPECT_EQ(run_program({"report", model(), "--output", path("report.html")}).exit_code, 0);
  EXPECT_THAT(read_text_file(path("report.html")), HasSubstr("\"is_multi_label\":true"));
  const auto reordered =
      run_program({"reorder", "--model", model(), "--file", path("train.tsv"), "--output", path("reordered")});
  EXPECT_EQ(reordered.exit_code, 0) << reordered.errors;
  EXPECT_TRUE(ModelConfig::load(path("reordered/config.json")).multi_label);
}

TEST_F(MultiLabelProgram, WhatDoesNotFitIsRefusedByName) {
  const std::string other = path("other");
  testing::save_tiny_model(other);
  EXPECT_THAT(error_of(run_program({"predict", "--model", other, "--text", "x", "--label-threshold", "0.3"})),
              HasSubstr("a label threshold is for models that give several labels"));
  EXPECT_THAT(error_of(run_program({"eval", "--model", other, "--file", path("train.tsv"), "--multi-label"})),
              HasSubstr("the model gives one label a text; --multi-label is for others"));
  EXPECT_THAT(error_of(run_program({"eval", "--model", model(), "--file", path("train.tsv"), "--task", "sst-2"})),
              HasSubstr("the model gives several labels a text; task \"sst-2\" has one label a text"));
  const auto train = [&](const std::vector<std::string>& more) {
    std::vector<std::string> all = {
        "train", "--config",      path("config.json"), "--train", path("train.tsv"), "--label-column",
        "tags",  "--multi-label", "--label-separator", "|",       "--output",        path("refused")};
    all.insert(all.end(), more.begin(), more.end());
    return run_program(all);
  };
  EXPECT_THAT(last_error_of(train({"--hardness-measure", "entropy"})), HasSubstr("is a multi_label task"));
  EXPECT_THAT(last_error_of(train({"--class-weights", "balanced"})), HasSubstr("whose labels are not classes"));
  EXPECT_EQ(train({"--regression"}).exit_code, 2);
  EXPECT_EQ(train({"--label-separator", "ab"}).exit_code, 2);
}

}  // namespace
}  // namespace sharcs::internal::multi_label_cli_test
