#include "eval/recorded_evaluation.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "data/metrics.hpp"
#include "eval/hand_made_recordings.hpp"
#include "expect_error.hpp"
#include "io/file.hpp"
#include "sharcs/error.hpp"
#include "temporary_folder.hpp"

namespace sharcs::internal::recorded_evaluation_test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

std::vector<Sample> four_sentences() {
  return {{.text = "plain", .label = 1, .difficulty = 0, .id = "a7", .line = 2},
          {.text = "</script><b>\"'&\\ \n\u2028 é", .label = 1, .line = 3},
          {.text = "one", .pair = "two", .label = 0, .line = 4},
          {.text = "", .label = 0, .line = 5}};
}

RecordedEvaluation sample_file() {
  RecordedEvaluation file = {.version = version(), .threads = 2, .recording = testing::four_samples()};
  file.recording.model = "runs/a";
  file.recording.samples = four_sentences();
  file.recording.router_logits = {1, 0, 2, 0, -1, 1, 0, 3};
  file.answer_of_sample = {0, 0, 1, 1};
  file.evaluation.samples = 4;
  file.evaluation.answers = {{.name = "0.25", .width = 0.25}, {.name = "1", .width = 1}};
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
  file.calls = {{.batch = 32,
                 .calls = 7,
                 .policy = {.p50 = 0.25, .p95 = 0.5, .p99 = 0.75},
                 .full = {.p50 = 1, .p95 = 2, .p99 = 3},
                 .time_fraction = 0.3}};
  return file;
}

RecordedEvaluation regression_file() {
  RecordedEvaluation file = sample_file();
  file.points.clear();
  file.latency.clear();
  Recording& recording = file.recording;
  recording.task = "scores";
  recording.classes.clear();
  recording.metrics = {"pearson"};
  recording.outputs = 1;
  recording.labels.clear();
  recording.targets = {1, 2, 3, 4.5};
  recording.answers[0].logits = {0, 1, 2, 3};
  recording.answers[1].logits = {1, 2, 3, 4};
  recording.config.labels = {"score"};
  return file;
}

TEST(RecordedEvaluation, KeepsEverySampleAtEveryWidth) {
  const RecordedEvaluation file = RecordedEvaluation::parse(sample_file().to_json(), "recording.json");
  const Recording& recording = file.recording;
  EXPECT_EQ(recording.task, "doubts");
  EXPECT_THAT(recording.classes, ElementsAre("no", "yes"));
  EXPECT_EQ(recording.data, "dev.tsv");
  ASSERT_EQ(recording.size(), 4u);
  EXPECT_EQ(recording.samples[2].text, "one");
  EXPECT_EQ(recording.samples[2].pair, "two");
  EXPECT_EQ(recording.samples[2].line, 4u);
  EXPECT_EQ(recording.tokens[2], 3);
  EXPECT_EQ(file.answer_of_sample[2], 1);
  EXPECT_EQ(recording.label_of(2, 0), 1);
  EXPECT_EQ(recording.label_of(2, 1), 0);
  EXPECT_FALSE(is_right(recording, 2, 0));
  EXPECT_TRUE(is_right(recording, 2, 1));
  EXPECT_THAT(recording.router_logits_of(2), ElementsAre(-1, 1));
  const double sure = 1 / (1 + std::exp(-1.0));
  EXPECT_NEAR(true_probability(recording, 2, 0), 1 - sure, 1e-6);
  EXPECT_NEAR(true_probability(recording, 2, 1), sure, 1e-6);
  EXPECT_EQ(recording.samples[0].difficulty, 0);
  EXPECT_EQ(recording.samples[1].difficulty, std::nullopt);
}

TEST(RecordedEvaluation, KeepsTheTimesOfCallsWhichOlderFilesDoNotHave) {
  const std::string text = sample_file().to_json();
  const RecordedEvaluation file = RecordedEvaluation::parse(text, "recording.json");
  ASSERT_EQ(file.calls.size(), 1u);
  EXPECT_EQ(file.calls[0].batch, 32);
  EXPECT_EQ(file.calls[0].calls, 7);
  EXPECT_EQ(file.calls[0].policy.p95, 0.5);
  EXPECT_EQ(file.calls[0].full.p99, 3);
  EXPECT_EQ(file.calls[0].time_fraction, 0.3);
  auto json = nlohmann::ordered_json::parse(text);
  json.erase("calls");
  EXPECT_TRUE(RecordedEvaluation::parse(json.dump(), "recording.json").calls.empty());
}

