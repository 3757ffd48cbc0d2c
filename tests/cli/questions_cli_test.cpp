#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <sstream>

#include "cli/program.hpp"
#include "io/file.hpp"
#include "sharcs/classifier.hpp"
#include "sharcs/error.hpp"
#include "sharcs/model_config.hpp"

namespace sharcs::internal::questions_cli_test {
namespace {

using testing::error_of;
using ::testing::HasSubstr;
using testing::last_error_of;
using testing::run_program;

/// Questions of who came, as SQuAD 2.0 has them: "ada" or "bo smith", or nobody.
class QuestionsProgram : public ::testing::Test {
 protected:
  static nlohmann::json squad(int count) {
    nlohmann::json paragraphs = nlohmann::json::array();
    for (int i = 0; i < count; ++i) {
      const bool late = (i & 1) != 0;
      const std::string who = i % 3 == 0 ? "" : i % 3 == 1 ? "ada" : "bo smith";
      const std::string before = late ? "it is late and it rains . " : "it is warm . ";
      const std::string context = before + (who.empty() ? "nobody" : who) + " came in the rain .";
      nlohmann::json answers = nlohmann::json::array();
      if (!who.empty()) answers.push_back({{"text", who}, {"answer_start", before.size()}});
      paragraphs.push_back({{"context", context},
                            {"qas",
                             {{{"id", "q" + std::to_string(i)},
                               {"question", "who came ?"},
                               {"is_impossible", who.empty()},
                               {"answers", answers}}}}});
    }
    return {{"version", "v2.0"}, {"data", {{{"title", "rain"}, {"paragraphs", paragraphs}}}}};
  }

  static void SetUpTestSuite() {
    folder_ = new TemporaryFolder;
    write_file_atomically(*folder_ / "train.json", squad(240).dump());
    write_file_atomically(*folder_ / "dev.json", squad(60).dump(1));
    auto config = testing::tiny_training_config(
        {{"recipe", "distilled"}, {"epochs", 12}, {"batch_size", 16}, {"learning_rate", 3e-3}, {"max_length", 32}});
    config["model"]["hidden_size"] = 32;
    config["model"]["max_position_embeddings"] = 64;
    config["model"]["sharcs"]["exits"] = {1};
    write_file_atomically(*folder_ / "config.json", config.dump());
    trained_ = run_program({"train", *folder_ / "train.json", "--dev", *folder_ / "dev.json", "--config",
                            *folder_ / "config.json", "--threads", "1", "--output", model()});
  }
  static void TearDownTestSuite() { delete folder_; }

  static std::string model() { return *folder_ / "run"; }
  static std::string path(const std::string& name) { return *folder_ / name; }

