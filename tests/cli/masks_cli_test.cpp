#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "cli/program.hpp"
#include "io/file.hpp"
#include "serve/test_server.hpp"
#include "sharcs/model_config.hpp"

namespace sharcs::internal::masks_cli_test {
namespace {

using testing::error_of;
using ::testing::HasSubstr;
using testing::run_program;
using ::testing::StartsWith;

/// Plain text in which a word follows from the one before.
class MasksProgram : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = new TemporaryFolder;
    const std::vector<std::string> lines = {"one two three four five six", "red blue green black white brown",
                                            "cat dog cow hen pig fox"};
    std::string train, dev;
    for (int i = 0; i < 360; ++i) (i % 6 == 0 ? dev : train) += lines[static_cast<std::size_t>(i / 6 + i) % 3] + "\n\n";
    write_file_atomically(*folder_ / "train.txt", train);
    write_file_atomically(*folder_ / "dev.txt", dev);
    auto config = testing::tiny_training_config(
        {{"recipe", "distilled"}, {"epochs", 40}, {"batch_size", 16}, {"learning_rate", 5e-3}, {"max_length", 16}});
    config["model"]["hidden_size"] = 32;
    config["model"]["sharcs"]["exits"] = {1};
    write_file_atomically(*folder_ / "config.json", config.dump());
    trained_ = run_program({"train", "--task", "masked-lm", "--data", folder_->path().string(), "--config",
                            *folder_ / "config.json", "--threads", "1", "--output", model()});
  }
  static void TearDownTestSuite() { delete folder_; }

  static std::string model() { return *folder_ / "run"; }
  static std::string path(const std::string& name) { return *folder_ / name; }

  static TemporaryFolder* folder_;
  static testing::ProgramRun trained_;
};
TemporaryFolder* MasksProgram::folder_ = nullptr;
testing::ProgramRun MasksProgram::trained_;

TEST_F(MasksProgram, LearnsAndStoresWhatItNeeds) {
  ASSERT_EQ(trained_.exit_code, 0) << trained_.errors;
  EXPECT_THAT(trained_.errors, HasSubstr("train: 300 lines of "));
  EXPECT_THAT(trained_.output, HasSubstr("perplexity"));
  EXPECT_THAT(trained_.output, HasSubstr("token_accuracy"));
  const ModelConfig config = ModelConfig::load(path("run/config.json"));
  EXPECT_TRUE(config.fills_masks);
  EXPECT_EQ(config.task->kind, TaskKind::masked_lm);
}

TEST_F(MasksProgram, EvaluatesComparesAndCalibrates) {
  for (const char* precision : {"fp32", "bf16", "int8"}) {
    const auto run = run_program({"eval", "--model", model(), "--file", path("dev.txt"), "--compare", "--precision",
                                  precision, "--threads", "1", "--json"});
    ASSERT_EQ(run.exit_code, 0) << run.errors;
    const auto json = nlohmann::json::parse(run.output);
    EXPECT_LT(json["full"]["perplexity"]["value"].get<double>(), 3) << precision;
    EXPECT_EQ(json["answers"].size(), 3u);
  }
  const auto calibrated =
      run_program({"calibrate", "--recording", path("run/recording.json"), "--budget", "0.8", "--dry-run"});
  EXPECT_EQ(calibrated.exit_code, 0) << calibrated.errors;
  EXPECT_EQ(run_program({"report", model(), "--text"}).exit_code, 0);
  const auto page = run_program({"report", model(), "--output", path("report.html")});
  EXPECT_EQ(page.exit_code, 0) << page.errors;
  EXPECT_THAT(read_text_file(path("report.html")), HasSubstr("log-likelihood of a masked token"));
}