TEST(RecordedEvaluation, LogitsAndCostsComeBackBitForBit) {
  RecordedEvaluation file = sample_file();
  Random random(3);
  for (RecordedAnswer& answer : file.recording.answers)
    for (float& logit : answer.logits) logit = static_cast<float>(random.normal());
  file.recording.answers[1].cost = {.constant = 1.0 / 3, .linear = 1e9 / 7, .quadratic = 384};
  file.recording.answers[0].path = {.constant = 1.0 / 3};
  const TemporaryFolder folder;
  file.save(folder / "recording.json");
  const Recording read = Recording::load(folder / "recording.json");
  for (std::size_t answer = 0; answer < 2; ++answer) {
    EXPECT_EQ(read.answers[answer].logits, file.recording.answers[answer].logits);
    EXPECT_EQ(read.answers[answer].cost.of(17), file.recording.answers[answer].cost.of(17));
  }
  EXPECT_EQ(read.answers[0].path.of(17), file.recording.answers[0].path.of(17));
  EXPECT_EQ(read.router_logits, file.recording.router_logits);
}

TEST(RecordedEvaluation, PoliciesAreComparedFromTheFileAlone) {
  const Recording made = sample_file().recording;
  const Recording read = RecordedEvaluation::parse(sample_file().to_json(), "recording.json").recording;
  const auto scores = [](const Recording& recording) {
    std::vector<double> numbers;
    for (const OperatingPoint& point : compare(recording, route(recording, {0, 0, 1, 1})))
      numbers.insert(numbers.end(), {point.score.value, point.score.interval.low, point.cost_fraction});
    return numbers;
  };
  EXPECT_EQ(scores(read), scores(made));
}

TEST(RecordedEvaluation, ARegressionHasValuesInsteadOfClasses) {
  const RecordedEvaluation file = RecordedEvaluation::parse(regression_file().to_json(), "recording.json");
  EXPECT_TRUE(file.recording.is_regression());
  EXPECT_THAT(file.recording.logits_of(3, 0), ElementsAre(3));
  EXPECT_THAT(file.recording.logits_of(3, 1), ElementsAre(4));
  EXPECT_EQ(file.recording.targets[3], 4.5);
  EXPECT_EQ(file.recording.metrics, std::vector<Metric>{"pearson"});
}

RecordedEvaluation two_numbers_file() {
  RecordedEvaluation file = regression_file();
  Recording& recording = file.recording;
  recording.classes = recording.config.labels = {"joy", "anger"};
  recording.config.multi_output = true;
  recording.outputs = 2;
  recording.targets = {1, 0, 2, 0.5, 3, 0, 4.5, 1};
  recording.answers[0].logits = {0, 0, 1, 1, 2, 0, 3, 1};
  recording.answers[1].logits = {1, 0, 2, 1, 3, 0, 4, 1};
  return file;
}

TEST(RecordedEvaluation, ARegressionMayHaveSeveralNumbers) {
  const RecordedEvaluation file = RecordedEvaluation::parse(two_numbers_file().to_json(), "recording.json");
  EXPECT_TRUE(file.recording.is_regression());
  EXPECT_THAT(file.recording.targets_of(3), ElementsAre(4.5, 1));
  EXPECT_EQ(file.recording.samples[1].targets, (std::vector<double>{2, 0.5}));
  EXPECT_THAT(file.recording.logits_of(1, 0), ElementsAre(1, 1));
  EXPECT_DOUBLE_EQ(error_of(file.recording, 1, 0), std::sqrt((1 + 0.25) / 2));
  EXPECT_EQ(error_of(file.recording, 3, 1), std::sqrt(0.125));
  const std::vector<int> at_full = everything_at(file.recording, 1);
  const double joy = measure("pearson", std::vector<double>{1, 2, 3, 4.5}, std::vector<double>{1, 2, 3, 4});
  const double anger = measure("pearson", std::vector<double>{0, 0.5, 0, 1}, std::vector<double>{0, 1, 0, 1});
  EXPECT_DOUBLE_EQ(metrics_at(file.recording, at_full).at("pearson"), (joy + anger) / 2);
  // Each sample's numbers stay together in a resample and in the part of an answer.
  const Evaluation evaluation = evaluate(file.recording, route(file.recording, {0, 1, 1, 1}));
  EXPECT_DOUBLE_EQ(evaluation.answers[1].routed.at("pearson"),
                   (measure("pearson", std::vector<double>{2, 3, 4.5}, std::vector<double>{2, 3, 4}) +
                    measure("pearson", std::vector<double>{0.5, 0, 1}, std::vector<double>{1, 0, 1})) /
                       2);

  std::string text = two_numbers_file().to_json();
  const std::size_t place = text.find("\"targets\":[2.0,0.5]");
  ASSERT_NE(place, std::string::npos);
  EXPECT_THAT(message_of<DataError>([&] {
                RecordedEvaluation::parse(std::string(text).replace(place, 19, "\"targets\":[2.0]"), "recording.json");
              }),
              HasSubstr("\"samples[1].targets\""));
}