  static TemporaryFolder* folder_;
  static testing::ProgramRun trained_;
};
TemporaryFolder* QuestionsProgram::folder_ = nullptr;
testing::ProgramRun QuestionsProgram::trained_;

TEST_F(QuestionsProgram, LearnsAndStoresWhatItNeeds) {
  ASSERT_EQ(trained_.exit_code, 0) << trained_.errors;
  EXPECT_THAT(trained_.output, HasSubstr("answer_f1"));
  const ModelConfig config = ModelConfig::load(path("run/config.json"));
  EXPECT_TRUE(config.finds_answers);
  EXPECT_EQ(config.task->no_answer_above, 0);
  EXPECT_THAT(read_text_file(path("run/config.json")), HasSubstr("BertForQuestionAnswering"));
}

TEST_F(QuestionsProgram, PredictsWhatSquadsScriptsRead) {
  const auto run = run_program({"predict", "--model", model(), "--input", path("dev.json")});
  EXPECT_EQ(run.errors, "");
  const auto predictions = nlohmann::json::parse(run.output);
  ASSERT_EQ(predictions.size(), 60u);
  int right = 0;
  for (int i = 0; i < 60; ++i)
    right += predictions.at("q" + std::to_string(i)) == (i % 3 == 0 ? "" : i % 3 == 1 ? "ada" : "bo smith");
  EXPECT_GE(right, 57);
  // JSON Lines give the same, with more about each.
  std::string lines;
  for (int i = 0; i < 3; ++i)
    lines += nlohmann::json{{"id", "q" + std::to_string(i)},
                            {"question", "who came ?"},
                            {"context", squad(3)["data"][0]["paragraphs"][i]["context"]}}
                 .dump() +
             "\n";
  write_file_atomically(path("asked.jsonl"), lines);
  const auto json = run_program({"predict", "--model", model(), "--input", path("asked.jsonl"), "--json"});
  EXPECT_EQ(json.exit_code, 0) << json.errors;
  std::istringstream all(json.output);
  int count = 0;
  for (std::string line; std::getline(all, line); ++count) {
    const auto each = nlohmann::json::parse(line);
    EXPECT_EQ(each["text"], predictions[each["id"].get<std::string>()]);
    EXPECT_TRUE(each.contains("probability") && each.contains("no_answer_score") && each.contains("multiply_adds"));
  }
  EXPECT_EQ(count, 3);
  // A threshold that "no answer" never reaches.
  const auto answered =
      run_program({"predict", "--model", model(), "--input", path("asked.jsonl"), "--no-answer-above", "1000"});
  EXPECT_NE(nlohmann::json::parse(answered.output)["q0"], "");
}

TEST_F(QuestionsProgram, AnswersALineWithAQuestionAndItsContext) {
  const auto run =
      run_program({"predict", "--model", model(), "--text", "who came ?\tit is warm . bo smith came in the rain ."});
  EXPECT_EQ(run.errors, "");
  EXPECT_THAT(run.output, ::testing::StartsWith("text\tprobability\tanswer\nbo smith\t"));
}

TEST_F(QuestionsProgram, EvaluatesComparesCalibratesReportsAndQuantizes) {
  const auto eval = run_program({"eval", "--model", model(), "--file", path("dev.json"), "--compare", "--json",
                                 "--predictions", path("predictions.tsv"), "--output", path("recording.json")});
  EXPECT_EQ(eval.exit_code, 0) << eval.errors;
  const auto json = eval.json();
  EXPECT_GT(json["full"]["answer_f1"]["value"], 0.95);
  EXPECT_FALSE(json.contains("confusion"));
  EXPECT_THAT(read_text_file(path("predictions.tsv")), HasSubstr("\tbo smith\tbo smith\t"));
  EXPECT_THAT(read_text_file(path("predictions.tsv")), HasSubstr("\t(no answer)\t(no answer)\t"));
  for (const char* source : {"--recording", "--model"}) {
    std::vector<std::string> arguments = {"eval", "--policy", "cascade:0.9", source,
                                          source == std::string("--model") ? model() : path("recording.json")};
    if (source == std::string("--model")) arguments.insert(arguments.end(), {"--file", path("dev.json")});
    EXPECT_EQ(run_program(arguments).exit_code, 0) << source;
  }
  const auto calibrated = run_program({"calibrate", "--model", model(), "--file", path("dev.json"), "--policy",
                                       "combined", "--max-drop", "0.5", "--dry-run"});
  EXPECT_EQ(calibrated.exit_code, 0) << calibrated.errors;
  EXPECT_EQ(run_program({"report", model(), "--output", path("report.html")}).exit_code, 0);
  EXPECT_THAT(read_text_file(path("report.html")), HasSubstr("\"truth\":\"bo smith\""));
  EXPECT_EQ(run_program({"report", model(), "--text"}).exit_code, 0);
  const auto reordered =
      run_program({"reorder", "--model", model(), "--file", path("train.json"), "--output", path("reordered")});
  EXPECT_EQ(reordered.exit_code, 0) << reordered.errors;
  const Classifier before = Classifier::load(model()), after = Classifier::load(path("reordered"));
  const std::vector<TextPair> asked = {{"who came ?", "it is warm . bo smith came in the rain ."}};
  for (const Policy& policy : {Policy::fixed(1), Policy::fixed_exit(1)})
    EXPECT_NEAR(before.answer(asked, {.policy = policy})[0].score, after.answer(asked, {.policy = policy})[0].score,
                1e-3);
  for (const char* precision : {"int8", "bf16"}) {
    const auto quantized = run_program({"quantize", model(), "--output", path(precision), "--precision", precision});
    EXPECT_EQ(quantized.exit_code, 0) << quantized.errors;
    const auto run = run_program({"eval", "--model", path(precision), "--file", path("dev.json"), "--json"});
    EXPECT_EQ(run.exit_code, 0) << run.errors;
    EXPECT_GT(run.json()["full"]["answer_f1"]["value"], 0.9) << precision;
  }
}

TEST_F(QuestionsProgram, WhatDoesNotFitIsRefusedByName) {
  const std::string other = path("other");
  testing::save_tiny_model(other);
  EXPECT_THAT(error_of(run_program({"eval", "--model", other, "--file", path("dev.json"), "--questions"})),
              HasSubstr("the model labels texts; --questions is for others"));
  EXPECT_THAT(error_of(run_program({"eval", "--model", model(), "--file", path("dev.json"), "--tags"})),
              HasSubstr("the model labels answers in a text; --tags is for others"));
  EXPECT_THAT(error_of(run_program({"predict", "--model", model(), "--text", "no context"})), HasSubstr("TAB"));
  write_file_atomically(path("bad.jsonl"),
                        R"({"question": "q", "context": "x y", "answers": {"text": ["y"], "answer_start": [1]}})");
  EXPECT_THAT(
      error_of(run_program({"eval", "--model", model(), "--file", path("bad.jsonl")})),
      HasSubstr("bad.jsonl:1: \"answers.answer_start[0]\" is 1, where the context has \" \"; expected the answer "
                "\"y\""));
  EXPECT_THAT(last_error_of(run_program({"train", path("train.json"), "--config", path("config.json"), "--output",
                                         path("b"), "--class-weights", "balanced"})),
              HasSubstr("\"class_weights\" is \"balanced\", but task own data is a question_answering"));
}

}  // namespace
}  // namespace sharcs::internal::questions_cli_test
