#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "eval/class_quality.hpp"
#include "eval/policy_table.hpp"
#include "eval/recorded_evaluation.hpp"
#include "eval/recording_metrics.hpp"
#include "expect_error.hpp"
#include "sharcs/calibration.hpp"
#include "sharcs/policy.hpp"

namespace sharcs::internal::tag_recording_test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

/// Widths 0.25 and 1; texts of three words and of one. True: O B I, B. The narrow width says O B O, B; the wide one O B
/// I, O. The narrow one's least sure words have 0.6 and 0.9.
Recording two_texts() {
  Recording recording = {
      .task = "names",
      .classes = {"B-X", "I-X", "O"},
      .metrics = {"entity_f1", "word_accuracy"},
      .data = "dev.conll",
      .outputs = 3,
      .answers = {{.name = "0.25", .width = 0.25, .cost = {.linear = 10}},
                  {.name = "1", .width = 1, .cost = {.linear = 100}}},
      .tokens = {5, 3},
      .labels = {2, 0, 1, 0},
      .first_words = {0, 3, 4},
      .samples = {{.text = "in new york", .words = {"in", "new", "york"}}, {.text = "york", .words = {"york"}}}};
  recording.config.labels = recording.classes;
  recording.config.per_token = true;
  recording.config.sharcs = SharcsConfig{.width_mult_list = {0.25, 1.0}};
  const auto add = [&](std::size_t answer, std::vector<double> probabilities) {
    for (const double p : probabilities) recording.answers[answer].logits.push_back(static_cast<float>(std::log(p)));
  };
  add(0, {0.1, 0.1, 0.8, 0.9, 0.05, 0.05, 0.1, 0.3, 0.6, 0.9, 0.05, 0.05});
  add(1, {0.05, 0.05, 0.9, 0.9, 0.05, 0.05, 0.1, 0.8, 0.1, 0.2, 0.1, 0.7});
  return recording;
}

TEST(TagRecording, AnswersAreJudgedByTheirEntitiesAndWords) {
  const Recording recording = two_texts();
  EXPECT_THAT(recording.tags_of(0, 0), ElementsAre(2, 0, 2));
  EXPECT_THAT(recording.true_tags_of(1), ElementsAre(0));
  EXPECT_FALSE(is_right(recording, 0, 0));
  EXPECT_TRUE(is_right(recording, 0, 1));
  EXPECT_NEAR(share_right(recording, 0, 0), 2.0 / 3, 1e-12);
  EXPECT_NEAR(true_probability(recording, 0, 0), 0.3, 1e-6) << "the least of its words";
  const MetricMap narrow = metrics_at(recording, std::vector<int>{0, 0});
  EXPECT_NEAR(narrow.at("entity_f1"), 0.5, 1e-12);
  EXPECT_NEAR(narrow.at("word_accuracy"), 0.75, 1e-12);
  EXPECT_NEAR(metrics_at(recording, std::vector<int>{1, 0}).at("entity_f1"), 1, 1e-12);
  const auto qualities = class_qualities(recording, std::vector<int>{0, 0});
  ASSERT_EQ(qualities.size(), 1u);
  EXPECT_EQ(qualities[0].samples, 2u);
  EXPECT_EQ(qualities[0].right, 1u);
  EXPECT_THAT(quality_names(recording), ElementsAre("X"));
  EXPECT_EQ(said_of(recording, 0, 1, ","), "O B-X I-X");
}

TEST(TagRecording, PoliciesAskTheLeastCertainWord) {
  const Recording recording = two_texts();
  EXPECT_THAT(route(recording, Policy::cascade(0.7)).answer_of_sample, ElementsAre(1, 0));
  EXPECT_THAT(route(recording, Policy::cascade(0.55)).answer_of_sample, ElementsAre(0, 0));
  const Routing routing = route(recording, Policy::cascade(0.7));
  EXPECT_NEAR(evaluate(recording, routing).routed.at("entity_f1"), 1, 1e-12);
  EXPECT_NEAR(evaluate(recording, routing).answers[0].routed.at("entity_f1"), 1, 1e-12);
  const PolicyTable table(recording, CostModel::multiply_adds(recording), Confidence(), 0);
  EXPECT_NEAR(table.confidence(0, 0), 0.6, 1e-6);
  EXPECT_NEAR(table.worth(0, 0), 2.0 / 3, 1e-12);
  EXPECT_EQ(table.tag_counts(0, 1).entities.right, 1u);
  // Patience: the two widths do not agree on either text.
  const PolicyTable patient(recording, CostModel::multiply_adds(recording), Confidence("patience"), 0);
  EXPECT_EQ(patient.confidence(0, 1), 1);
}

TEST(TagRecording, ComparesAndCalibrates) {
  const Recording recording = two_texts();
  const Routing routing = route(recording, Policy::cascade(0.7));
  for (const OperatingPoint& point : compare(recording, routing, {.bootstrap = {.resamples = 20}}))
    if (point.name == "routed") {
      EXPECT_NEAR(point.metrics.at("entity_f1"), 1, 1e-12);
    }
}

TEST(TagRecording, ComesBackFromItsFile) {
  const Recording recording = two_texts();
  const Routing routing = route(recording, Policy::cascade(0.7));
  const RecordedEvaluation file = {.recording = recording,
                                   .policy = "cascade 0.7",
                                   .answer_of_sample = routing.answer_of_sample,
                                   .evaluation = evaluate(recording, routing)};
  const std::string text = file.to_json();
  const Recording read = RecordedEvaluation::parse(text, "recording.json").recording;
  EXPECT_EQ(read.first_words, recording.first_words);
  EXPECT_EQ(read.labels, recording.labels);
  EXPECT_EQ(read.answers[1].logits, recording.answers[1].logits);
  EXPECT_EQ(read.samples[0].words, recording.samples[0].words);
  nlohmann::json broken = nlohmann::json::parse(text);
  broken["samples"][0]["tags"] = {0, 1, 2, 0};
  EXPECT_THAT(message_of([&] { RecordedEvaluation::parse(broken.dump(), "recording.json"); }),
              HasSubstr("\"samples[0].tags\" is [0,1,2,0]; expected one for each word"));
  broken = nlohmann::json::parse(text);
  broken["task"]["metrics"] = {"accuracy"};
  EXPECT_THAT(message_of([&] { RecordedEvaluation::parse(broken.dump(), "recording.json"); }),
              HasSubstr("\"task.metrics\" has \"accuracy\"; expected metrics of a token_classification"));
  broken["task"]["kind"] = "classification";
  EXPECT_THAT(message_of([&] { RecordedEvaluation::parse(broken.dump(), "recording.json"); }),
              HasSubstr("\"task.kind\" is \"classification\"; the model labels tokens"));
}

}  // namespace
}  // namespace sharcs::internal::tag_recording_test