TEST(RecordedEvaluation, ReadsBackWhatItWrites) {
  for (const RecordedEvaluation& file : {sample_file(), regression_file(), two_numbers_file()}) {
    const std::string text = file.to_json();
    const RecordedEvaluation read = RecordedEvaluation::parse(text, "recording.json");
    EXPECT_EQ(read.to_json(), text);
    EXPECT_EQ(read.recording.samples[1].text, "</script><b>\"'&\\ \n\u2028 é");
    EXPECT_EQ(read.recording.samples[2].pair, "two");
    EXPECT_EQ(read.recording.samples[0].pair, std::nullopt);
    EXPECT_EQ(read.recording.samples[1].difficulty, std::nullopt);
    ASSERT_EQ(read.points.size(), file.points.size());
    for (std::size_t i = 0; i < file.points.size(); ++i)
      EXPECT_EQ(read.points[i].time_fraction, file.points[i].time_fraction);
    EXPECT_EQ(read.version, file.version);
    EXPECT_EQ(read.recording.config.hidden_size, 768);
  }
}

TEST(RecordedEvaluation, SavedToADiskItLoadsTheSame) {
  const TemporaryFolder folder;
  sample_file().save(folder / "recording.json");
  EXPECT_EQ(RecordedEvaluation::load(folder / "recording.json").to_json(), sample_file().to_json());
  EXPECT_THAT(message_of<IoError>([&] { RecordedEvaluation::load(folder / "absent.json"); }),
              HasSubstr("absent.json: cannot open"));
}

TEST(RecordedEvaluation, EachSampleIsALine) {
  const std::string text = sample_file().to_json();
  EXPECT_THAT(text, HasSubstr("\n  {\"text\":\"plain\",\"id\":\"a7\",\"line\":2,\"difficulty\":0,\"tokens\":1,"
                              "\"label\":1,\"answer\":0,\"router_logits\":[1.0,0.0],"
                              "\"logits\":[[0.0,1.0],[0.0,1.0]]}"));
}

TEST(RecordedEvaluation, NumbersThatJsonDoesNotHaveAreNull) {
  RecordedEvaluation file = sample_file();
  file.points[0].score.interval.low = nan;
  file.evaluation.seconds_routed = std::numeric_limits<double>::infinity();
  const RecordedEvaluation read = RecordedEvaluation::parse(file.to_json(), "recording.json");
  EXPECT_TRUE(std::isnan(read.points[0].score.interval.low));
  EXPECT_TRUE(std::isnan(read.evaluation.seconds_routed));
}

TEST(RecordedEvaluation, SkipsKeysItDoesNotKnow) {
  auto json = nlohmann::json::parse(sample_file().to_json());
  json["added_later"] = 1;
  json["samples"][0]["added_later"] = "x";
  EXPECT_EQ(RecordedEvaluation::parse(json.dump(), "recording.json").to_json(), sample_file().to_json());
}

