#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "cli/program.hpp"
#include "io/file.hpp"
#include "sharcs/classifier.hpp"
#include "sharcs/error.hpp"
#include "sharcs/model_config.hpp"

namespace sharcs::internal::tags_cli_test {
namespace {

using ::testing::ElementsAre;
using testing::error_of;
using ::testing::HasSubstr;
using testing::last_error_of;
using ::testing::MatchesRegex;
using testing::run_program;
using ::testing::StartsWith;

/// Texts in which "new york" is a place and "ada" a person, as CoNLL.
class TagsProgram : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = new TemporaryFolder;
    std::string train;
    for (int i = 0; i < 240; ++i) {
      train += "it O\nis O\n";
      if ((i & 1) != 0) train += "ada B-PER\n";
      if ((i & 2) != 0) train += "in O\nnew B-LOC\nyork I-LOC\n";
      if ((i & 4) != 0) train += "new O\nrain O\n";
      train += "\n";
    }
    write_file_atomically(*folder_ / "train.conll", train);
    auto config = testing::tiny_training_config(
        {{"recipe", "distilled"}, {"epochs", 12}, {"batch_size", 16}, {"learning_rate", 3e-3}, {"max_length", 16}});
    config["model"]["hidden_size"] = 32;
    config["model"]["sharcs"]["exits"] = {1};
    write_file_atomically(*folder_ / "config.json", config.dump());
    trained_ = run_program({"train", *folder_ / "train.conll", "--config", *folder_ / "config.json", "--threads", "1",
                            "--output", model()});
  }
  static void TearDownTestSuite() { delete folder_; }

  static std::string model() { return *folder_ / "run"; }
  static std::string path(const std::string& name) { return *folder_ / name; }

  static TemporaryFolder* folder_;
  static testing::ProgramRun trained_;
};
TemporaryFolder* TagsProgram::folder_ = nullptr;
testing::ProgramRun TagsProgram::trained_;

TEST_F(TagsProgram, LearnsAndStoresWhatItNeeds) {
  ASSERT_EQ(trained_.exit_code, 0) << trained_.errors;
  EXPECT_THAT(trained_.errors, HasSubstr("(B-LOC "));
  EXPECT_THAT(trained_.output, HasSubstr("entity_f1"));
  const ModelConfig config = ModelConfig::load(path("run/config.json"));
  EXPECT_TRUE(config.per_token);
  EXPECT_THAT(config.labels, ElementsAre("B-LOC", "B-PER", "I-LOC", "O"));
  EXPECT_THAT(read_text_file(path("run/config.json")), HasSubstr("BertForTokenClassification"));
}

TEST_F(TagsProgram, PredictsAWordALine) {
  const auto run = run_program({"predict", "--model", model(), "--text", "it is ada in new york"});
  EXPECT_EQ(run.errors, "");
  std::istringstream lines(run.output);
  std::string line;
  std::getline(lines, line);
  EXPECT_EQ(line, "word\ttag\tprobability\tanswer");
  std::getline(lines, line);
  EXPECT_EQ(line, "");
  for (const char* start : {"it\tO\t", "is\tO\t", "ada\tB-PER\t", "in\tO\t", "new\tB-LOC\t", "york\tI-LOC\t"}) {
    std::getline(lines, line);
    EXPECT_THAT(line, StartsWith(start));
    EXPECT_THAT(line, MatchesRegex("[a-z]+\t[A-Z-]+\t[01]\\.[0-9]{4}\t(exit 1|0.25|1)"));
  }
  // A file of CoNLL's form without tags, and one with them, give the same.
  write_file_atomically(path("words.conll"), "it\nis\nada\n\nnew\nrain\n");
  write_file_atomically(path("tagged.conll"), "it O\nis O\nada B-PER\n\nnew O\nrain O\n");
  const auto words = run_program({"predict", "--model", model(), "--input", path("words.conll"), "--json"});
  EXPECT_EQ(words.exit_code, 0) << words.errors;
  EXPECT_EQ(words.output,
            run_program({"predict", "--model", model(), "--input", path("tagged.conll"), "--json"}).output);
  const auto json = nlohmann::json::parse(words.output.substr(0, words.output.find('\n')));
  EXPECT_EQ(json["tokens"], (nlohmann::json{"it", "is", "ada"}));
  EXPECT_EQ(json["ner_tags"], (nlohmann::json{"O", "O", "B-PER"}));
  EXPECT_EQ(json["entities"][0]["type"], "PER");
  EXPECT_EQ(json["entities"][0]["text"], "ada");
}

TEST_F(TagsProgram, WordsThatTheModelDoesNotReadHaveNoTag) {
  std::string text = "it";
  for (int i = 0; i < 30; ++i) text += " is";
  const auto run = run_program({"predict", "--model", model(), "--text", text, "--json"});
  EXPECT_THAT(run.errors, HasSubstr("1 sample longer than 16 tokens, and cut there"));
  const auto json = run.json();
  EXPECT_EQ(json["ner_tags"].size(), 31u);
  EXPECT_TRUE(json["ner_tags"][30].is_null());
  EXPECT_TRUE(json["truncated"]);
}

