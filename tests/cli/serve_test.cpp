#include <gmock/gmock.h>
#include <signal.h>

#include <cstdlib>

#include "io/file.hpp"
#include "serve/test_server.hpp"

namespace sharcs::internal::serve_test {
namespace {

using namespace testing;
using ::testing::HasSubstr;

TEST(Serve, SaysWhereItServesAndEndsOnSigtermWithAllAnswered) {
  const TemporaryFolder folder;
  save_tiny_model(folder / "tiny");
  save_tiny_model(folder / "other");
  RunningProgram program(
      {"serve", (folder / "tiny").string(), "second=" + (folder / "other").string(), "--port", "0", "--json"});
  const auto start = nlohmann::json::parse(program.await_line());
  EXPECT_EQ(start["models"], nlohmann::json({"tiny", "second"}));
  TestClient client(start["port"]);
  client.send(post("/v1/classify", R"({"inputs": ["a gem"], "model": "second"})"));
  EXPECT_EQ(client.read().json()["model"], "second");
  const std::string begun = post("/v1/classify", R"({"inputs": ["a mess"]})");
  client.send(begun.substr(0, 50));
  program.send(SIGTERM);
  program.await("ends when the requests that run have their answers");
  client.send(begun.substr(50));
  EXPECT_EQ(client.read().status, 200);
  EXPECT_EQ(program.wait().exit_code, 0);
}

TEST(Serve, BudgetOfARequestIsCalibratedFromTheRecordingInTheFolder) {
  const TemporaryFolder folder;
  const std::string model = (folder / "tiny").string();
  save_tiny_sst2_model(model);
  std::string data = "sentence\tlabel\n";
  for (int i = 0; i < 20; ++i) data += "the film was superb\t1\na mess , not a joy\t0\na gem\t1\nthe plot is dull\t0\n";
  write_file_atomically(folder / "dev.tsv", data);
  const ProgramRun eval = run_program({"eval", "--model", model, "--data", folder.path().string(), "--output",
                                       (folder / "tiny/recording.json").string()});
  ASSERT_EQ(eval.exit_code, 0) << eval.errors;
  RunningProgram program({"serve", model, "--port", "0", "--json"});
  TestClient client(nlohmann::json::parse(program.await_line())["port"]);
  client.send(get("/v1/models"));
  const nlohmann::json budgets = client.read().json()["models"][0]["budgets"];
  ASSERT_FALSE(budgets.empty());
  EXPECT_EQ(budgets.back(), 1.0);
  const auto with = [&](double budget) {
    client.send(post("/v1/classify", nlohmann::json({{"inputs", {"a gem"}}, {"budget", budget}}).dump()));
    return client.read();
  };
  const ReadResponse least = with(budgets.front());
  EXPECT_EQ(least.status, 200);
  EXPECT_THAT(least.body, HasSubstr("calibrated to "));
  const ReadResponse below = with(0);
  EXPECT_EQ(below.status, 400);
  EXPECT_THAT(below.message(), HasSubstr("\"budget\" is 0; expected at least "));
}

TEST(Serve, ReadsItsModelsAgainOnSighup) {
  const TemporaryFolder folder;
  save_tiny_model(folder / "tiny");
  RunningProgram program({"serve", (folder / "tiny").string(), "--port", "0", "--json"});
  const int port = nlohmann::json::parse(program.await_line())["port"];
  save_tiny_model(folder / "tiny", [](ModelConfig& config) { config.labels = {"bad", "good"}; });
  program.send(SIGHUP);
  program.await("sharcs: model tiny: read again");
  TestClient client(port);
  client.send(get("/v1/models"));
  EXPECT_EQ(client.read().json()["models"][0]["classes"], nlohmann::json({"bad", "good"}));
  write_file_atomically(folder / "tiny" / "vocab.txt", "");
  std::filesystem::remove(folder / "tiny" / "config.json");
  program.send(SIGHUP);
  program.await("sharcs: model tiny: the old one stays: ");
  client.send(post("/v1/classify", R"({"inputs": ["a gem"]})"));
  EXPECT_EQ(client.read().status, 200);
  program.send(SIGINT);
  EXPECT_EQ(program.wait().exit_code, 0);
}

TEST(Serve, RequestsMadeFromTheOpenApiFileGetWhatItSays) {
  if (std::system("python3 --version > /dev/null 2>&1") != 0) GTEST_SKIP() << "no Python is installed";
  const TemporaryFolder folder;
  save_tiny_model(folder / "texts");
  save_tiny_model(folder / "words", label_words);
  save_tiny_model(folder / "answers", find_answers);
  save_tiny_model(folder / "masks", fill_masks);
  RunningProgram program({"serve", (folder / "texts").string(), (folder / "words").string(),
                          (folder / "answers").string(), (folder / "masks").string(), "--port", "0", "--json"});
  const std::string url = nlohmann::json::parse(program.await_line())["url"];
  const std::string said = (folder / "said").string();
  EXPECT_EQ(std::system(("python3 '" SHARCS_REQUEST_SCRIPT "' " + url + " 300 > '" + said + "' 2>&1").c_str()), 0)
      << read_text_file(said);
}

TEST(Serve, WhatItCannotServeIsSaidInOneLine) {
  const TemporaryFolder folder;
  save_tiny_model(folder / "tiny");
  const std::string model = (folder / "tiny").string();
  EXPECT_THAT(error_of(run_program({"serve"}), 2), HasSubstr("--model is required"));
  EXPECT_THAT(error_of(run_program({"serve", model, "--port", "0", "--host", "here"})),
              HasSubstr("the host is \"here\"; expected an address, such as 127.0.0.1"));
  EXPECT_THAT(error_of(run_program({"serve", model, model, "--port", "0"})),
              HasSubstr("two models are called \"tiny\"; expected NAME=FOLDER with another name"));
  EXPECT_THAT(error_of(run_program({"serve", model, "--port", "0", "--policy", "fixed:0.3"})),
              HasSubstr("width 0.3 is not one of the model's"));
  EXPECT_THAT(error_of(run_program({"serve", (folder / "none").string(), "--port", "0"})),
              HasSubstr("none: there is no such folder"));
  EXPECT_THAT(error_of(run_program({"serve", model, "--max-inputs", "9", "--max-queue", "3"}), 2),
              HasSubstr("--max-inputs 9 is more than --max-queue 3"));
}

}  // namespace
}  // namespace sharcs::internal::serve_test
