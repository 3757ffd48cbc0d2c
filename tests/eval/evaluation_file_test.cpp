#include "sharcs/evaluation_file.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "expect_error.hpp"
#include "io/file.hpp"
#include "sharcs/error.hpp"
#include "temporary_folder.hpp"

namespace sharcs::internal {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

/// Two widths, four samples, two classes: the narrow width is right for samples 0 and 1, the wide one for 0, 2 and 3.
Evaluation four_answers() {
  Evaluation evaluation;
  Answers& answers = evaluation.answers;
  answers.widths = {0.25, 1};
  answers.outputs = 2;
  answers.tokens = {1, 2, 3, 4};
  answers.labels = {1, 1, 0, 0};
  answers.logits = {{0, 1, 0, 1, 0, 1, 0, 1}, {0, 1, 1, 0, 1, 0, 1, 0}};
  answers.router_logits = {1, 0, 2, 0, -1, 1, 0, 3};
  answers.multiply_adds = {{10, 20, 30, 40}, {100, 200, 300, 400}};
  evaluation.routing.width_of_sample = {0, 0, 1, 1};
  evaluation.record.samples = 4;
  evaluation.record.widths = {{.width = 0.25}, {.width = 1}};
  return evaluation;
}

Task two_classes() { return Task::custom({.name = "doubts", .labels = {"no", "yes"}, .metrics = {Metric::accuracy}}); }

Dataset four_sentences() {
  return {.file = "dev.tsv",
          .samples = {{.text = "plain", .label = 1, .difficulty = 0, .id = "a7", .line = 2},
                      {.text = "</script><b>\"'&\\ \n\u2028 é", .label = 1, .line = 3},
                      {.text = "one", .pair = "two", .label = 0, .line = 4},
                      {.text = "", .label = 0, .line = 5}},
          .notes = {}};
}

EvaluationFile sample_file() {
  EvaluationFile file = EvaluationFile::of(four_answers(), two_classes(), four_sentences(), ModelConfig{});
  file.model = "runs/a";
  file.threads = 2;
  file.points = {{.name = "routed",
                  .series = "routed",
                  .shares = {0.5, 0.5},
                  .cost_fraction = 0.73,
                  .time_fraction = 0.75,
                  .metrics = {{"accuracy", 1}},
                  .score = {1, {0.8, 1}}},
                 {.name = "fixed 0.25",
                  .series = "fixed",
                  .shares = {1, 0},
                  .cost_fraction = 0.1,
                  .metrics = {{"accuracy", 0.5}},
                  .score = {0.5, {0.25, 0.75}},
                  .lead = Estimate{0.5, {0.25, 0.75}}}};
  file.latency = {{.width = 0.25, .tokens = 8, .batch = 1, .runs = 5, .seconds = 0.001, .low = 0.0009, .high = 0.0011}};
  return file;
}

EvaluationFile regression_file() {
  Evaluation evaluation = four_answers();
  Answers& answers = evaluation.answers;
  answers.labels.clear();
  answers.outputs = 1;
  answers.targets = {1, 2, 3, 4.5};
  answers.logits = {{0, 1, 2, 3}, {1, 2, 3, 4}};
  const Task task =
      Task::custom({.name = "scores", .kind = TaskKind::regression, .label = "score", .metrics = {Metric::pearson}});
  Dataset dataset = four_sentences();
  for (Sample& sample : dataset.samples) sample.label.reset();
  ModelConfig config;
  config.labels = {"score"};
  return EvaluationFile::of(evaluation, task, dataset, config);
}

TEST(EvaluationFile, HoldsEverySampleAtEveryWidth) {
  const EvaluationFile file = sample_file();
  EXPECT_EQ(file.task, "doubts");
  EXPECT_THAT(file.labels, ElementsAre("no", "yes"));
  EXPECT_EQ(file.data, "dev.tsv");
  ASSERT_EQ(file.samples.size(), 4u);
  const SampleResult& third = file.samples[2];
  EXPECT_EQ(third.text, "one");
  EXPECT_EQ(third.pair, "two");
  EXPECT_EQ(third.line, 4);
  EXPECT_EQ(third.tokens, 3);
  EXPECT_EQ(third.width, 1);
  EXPECT_THAT(third.predicted, ElementsAre(1, 0));
  EXPECT_FALSE(third.right(0));
  EXPECT_TRUE(third.right(1));
  EXPECT_THAT(third.router_logits, ElementsAre(-1, 1));
  const double sure = std::round(1e6 / (1 + std::exp(-1.0))) / 1e6;
  EXPECT_DOUBLE_EQ(third.confidence[0], sure);
  EXPECT_DOUBLE_EQ(third.true_confidence[0], 1 - sure);
  EXPECT_DOUBLE_EQ(third.true_confidence[1], sure);
  EXPECT_EQ(file.samples[0].difficulty, 0);
  EXPECT_EQ(file.samples[1].difficulty, std::nullopt);
}

TEST(EvaluationFile, ARegressionHasValuesInsteadOfClasses) {
  const EvaluationFile file = regression_file();
  EXPECT_TRUE(file.is_regression());
  EXPECT_THAT(file.samples[3].values, ElementsAre(3, 4));
  EXPECT_EQ(file.samples[3].target, 4.5);
  EXPECT_TRUE(file.samples[3].confidence.empty());
}

TEST(EvaluationFile, ReadsBackWhatItWrites) {
  for (const EvaluationFile& file : {sample_file(), regression_file()}) {
    const std::string text = file.to_json();
    const EvaluationFile read = EvaluationFile::parse(text, "evaluation.json");
    EXPECT_EQ(read.to_json(), text);
    EXPECT_EQ(read.samples[1].text, "</script><b>\"'&\\ \n\u2028 é");
    EXPECT_EQ(read.samples[2].pair, "two");
    EXPECT_EQ(read.samples[0].pair, std::nullopt);
    EXPECT_EQ(read.samples[1].difficulty, std::nullopt);
    ASSERT_EQ(read.points.size(), file.points.size());
    for (std::size_t i = 0; i < file.points.size(); ++i)
      EXPECT_EQ(read.points[i].time_fraction, file.points[i].time_fraction);
    EXPECT_EQ(read.version, file.version);
    EXPECT_EQ(read.config.hidden_size, 768);
  }
}

TEST(EvaluationFile, SavedToADiskItLoadsTheSame) {
  const TemporaryFolder folder;
  sample_file().save(folder / "evaluation.json");
  EXPECT_EQ(EvaluationFile::load(folder / "evaluation.json").to_json(), sample_file().to_json());
  EXPECT_THAT(message_of<IoError>([&] { EvaluationFile::load(folder / "absent.json"); }),
              HasSubstr("absent.json: cannot open"));
}

TEST(EvaluationFile, EachSampleIsALine) {
  const std::string text = sample_file().to_json();
  EXPECT_THAT(text, HasSubstr("\n  {\"text\":\"plain\",\"id\":\"a7\",\"line\":2,\"difficulty\":0,\"tokens\":1,"
                              "\"label\":1,\"width\":0,\"router_logits\":[1.0,0.0],\"predicted\":[1,1],"));
}

TEST(EvaluationFile, NumbersThatJsonDoesNotHaveAreNull) {
  EvaluationFile file = sample_file();
  file.points[0].score.interval.low = nan;
  file.summary.seconds_routed = std::numeric_limits<double>::infinity();
  const EvaluationFile read = EvaluationFile::parse(file.to_json(), "evaluation.json");
  EXPECT_TRUE(std::isnan(read.points[0].score.interval.low));
  EXPECT_TRUE(std::isnan(read.summary.seconds_routed));
}

TEST(EvaluationFile, SkipsKeysItDoesNotKnow) {
  auto json = nlohmann::json::parse(sample_file().to_json());
  json["added_later"] = 1;
  json["samples"][0]["added_later"] = "x";
  EXPECT_EQ(EvaluationFile::parse(json.dump(), "evaluation.json").to_json(), sample_file().to_json());
}

TEST(EvaluationFile, ErrorsNameTheFileTheKeyAndWhatWasFound) {
  const auto message = [](const auto& change) {
    auto json = nlohmann::json::parse(sample_file().to_json());
    change(json);
    return message_of<Error>([&] { EvaluationFile::parse(json.dump(), "evaluation.json"); });
  };
  EXPECT_EQ(message([](auto& json) { json["schema"] = 9; }),
            "evaluation.json: \"schema\" is 9; this program reads schema 1");
  EXPECT_EQ(message([](auto& json) { json = 7; }), "evaluation.json: found 7, expected an object");
  EXPECT_EQ(message([](auto& json) { json.erase("task"); }), "evaluation.json: \"task\" is absent; expected an object");
  EXPECT_EQ(message([](auto& json) { json["task"]["kind"] = "guessing"; }),
            "evaluation.json: \"task.kind\" is \"guessing\"; expected \"classification\" or \"regression\"");
  EXPECT_EQ(message([](auto& json) { json["task"]["metrics"] = nlohmann::json::array(); }),
            "evaluation.json: \"task.metrics\" is []; expected at least one name");
  EXPECT_EQ(message([](auto& json) { json["task"]["labels"][1] = 5; }),
            "evaluation.json: \"task.labels\" is 5; expected a text");
  EXPECT_EQ(message([](auto& json) {
              json["widths"] = {1, 0.5};
            }),
            "evaluation.json: \"widths\" is [1,0.5]; expected ascending fractions");
  EXPECT_EQ(message([](auto& json) { json["summary"]["widths"].erase(1); }),
            "evaluation.json: \"summary.widths\" has 1 entries; expected 2");
  EXPECT_EQ(message([](auto& json) { json["config"]["hidden_size"] = 0; }),
            "evaluation.json: config: \"hidden_size\" is 0; expected an integer from 1 to 2147483647");
  EXPECT_EQ(message([](auto& json) { json["points"][1]["lead"]["low"] = "x"; }),
            "evaluation.json: \"points[1].lead.low\" is \"x\"; expected a number or null");
  EXPECT_EQ(message([](auto& json) { json["points"][0]["shares"] = {1}; }),
            "evaluation.json: \"points[0].shares\" is [1]; expected a list of 2");
  EXPECT_EQ(message([](auto& json) { json["latency"][0]["tokens"] = -1; }),
            "evaluation.json: \"latency[0].tokens\" is -1; expected an integer ≥ 0");
  EXPECT_EQ(message([](auto& json) { json["samples"][2]["width"] = 2; }),
            "evaluation.json: \"samples[2].width\" is 2; expected an integer less than 2");
  EXPECT_EQ(message([](auto& json) {
              json["samples"][2]["predicted"] = {0, 3};
            }),
            "evaluation.json: \"samples[2].predicted\" is [0,3]; expected integers less than 2");
  EXPECT_EQ(message([](auto& json) { json["samples"][2]["confidence"] = {0.5}; }),
            "evaluation.json: \"samples[2].confidence\" is [0.5]; expected a list of 2");
  EXPECT_EQ(message([](auto& json) { json["samples"][2]["router_logits"] = {0.5}; }),
            "evaluation.json: \"samples[2].router_logits\" is [0.5]; expected a list of 2, or none");
}

TEST(EvaluationFile, TextThatIsNotJsonIsNamedByLine) {
  const std::string text = sample_file().to_json();
  for (std::size_t size = 0; size + 2 < text.size(); size += 97)
    EXPECT_THAT(message_of<DataError>([&] { EvaluationFile::parse(text.substr(0, size), "evaluation.json"); }),
                HasSubstr(": not valid JSON at byte "));
  EXPECT_THAT(message_of<DataError>([] { EvaluationFile::parse("{\n\n!", "evaluation.json"); }),
              HasSubstr("evaluation.json:3: not valid JSON"));
}

TEST(EvaluationFile, AnotherDataSetIsRefused) {
  Dataset dataset = four_sentences();
  dataset.samples.pop_back();
  EXPECT_EQ(message_of<ShapeError>([&] { EvaluationFile::of(four_answers(), two_classes(), dataset, ModelConfig{}); }),
            "an evaluation of 4 samples beside a data set of 3");
}

}  // namespace
}  // namespace sharcs::internal