TEST_F(TagsProgram, EvaluatesComparesCalibratesAndReports) {
  const auto eval = run_program({"eval", "--model", model(), "--file", path("train.conll"), "--compare", "--json",
                                 "--predictions", path("predictions.tsv"), "--output", path("recording.json")});
  EXPECT_EQ(eval.exit_code, 0) << eval.errors;
  const auto json = eval.json();
  EXPECT_GT(json["full"]["entity_f1"]["value"], 0.95);
  EXPECT_FALSE(json.contains("confusion"));
  ASSERT_EQ(json["classes"].size(), 2u);
  EXPECT_EQ(json["classes"][0]["name"], "LOC");
  EXPECT_EQ(json["classes"][0]["samples"], 120);
  EXPECT_EQ(json["classes"][1]["samples"], 120);
  EXPECT_THAT(read_text_file(path("predictions.tsv")), HasSubstr("\tO O B-PER\tO O B-PER\t"));
  const auto again = run_program({"eval", "--recording", path("recording.json"), "--policy", "cascade:0.9"});
  EXPECT_EQ(again.exit_code, 0) << again.errors;
  const auto by_model =
      run_program({"eval", "--model", model(), "--file", path("train.conll"), "--policy", "cascade:0.9"});
  EXPECT_EQ(by_model.exit_code, 0) << by_model.errors;
  const auto calibrated = run_program({"calibrate", "--model", model(), "--file", path("train.conll"), "--policy",
                                       "cascade", "--max-drop", "0.5", "--dry-run"});
  EXPECT_EQ(calibrated.exit_code, 0) << calibrated.errors;
  EXPECT_EQ(run_program({"report", model(), "--output", path("report.html")}).exit_code, 0);
  EXPECT_THAT(read_text_file(path("report.html")), HasSubstr("\"truth\":\"O O B-PER\""));
  EXPECT_THAT(run_program({"report", model(), "--text"}).output, HasSubstr("Tags"));
  const auto reordered =
      run_program({"reorder", "--model", model(), "--file", path("train.conll"), "--output", path("reordered")});
  EXPECT_EQ(reordered.exit_code, 0) << reordered.errors;
  EXPECT_TRUE(ModelConfig::load(path("reordered/config.json")).per_token);
  // Full width and exits say the same as before.
  const Classifier before = Classifier::load(model()), after = Classifier::load(path("reordered"));
  const std::vector<std::vector<std::string>> texts = {{"it", "is", "ada", "in", "new", "york"}};
  for (const Policy& policy : {Policy::fixed(1), Policy::fixed_exit(1)}) {
    const Prediction was = before.tag(texts, {.policy = policy}).front();
    const Prediction is = after.tag(texts, {.policy = policy}).front();
    for (std::size_t i = 0; i < was.logits.size(); ++i) EXPECT_NEAR(is.logits[i], was.logits[i], 1e-4);
  }
  const auto quantized = run_program({"quantize", model(), "--output", path("int8")});
  EXPECT_EQ(quantized.exit_code, 0) << quantized.errors;
  EXPECT_EQ(run_program({"predict", "--model", path("int8"), "--text", "it is ada"}).exit_code, 0);
}

TEST_F(TagsProgram, RoutesATextAsAWholeByItsLeastCertainWord) {
  const Classifier classifier = Classifier::load(model());
  const std::vector<std::vector<std::string>> texts = {{"it", "is", "ada"}, {"new", "york", "in", "new", "rain"}};
  const auto exits = classifier.tag(texts, {.policy = Policy::fixed_exit(1)});
  const auto full = classifier.tag(texts, {.policy = Policy::fixed(1)});
  std::vector<double> least;
  for (const Prediction& prediction : exits) {
    least.push_back(1);
    for (std::size_t word = 0; word < prediction.labels.size(); ++word) {
      const auto row = std::span(prediction.probabilities).subspan(4 * word, 4);
      least.back() = std::min(least.back(), static_cast<double>(*std::ranges::max_element(row)));
    }
  }
  ASSERT_NE(least[0], least[1]);
  const double between = (least[0] + least[1]) / 2;
  const auto routed = classifier.tag(texts, {.policy = Policy::exits(between)});
  for (std::size_t i = 0; i < texts.size(); ++i) {
    const bool kept = least[i] > between;
    EXPECT_EQ(routed[i].answer, kept ? "exit 1" : "1");
    EXPECT_EQ(routed[i].logits, kept ? exits[i].logits : full[i].logits);
  }
  EXPECT_EQ(classifier.tag(std::span(texts).last(1), {.policy = Policy::fixed(1)})[0].logits, full[1].logits)
      << "a text's answer does not depend on the others";
}

TEST_F(TagsProgram, WhatDoesNotFitIsRefusedByName) {
  const std::string other = path("other");
  testing::save_tiny_model(other);
  EXPECT_THAT(error_of(run_program({"eval", "--model", other, "--file", path("train.conll"), "--tags"})),
              HasSubstr("the model labels texts; --tags is for others"));
  EXPECT_THAT(error_of(run_program({"eval", "--model", model(), "--file", path("train.conll"), "--task", "sst-2"})),
              HasSubstr("the model labels tokens; task \"sst-2\" has one label a text"));
  EXPECT_THAT(error_of(run_program({"predict", "--model", model(), "--text", "x", "--long", "windows"})),
              HasSubstr("a long text is read at its beginning only"));
  const Classifier classifier = Classifier::load(model());
  EXPECT_THROW(classifier.classify("x"), ConfigError);
  EXPECT_THROW(Classifier::load(other).tag(std::vector<std::vector<std::string>>{{"x"}}), ConfigError);
  EXPECT_THROW(classifier.tag(std::vector<std::vector<std::string>>{{}}), DataError);
  EXPECT_THAT(last_error_of(run_program({"train", path("train.conll"), "--config", path("config.json"), "--output",
                                         path("b"), "--class-weights", "balanced"})),
              HasSubstr("\"class_weights\" is \"balanced\", but task own data is a token_classification"));
}

}  // namespace
}  // namespace sharcs::internal::tags_cli_test