TEST(RecordedEvaluation, ErrorsNameTheFileTheKeyAndWhatWasFound) {
  const auto message = [](const auto& change) {
    auto json = nlohmann::json::parse(sample_file().to_json());
    change(json);
    return message_of<Error>([&] { RecordedEvaluation::parse(json.dump(), "recording.json"); });
  };
  EXPECT_EQ(message([](auto& json) { json["schema"] = 9; }),
            "recording.json: \"schema\" is 9; this program reads schemas 1 to 3");
  EXPECT_EQ(message([](auto& json) { json = 7; }), "recording.json: found 7, expected an object");
  EXPECT_EQ(message([](auto& json) { json.erase("task"); }), "recording.json: \"task\" is absent; expected an object");
  EXPECT_EQ(message([](auto& json) { json["task"]["kind"] = "guessing"; }),
            "recording.json: \"task.kind\" is \"guessing\"; expected one of classification, regression, multi_label, "
            "token_classification, question_answering, masked_lm");
  EXPECT_EQ(message([](auto& json) { json["task"]["metrics"] = nlohmann::json::array(); }),
            "recording.json: \"task.metrics\" is []; expected at least one name");
  EXPECT_EQ(message([](auto& json) { json["task"]["labels"][1] = 5; }),
            "recording.json: \"task.labels[1]\" is 5; expected a string");
  EXPECT_EQ(
      message([](auto& json) { std::swap(json["answers"][0], json["answers"][1]); }),
      "recording.json: \"answers\" is a list; expected 1 to 64 answers of ascending widths, the last of them no exit");
  EXPECT_EQ(message([](auto& json) { json["answers"][1]["cost"] = {1}; }),
            "recording.json: \"answers[1].cost\" is [1]; expected a list of 3");
  EXPECT_EQ(message([](auto& json) { json["evaluation"]["answers"].erase(1); }),
            "recording.json: \"evaluation.answers\" has 1 entries; expected 2");
  EXPECT_EQ(message([](auto& json) { json["config"]["hidden_size"] = 0; }),
            "recording.json: config: \"hidden_size\" is 0; expected an integer ≥ 1");
  EXPECT_EQ(message([](auto& json) { json["points"][1]["lead"]["low"] = "x"; }),
            "recording.json: \"points[1].lead.low\" is \"x\"; expected a number or null");
  EXPECT_EQ(message([](auto& json) { json["points"][0]["shares"] = {1}; }),
            "recording.json: \"points[0].shares\" is [1]; expected a list of 2");
  EXPECT_EQ(message([](auto& json) { json["latency"][0]["tokens"] = -1; }),
            "recording.json: \"latency[0].tokens\" is -1; expected an integer ≥ 0");
  EXPECT_EQ(message([](auto& json) { json["calls"][0]["policy"].erase("p95"); }),
            "recording.json: \"calls[0].policy.p95\" is absent; expected a number ≥ 0");
  EXPECT_EQ(message([](auto& json) { json["samples"][2]["answer"] = 2; }),
            "recording.json: \"samples[2].answer\" is 2; expected an integer from 0 to 1");
  EXPECT_EQ(message([](auto& json) { json["samples"][2]["label"] = 3; }),
            "recording.json: \"samples[2].label\" is 3; expected an integer from 0 to 1");
  EXPECT_EQ(message([](auto& json) { json["samples"][2]["logits"][1] = {0.5}; }),
            "recording.json: \"samples[2].logits[1]\" is [0.5]; expected a list of 2");
  EXPECT_EQ(message([](auto& json) { json["samples"][2]["logits"].erase(1); }),
            "recording.json: \"samples[2].logits\" is [[0.0,1.0]]; expected a list of 2");
  EXPECT_EQ(message([](auto& json) { json["samples"][2]["logits"][1][1] = "x"; }),
            "recording.json: \"samples[2].logits[1][1]\" is \"x\"; expected a number or null");
  EXPECT_EQ(message([](auto& json) { json["samples"][2].erase("logits"); }),
            "recording.json: \"samples[2].logits\" is absent; expected a list");
  EXPECT_EQ(message([](auto& json) { json["samples"][2]["router_logits"] = {0.5}; }),
            "recording.json: \"samples[2].router_logits\" is [0.5]; expected a list of 2, or none");
}

TEST(RecordedEvaluation, TextThatIsNotJsonIsNamedByLine) {
  const std::string text = sample_file().to_json();
  for (std::size_t size = 0; size + 2 < text.size(); size += 97)
    EXPECT_THAT(message_of<DataError>([&] { RecordedEvaluation::parse(text.substr(0, size), "recording.json"); }),
                HasSubstr(": not valid JSON at byte "));
  EXPECT_THAT(message_of<DataError>([] { RecordedEvaluation::parse("{\n\n!", "recording.json"); }),
              HasSubstr("recording.json:3: not valid JSON"));
}

TEST(RecordedEvaluation, NumbersWithoutTextsAreNotSaved) {
  const TemporaryFolder folder;
  RecordedEvaluation file = sample_file();
  file.recording.samples.pop_back();
  EXPECT_EQ(message_of<ShapeError>([&] { file.save(folder / "recording.json"); }),
            "a recording of 4 samples with 3 texts cannot be saved");
}

