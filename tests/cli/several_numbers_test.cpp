#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "cli/program.hpp"
#include "io/file.hpp"
#include "sharcs/model_config.hpp"

namespace sharcs::internal::several_numbers_test {
namespace {

using ::testing::HasSubstr;
using testing::last_error_of;
using ::testing::MatchesRegex;
using testing::run_program;

/// Texts whose two numbers say how many of their words are glad and how many are loud.
class SeveralNumbers : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = new TemporaryFolder;
    std::string train = "text,mood\n";
    for (int i = 0; i < 240; ++i) {
      const int glad = i % 4, loud = i / 4 % 4;
      std::string text = "it is";
      for (int word = 0; word < glad; ++word) text += " glad";
      for (int word = 0; word < loud; ++word) text += " loud";
      train += text + ",\"" + std::to_string(glad) + ", " + std::to_string(-loud) + ".5\"\n";
    }
    write_file_atomically(*folder_ / "train.csv", train);
    auto config = testing::tiny_training_config(
        {{"recipe", "distilled"}, {"epochs", 30}, {"batch_size", 16}, {"learning_rate", 3e-3}, {"max_length", 16}});
    config["model"]["hidden_size"] = 32;
    config["model"]["sharcs"]["exits"] = {1};
    write_file_atomically(*folder_ / "config.json", config.dump());
    trained_ = run_program({"train", "--config", path("config.json"), "--threads", "1", "--train", path("train.csv"),
                            "--label-column", "mood", "--regression", "--labels", "glad,loud", "--output", model()});
  }
  static void TearDownTestSuite() { delete folder_; }

  static std::string path(const std::string& name) { return *folder_ / name; }
  static std::string model() { return path("run"); }

  static TemporaryFolder* folder_;
  static testing::ProgramRun trained_;
};
TemporaryFolder* SeveralNumbers::folder_ = nullptr;
testing::ProgramRun SeveralNumbers::trained_;

TEST_F(SeveralNumbers, AreLearnt) {
  ASSERT_EQ(trained_.exit_code, 0) << trained_.errors;
  const ModelConfig config = ModelConfig::load(path("run/config.json"));
  EXPECT_TRUE(config.multi_output);
  EXPECT_EQ(config.labels, (std::vector<std::string>{"glad", "loud"}));
  const auto run =
      run_program({"eval", "--model", model(), "--file", path("train.csv"), "--policy", "fixed:1", "--json"});
  ASSERT_EQ(run.exit_code, 0) << run.errors;
  EXPECT_GT(run.json()["routed"]["pearson"]["value"].get<double>(), 0.9);
}

TEST_F(SeveralNumbers, ArePredictedInColumnsOfTheirNames) {
  const auto run =
      run_program({"predict", "--model", model(), "--policy", "fixed:1"}, "it is glad glad glad\nit is loud\n");
  EXPECT_EQ(run.errors, "");
  std::istringstream lines(run.output);
  std::string line;
  std::getline(lines, line);
  EXPECT_EQ(line, "glad\tloud\tanswer");
  std::getline(lines, line);
  EXPECT_THAT(line, MatchesRegex("-?[0-9]\\.[0-9]{4}\t-?[0-9]\\.[0-9]{4}\t1"));
  std::getline(lines, line);
  std::istringstream numbers(line);
  double glad = 0, loud = 0;
  numbers >> glad >> loud;
  EXPECT_NEAR(glad, 0, 0.8);
  EXPECT_NEAR(loud, -1.5, 0.8);

  const auto json = run_program({"predict", "--model", model(), "--text", "it is glad", "--json"}).json();
  EXPECT_NEAR(json["scores"]["glad"].get<double>(), 1, 0.8);
  EXPECT_FALSE(json.contains("score"));
  const auto skipped = run_program({"predict", "--model", model(), "--on-error", "empty"}, "it is glad\n\n");
  EXPECT_THAT(skipped.output, ::testing::EndsWith("\n\t\t\n"));
}

TEST_F(SeveralNumbers, AreEvaluatedComparedCalibratedAndReported) {
  const auto run = run_program({"eval", "--model", model(), "--file", path("train.csv"), "--compare", "--output",
                                path("recording.json"), "--predictions", path("predictions.tsv")});
  EXPECT_EQ(run.exit_code, 0) << run.errors;
  EXPECT_THAT(run.output, HasSubstr("pearson"));
  EXPECT_THAT(read_text_file(path("predictions.tsv")), HasSubstr("\n7\t1,-1.5\t"));
  const auto calibrated =
      run_program({"calibrate", "--recording", path("recording.json"), "--max-drop", "2", "--compare"});
  EXPECT_EQ(calibrated.exit_code, 0) << calibrated.errors;
  EXPECT_THAT(calibrated.output, HasSubstr("combined"));
  const auto again = run_program({"eval", "--recording", path("recording.json"), "--compare"});
  EXPECT_EQ(again.exit_code, 0) << again.errors;
  EXPECT_EQ(run_program({"report", model(), "--output", path("report.html")}).exit_code, 0);
  EXPECT_THAT(read_text_file(path("report.html")), HasSubstr("\"truth\":["));
}

TEST_F(SeveralNumbers, OtherDataIsRefused) {
  write_file_atomically(path("other.csv"), "text,mood\nit is,\"1,2,3\"\n");
  EXPECT_EQ(last_error_of(run_program({"eval", "--model", model(), "--file", path("other.csv")})),
            path("other.csv") + ":2: 3 targets under \"mood\"; expected 2, \"glad\", \"loud\"");
  EXPECT_EQ(last_error_of(run_program({"eval", "--model", model(), "--task", "sts-b", "--file", path("train.csv")})),
            model() + "/config.json: the model has 2 outputs; task \"sts-b\" needs 1");
  EXPECT_EQ(last_error_of(run_program({"eval", "--model", model(), "--task", "sst-2", "--file", path("train.csv")})),
            model() + "/config.json: the model gives several numbers for a text; task \"sst-2\" has classes");
}

}  // namespace
}  // namespace sharcs::internal::several_numbers_test
