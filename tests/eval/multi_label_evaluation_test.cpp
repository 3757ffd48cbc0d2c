#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "eval/hand_made_recordings.hpp"
#include "eval/policy_table.hpp"
#include "eval/recorded_evaluation.hpp"
#include "expect_error.hpp"
#include "model/predicted_label.hpp"
#include "sharcs/calibration.hpp"
#include "sharcs/error.hpp"
#include "sharcs/policy.hpp"

namespace sharcs::internal::multi_label_evaluation_test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

float logit(double probability) { return static_cast<float>(std::log(probability / (1 - probability))); }

/// Widths 0.25 and 1, three labels, three samples. True: {a, c}, {}, {b}. The narrow width says {a, c}, {b}, {b}; the
/// wide one {a, c}, {}, {}.
Recording three_samples() {
  Recording recording = {
      .task = "topics",
      .classes = {"a", "b", "c"},
      .metrics = {"exact_match", "micro_f1"},
      .data = "dev.tsv",
      .outputs = 3,
      .answers = {{.name = "0.25", .width = 0.25, .cost = {.linear = 10}},
                  {.name = "1", .width = 1, .cost = {.linear = 100}}},
      .tokens = {1, 2, 3},
      .labels = {0b101, 0, 0b010},
      .samples = {{.text = "x", .label = 0b101}, {.text = "y", .label = 0}, {.text = "z", .label = 2}}};
  recording.config.labels = recording.classes;
  recording.config.multi_label = true;
  recording.config.sharcs = SharcsConfig{.width_mult_list = {0.25, 1.0}};
  for (const double p : {0.9, 0.2, 0.7, 0.1, 0.6, 0.1, 0.4, 0.95, 0.1}) recording.answers[0].logits.push_back(logit(p));
  for (const double p : {0.9, 0.2, 0.8, 0.1, 0.3, 0.1, 0.4, 0.45, 0.1}) recording.answers[1].logits.push_back(logit(p));
  return recording;
}

TEST(MultiLabelRecording, AnswersAreSetsAndRightWhenTheyAreEqual) {
  const Recording recording = three_samples();
  EXPECT_EQ(recording.label_of(0, 0), 0b101);
  EXPECT_EQ(recording.label_of(1, 0), 0b010);
  EXPECT_EQ(recording.label_of(2, 1), 0);
  EXPECT_TRUE(is_right(recording, 0, 0));
  EXPECT_FALSE(is_right(recording, 1, 0));
  // The least of what is given to the truth about a label: 0.9, 0.8 and 0.7 of {a, c}.
  EXPECT_NEAR(true_probability(recording, 0, 0), 0.7, 1e-6);
  EXPECT_NEAR(true_probability(recording, 1, 0), 0.4, 1e-6);
  EXPECT_NEAR(true_probability(recording, 2, 1), 0.45, 1e-6);
  const MetricMap narrow = metrics_at(recording, std::vector<int>{0, 0, 0});
  EXPECT_NEAR(narrow.at("exact_match"), 2.0 / 3, 1e-12);
  EXPECT_NEAR(narrow.at("micro_f1"), 2 * 3.0 / (3 + 4), 1e-12);
}

TEST(MultiLabelRecording, TheThresholdDecides) {
  Recording recording = three_samples();
  recording.config.label_threshold = 0.75;
  EXPECT_EQ(recording.label_of(0, 0), 0b001);
  recording.config.label_threshold = 0.05;
  EXPECT_EQ(recording.label_of(0, 0), 0b111);
}

TEST(MultiLabelRecording, CascadesAskTheLeastSureLabel) {
  const Recording recording = three_samples();
  // Confidences of the narrow width: 0.7, 0.6 and 0.6.
  const Routing routing = route(recording, Policy::cascade(0.65));
  EXPECT_THAT(routing.answer_of_sample, ElementsAre(0, 1, 1));
  EXPECT_NEAR(surest(true, probabilities_of(recording, 1, 0)), 0.6, 1e-6);
  const Evaluation evaluation = evaluate(recording, routing);
  EXPECT_NEAR(evaluation.routed.at("exact_match"), 2.0 / 3, 1e-12);
  EXPECT_NEAR(evaluation.answers[0].routed.at("exact_match"), 1, 1e-12);
  const double binary = -(0.9 * std::log(0.9) + 0.1 * std::log(0.1));
  const std::vector<float> probabilities = {0.9f, 0.1f};
  const Answer answer;
  EXPECT_NEAR(Confidence("entropy").of({.answer = answer,
                                        .logits = {},
                                        .probabilities = probabilities,
                                        .score = 0,
                                        .agreeing = 1,
                                        .change = 0,
                                        .tokens = 1,
                                        .multi_label = true}),
              1 - binary / std::log(2.0), 1e-6);
}

TEST(MultiLabelRecording, IsSavedAndReadAgain) {
  RecordedEvaluation file = {.version = version(), .threads = 1, .recording = three_samples()};
  file.answer_of_sample = {0, 1, 1};
  file.evaluation = evaluate(file.recording, route(file.recording, {0, 1, 1}));
  const auto json = nlohmann::json::parse(file.to_json());
  EXPECT_EQ(json["task"]["kind"], "multi_label");
  EXPECT_EQ(json["samples"][0]["labels"], (nlohmann::json{0, 2}));
  EXPECT_EQ(json["samples"][1]["labels"], nlohmann::json::array());
  const Recording read = RecordedEvaluation::parse(file.to_json(), "recording.json").recording;
  EXPECT_EQ(read.labels, file.recording.labels);
  EXPECT_EQ(read.label_of(1, 0), 0b010);
  auto broken = json;
  broken["samples"][0]["labels"] = {0, 3};
  EXPECT_THAT(message_of<DataError>([&] { RecordedEvaluation::parse(broken.dump(), "recording.json"); }),
              HasSubstr("\"samples[0].labels[1]\" is 3; expected"));
  broken = json;
  broken["task"]["kind"] = "classification";
  EXPECT_THAT(message_of<DataError>([&] { RecordedEvaluation::parse(broken.dump(), "recording.json"); }),
              HasSubstr("\"task.kind\" is \"classification\"; the model's \"problem_type\" says otherwise"));
}

TEST(PredictedLabel, SetsAreReadFromEitherTypeOfLogits) {
  ModelConfig config;
  config.labels = {"a", "b"};
  config.multi_label = true;
  const std::vector<double> logits = {0, 1e-9};  // exactly the threshold is not above it
  EXPECT_EQ(predicted_label<double>(config, logits), 0b10);
  EXPECT_THAT(labels_above_threshold(config, std::vector<float>{0.5f, 0.51f}), ElementsAre(1));
  EXPECT_THAT(labels_in_set(0b1101), ElementsAre(0, 2, 3));
  EXPECT_THAT(labels_in_set(0x7fffffff).size(), 31u);
  config.multi_label = false;
  EXPECT_EQ(predicted_label<double>(config, logits), 1);
  EXPECT_THAT(labels_above_threshold(config, std::vector<float>{0.5f, 0.51f}), ElementsAre());
}

}  // namespace
}  // namespace sharcs::internal::multi_label_evaluation_test