/// An evaluation.json as it was before schema 2. Three classes; probabilities in place of logits.
nlohmann::json first_schema() {
  auto json = nlohmann::json::parse(R"({"schema": 1, "sharcs": "0.0.9", "model": "runs/old", "config": {},
    "task": {"name": "moods", "kind": "classification", "labels": ["no", "so", "yes"], "metrics": ["accuracy", "macro_f1"]},
    "data": "dev.tsv", "policy": "fixed 0.25", "threads": 3, "widths": [0.25, 1],
    "summary": {"name": "dev", "samples": 2, "routed": {"accuracy": 0.5}, "full": {"accuracy": 1}, "cost_fraction": 0.5,
      "seconds_routed": 0.1, "seconds_full": 0.3, "widths": [
        {"width": 0.25, "samples": 1, "share": 0.5, "cost_fraction": 0.3, "routed": {"accuracy": 1}, "all": {"accuracy": 0.5},
         "calibration": [{"low": 0, "high": 1, "samples": 2, "predicted": 0.6, "right": 0.5}]},
        {"width": 1, "samples": 1, "share": 0.5, "cost_fraction": 1, "routed": {"accuracy": 1}, "all": {"accuracy": 1},
         "calibration": []}]},
    "points": [], "latency": [],
    "samples": [
      {"text": "a", "id": "", "line": 2, "tokens": 3, "label": 0, "width": 1, "router_logits": [1, -1],
       "predicted": [2, 0], "confidence": [0.5, 0.900001], "true_confidence": [0.3, 0.900001]},
      {"text": "b", "id": "", "line": 3, "tokens": 4, "label": 1, "width": 0, "router_logits": [2, 0],
       "predicted": [1, 1], "confidence": [0.333334, 1], "true_confidence": [0.333334, 1]}]})");
  json["config"] = nlohmann::json::parse(ModelConfig{}.to_json());
  return json;
}

TEST(RecordedEvaluation, ReadsFilesOfTheFirstSchema) {
  const RecordedEvaluation file = RecordedEvaluation::parse(first_schema().dump(), "evaluation.json");
  const Recording& recording = file.recording;
  EXPECT_EQ(file.version, "0.0.9");
  EXPECT_EQ(file.threads, 3);
  EXPECT_EQ(file.policy, "fixed 0.25");
  EXPECT_EQ(recording.model, "runs/old");
  EXPECT_EQ(recording.metrics, (std::vector<Metric>{"accuracy", "macro_f1"}));
  EXPECT_EQ(recording.widths(), (std::vector<double>{0.25, 1}));
  EXPECT_THAT(file.answer_of_sample, ElementsAre(1, 0));
  EXPECT_THAT(recording.labels, ElementsAre(0, 1));
  EXPECT_THAT(recording.tokens, ElementsAre(3, 4));
  EXPECT_THAT(recording.router_logits_of(1), ElementsAre(2, 0));
  EXPECT_EQ(recording.label_of(0, 0), 2);
  EXPECT_EQ(recording.label_of(0, 1), 0);
  EXPECT_EQ(recording.label_of(1, 0), 1) << "although the others are as probable, but for rounding";
  EXPECT_NEAR(true_probability(recording, 0, 0), 0.3, 1e-6);
  EXPECT_NEAR(true_probability(recording, 0, 1), 0.900001, 1e-6);
  EXPECT_NEAR(true_probability(recording, 1, 1), 1, 1e-6);
  EXPECT_EQ(file.evaluation.seconds_full, 0.3);
  ASSERT_EQ(file.evaluation.answers[0].reliability.size(), 1u);
  EXPECT_EQ(file.evaluation.answers[0].reliability[0].right, 0.5);
  const RecordedEvaluation again = RecordedEvaluation::parse(file.to_json(), "recording.json");
  EXPECT_EQ(again.to_json(), file.to_json()) << "in the third schema";
}