TEST_F(MasksProgram, PredictsTheLikeliestTokensOfEachMask) {
  const auto run = run_program(
      {"predict", "--model", model(), "--text", "one two [MASK] four five six", "--top", "2", "--policy", "fixed:1"});
  ASSERT_EQ(run.exit_code, 0) << run.errors;
  EXPECT_THAT(run.output, StartsWith("mask\ttoken\tprobability\tanswer\n\n1\tthree\t0."));
  write_file_atomically(path("asked.txt"),
                        "cat [MASK] cow hen [MASK] fox\nno mask\n[MASK] blue green black white brown\n");
  const auto lines = run_program(
      {"predict", "--model", model(), "--input", path("asked.txt"), "--json", "--top", "1", "--policy", "fixed:1"});
  EXPECT_EQ(lines.exit_code, 3);
  std::istringstream stream(lines.output);
  std::vector<nlohmann::json> found;
  for (std::string line; std::getline(stream, line);) found.push_back(nlohmann::json::parse(line));
  ASSERT_EQ(found.size(), 3u) << lines.output;
  EXPECT_EQ(found[0]["masks"][0][0]["token"], "dog");
  EXPECT_EQ(found[0]["masks"][1][0]["token"], "pig");
  EXPECT_EQ(found[1]["error"], path("asked.txt") + ":2: has no mask; expected [MASK]");
  EXPECT_EQ(found[2]["masks"][0][0]["token"], "red");
  EXPECT_THAT(
      error_of(run_program({"predict", "--model", model(), "--input", path("asked.txt"), "--on-error", "stop"})),
      HasSubstr("asked.txt:2: has no mask; expected [MASK]"));
}

TEST_F(MasksProgram, IsServedUnderABudget) {
  testing::RunningProgram program({"serve", model(), "--port", "0", "--json"});
  testing::TestClient client(nlohmann::json::parse(program.await_line())["port"]);
  const auto fill = [&](double budget) {
    const nlohmann::json request = {{"inputs", {"one two [MASK] four five six"}}, {"budget", budget}, {"top", 1}};
    client.send(testing::post("/v1/fill", request.dump()));
    return client.read();
  };
  const testing::ReadResponse filled = fill(1);
  ASSERT_EQ(filled.status, 200) << filled.body;
  EXPECT_THAT(filled.json()["policy"].get<std::string>(), HasSubstr("calibrated to "));
  EXPECT_EQ(filled.json()["predictions"][0]["masks"][0][0]["token"], "three");
  EXPECT_THAT(fill(0).message(), HasSubstr("\"budget\" is 0; expected at least "));
}

TEST_F(MasksProgram, StartsAClassifier) {
  std::string table = "sentence\tlabel\n";
  for (int i = 0; i < 60; ++i) table += i % 2 == 0 ? "one two three\t1\n" : "cat dog cow\t0\n";
  write_file_atomically(path("texts.tsv"), table);
  const auto run = run_program({"train", path("texts.tsv"), "--init", model(), "--epochs", "4", "--threads", "1",
                                "--learning-rate", "1e-3", "--max-length", "16", "--output", path("texts")});
  ASSERT_EQ(run.exit_code, 0) << run.errors;
  EXPECT_THAT(run.errors, HasSubstr("initialised anew: "));
  EXPECT_FALSE(ModelConfig::load(path("texts/config.json")).per_token);
}

TEST_F(MasksProgram, GoesOnWithItsTraining) {
  const auto run =
      run_program({"train", "--task", "masked-lm", "--train", path("train.txt"), "--init", model(), "--epochs", "2",
                   "--warmup-epochs", "1", "--threads", "1", "--max-length", "16", "--output", path("further")});
  ASSERT_EQ(run.exit_code, 0) << run.errors;
  EXPECT_THAT(run.errors, ::testing::Not(HasSubstr("initialised anew")));
}

TEST_F(MasksProgram, WhatIsNotToBeHadIsRefusedInALine) {
  EXPECT_THAT(error_of(run_program({"eval", "--model", model(), "--file", path("dev.txt"), "--task", "sst-2"})),
              HasSubstr("the model labels masked tokens; task \"sst-2\" is a classification"));
  EXPECT_THAT(error_of(run_program({"eval", "--model", model(), "--file", path("dev.txt"), "--label-column", "2"})),
              HasSubstr("the model labels masked tokens; the options of columns"));
  EXPECT_THAT(error_of(run_program({"train", "--task", "masked-lm", "--train", path("train.txt"), "--format", "csv",
                                    "--config", path("config.json"), "--output", path("none")})),
              HasSubstr("the format is csv; expected none"));
}

}  // namespace
}  // namespace sharcs::internal::masks_cli_test