/// A recording.json as it was in schema 2: one shared cost for all widths.
nlohmann::json second_schema() {
  auto json = nlohmann::json::parse(R"({"schema": 2, "sharcs": "0.1.0", "model": "runs/old", "config": {},
    "task": {"name": "moods", "kind": "classification", "labels": ["no", "yes"], "metrics": ["accuracy"]},
    "data": "dev.tsv", "threads": 3, "shared_cost": [5, 10, 0.5],
    "answers": [{"name": "0.25", "width": 0.25, "cost": [5, 30, 1], "seconds": 0},
                {"name": "1", "width": 1, "cost": [5, 100, 2], "seconds": 0.3}],
    "policy": "argmax",
    "evaluation": {"name": "dev", "samples": 2, "routed": {"accuracy": 0.5}, "full": {"accuracy": 1}, "cost_fraction": 0.5,
      "seconds_routed": 0.1, "seconds_full": 0.3, "widths": [
        {"width": 0.25, "samples": 1, "share": 0.5, "cost_fraction": 0.3, "routed": {"accuracy": 1}, "all": {"accuracy": 0.5},
         "reliability": [{"low": 0, "high": 1, "samples": 2, "predicted": 0.6, "right": 0.5}]},
        {"width": 1, "samples": 1, "share": 0.5, "cost_fraction": 1, "routed": {"accuracy": 1}, "all": {"accuracy": 1},
         "reliability": []}]},
    "points": [], "latency": [],
    "samples": [
      {"text": "a", "id": "", "line": 2, "tokens": 3, "label": 0, "answer": 1, "router_logits": [1, -1],
       "logits": [[0, 1], [2, 1]]},
      {"text": "b", "id": "", "line": 3, "tokens": 4, "label": 1, "answer": 0, "router_logits": [2, 0],
       "logits": [[0, 1], [-1, 1.5]]}]})");
  json["config"] = nlohmann::json::parse(ModelConfig{}.to_json());
  return json;
}

TEST(RecordedEvaluation, ReadsFilesOfTheSecondSchema) {
  const RecordedEvaluation file = RecordedEvaluation::parse(second_schema().dump(), "recording.json");
  const Recording& recording = file.recording;
  EXPECT_EQ(file.policy, "argmax");
  EXPECT_EQ(recording.widths(), (std::vector<double>{0.25, 1}));
  EXPECT_THAT(file.answer_of_sample, ElementsAre(1, 0));
  EXPECT_THAT(recording.logits_of(1, 1), ElementsAre(-1, 1.5f));
  EXPECT_EQ(recording.answers[1].cost.of(10), 5 + 1000 + 200);
  for (const RecordedAnswer& answer : recording.answers) EXPECT_EQ(answer.path.of(10), 5 + 100 + 50);
  EXPECT_EQ(recording.answers[1].seconds, 0.3);
  EXPECT_EQ(file.evaluation.answers[0].name, "0.25");
  EXPECT_EQ(file.evaluation.answers[0].reliability[0].right, 0.5);
  const RecordedEvaluation again = RecordedEvaluation::parse(file.to_json(), "recording.json");
  EXPECT_EQ(again.to_json(), file.to_json()) << "in the third schema";
}

TEST(RecordedEvaluation, ErrorsOfTheSecondSchemaNameItsKeys) {
  const auto message = [](const auto& change) {
    auto json = second_schema();
    change(json);
    return message_of<Error>([&] { RecordedEvaluation::parse(json.dump(), "recording.json"); });
  };
  EXPECT_EQ(message([](auto& json) { json.erase("shared_cost"); }),
            "recording.json: \"shared_cost\" is absent; expected a list");
  EXPECT_EQ(message([](auto& json) { json["evaluation"]["widths"].erase(1); }),
            "recording.json: \"evaluation.widths\" has 1 entries; expected 2");
}

TEST(RecordedEvaluation, ErrorsOfTheFirstSchemaNameItsKeys) {
  const auto message = [](const auto& change) {
    auto json = first_schema();
    change(json);
    return message_of<Error>([&] { RecordedEvaluation::parse(json.dump(), "evaluation.json"); });
  };
  EXPECT_EQ(message([](auto& json) {
              json["widths"] = {1, 0.5};
            }),
            "evaluation.json: \"widths\" is [1,0.5]; expected ascending fractions");
  EXPECT_EQ(message([](auto& json) { json["summary"]["widths"].erase(1); }),
            "evaluation.json: \"summary.widths\" has 1 entries; expected 2");
  EXPECT_EQ(message([](auto& json) { json["samples"][1]["width"] = 2; }),
            "evaluation.json: \"samples[1].width\" is 2; expected an integer from 0 to 1");
  EXPECT_EQ(message([](auto& json) {
              json["samples"][1]["predicted"] = {0, 3};
            }),
            "evaluation.json: \"samples[1].predicted[1]\" is 3; expected an integer from 0 to 2");
  EXPECT_EQ(message([](auto& json) { json["samples"][1]["confidence"] = {0.5}; }),
            "evaluation.json: \"samples[1].confidence\" is [0.5]; expected a list of 2");
}

}  // namespace
}  // namespace sharcs::internal::recorded_evaluation_test
