#include "sharcs/training_options.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "expect_error.hpp"
#include "model/small_models.hpp"
#include "train/hardness_history.hpp"
#include "train/training_option_table.hpp"

namespace sharcs::internal::training_options_test {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

std::string parse_error(const std::string& json) {
  return message_of<ConfigError>([&] { TrainingOptions::parse(json, "train.json"); });
}

/// Of three widths.
ModelConfig model() { return testing::small_config(); }

TrainingOptions options_of_its_size() {
  TrainingOptions options;
  options.max_length = static_cast<int>(model().max_position_embeddings);
  return options;
}

TEST(TrainingOptions, AbsentKeysKeepTheirDefaults) {
  const TrainingOptions options = TrainingOptions::parse(R"({"epochs": 4, "learning_rate": 1e-3})", "train.json");
  EXPECT_EQ(options.epochs, 4);
  EXPECT_EQ(options.learning_rate, 1e-3);
  EXPECT_EQ(options.batch_size, TrainingOptions().batch_size);
  EXPECT_EQ(options.schedule, ScheduleShape::linear);
}

TEST(TrainingOptions, EveryOptionSurvivesWritingAndReading) {
  TrainingOptions options;
  options.epochs = 3;
  options.step_mode = StepMode::alternate;
  options.repeat_smaller_buckets = false;
  options.full_width_share = 0.25;
  options.token_dropout = 0.1;
  options.schedule = ScheduleShape::constant;
  options.hardness_measure = HardnessMeasure::entropy;
  options.thresholds = {{0, 0.3}, {0.3, 2}};
  options.width_loss_weights = {0.5, 1.5};
  options.learning_rate = 0.1 + 0.2;
  options.seed = ~std::uint64_t{0};
  options.tensorboard = true;
  const TrainingOptions read = TrainingOptions::parse(options.to_json(), "train.json");
  EXPECT_EQ(read.to_json(), options.to_json());
  EXPECT_EQ(read.seed, options.seed);
  EXPECT_EQ(read.learning_rate, options.learning_rate);
  EXPECT_EQ(read.thresholds.at(1).high, 2);
}

TEST(TrainingOptions, UnknownKeysAreNamed) {
  EXPECT_THAT(parse_error(R"({"epoch": 3})"), AllOf(HasSubstr("train.json: \"epoch\""), HasSubstr("not a known")));
}

TEST(TrainingOptions, WrongValuesSayWhatWasFoundAndExpected) {
  EXPECT_EQ(parse_error(R"({"epochs": -1})"), "train.json: \"epochs\" is -1; expected an integer ≥ 0");
  EXPECT_EQ(parse_error(R"({"max_length": 2})"), "train.json: \"max_length\" is 2; expected an integer ≥ 3");
  EXPECT_EQ(parse_error(R"({"warmup_ratio": 1.5})"),
            "train.json: \"warmup_ratio\" is 1.5; expected a number from 0 to 1");
  EXPECT_THAT(parse_error(R"({"batch_size": 2.5})"), AllOf(HasSubstr("\"batch_size\" is 2.5"), HasSubstr("integer")));
  EXPECT_THAT(parse_error(R"({"step_mode": "both"})"),
              AllOf(HasSubstr("\"step_mode\" is \"both\""), HasSubstr("joint, alternate")));
  EXPECT_THAT(parse_error(R"({"seed": -1})"), HasSubstr("\"seed\" is -1; expected an integer ≥ 0"));
  EXPECT_THAT(parse_error(R"({"thresholds": [[0.8, 1], 0.5]})"), HasSubstr("a list of pairs of numbers"));
  EXPECT_THAT(parse_error(R"({"width_loss_weights": [1, -2]})"), HasSubstr("\"width_loss_weights\" is a list with -2"));
  EXPECT_THAT(parse_error(R"({"tensorboard": 1})"), HasSubstr("true or false"));
  EXPECT_THAT(parse_error("{"), HasSubstr("train.json:1: not valid JSON"));
}

TEST(TrainingOptions, OptionsMadeInCodeAreCheckedToo) {
  TrainingOptions options;
  options.learning_rate = std::nan("");
  EXPECT_THAT(message_of<ConfigError>([&] { options.check(); }),
              HasSubstr("training options: \"learning_rate\" is nan; expected a number ≥ 0"));
}

TEST(TrainingOptions, ThresholdsHaveToFitTheWidths) {
  TrainingOptions options = options_of_its_size();
  EXPECT_NO_THROW(options.check(model()));
  options.thresholds = {{0.8, 1.01}, {0, 0.8}};
  EXPECT_THAT(message_of<ConfigError>([&] { options.check(model(), "train.json"); }),
              AllOf(HasSubstr("train.json: "), HasSubstr("each of the 3 widths")));
  options.thresholds = {{0, 0.5}, {0.5, 0.8}, {0.8, 1.01}};
  EXPECT_THAT(message_of<ConfigError>([&] { options.check(model()); }), HasSubstr("out of order"));
}

TEST(TrainingOptions, LossWeightsHaveToFitTheWidths) {
  TrainingOptions options = options_of_its_size();
  options.width_loss_weights = {1, 1};
  EXPECT_THAT(message_of<ConfigError>([&] { options.check(model()); }),
              HasSubstr("\"width_loss_weights\" has 2 numbers; expected one for each of the model's 3 widths"));
}

TEST(TrainingOptions, LengthsHaveToFitThePositions) {
  TrainingOptions options = options_of_its_size();
  EXPECT_NO_THROW(options.check(model()));
  ++options.max_length;
  EXPECT_EQ(message_of<ConfigError>([&] { options.check(model(), "train.json"); }),
            "train.json: \"max_length\" is 10, but the model has only 9 positions");
}

TEST(TrainingOptions, NamesOfEnumsAreReadAndListed) {
  EXPECT_EQ(named<StepMode>("alternate"), StepMode::alternate);
  EXPECT_EQ(name_of(HardnessMeasure::entropy), "entropy");
  EXPECT_THAT(message_of<ConfigError>([] { named<ScheduleShape>("cosine"); }),
              HasSubstr("the schedule is \"cosine\"; expected one of linear, constant"));
}

TEST(DefaultThresholds, AreInOrderAndCoverEveryMeasure) {
  for (const HardnessMeasure measure : {HardnessMeasure::confidence, HardnessMeasure::entropy})
    for (int widths = 1; widths <= 8; ++widths)
      for (const int classes : {2, 3, 77}) {
        HardnessOptions options = {.measure = measure, .window = 1, .widths = {}};
        options.thresholds = default_thresholds(widths, measure, classes);
        for (int i = 1; i <= widths; ++i) options.widths.push_back(static_cast<double>(i) / widths);
        EXPECT_NO_THROW(options.check());
        const double top = measure == HardnessMeasure::confidence ? 1 : std::log(classes);
        for (const double value : {0.0, top / 4, top / 2, 0.9 * top, top}) {
          bool covered = false;
          for (const Threshold& pair : options.thresholds) covered |= value >= pair.low && value < pair.high;
          EXPECT_TRUE(covered) << name_of(measure) << " " << value << " of " << widths << " widths";
        }
      }
}

TEST(DefaultThresholds, AreThoseOfTheHeader) {
  const auto two = default_thresholds(2, HardnessMeasure::confidence, 2);
  EXPECT_EQ(two[0].low, 0.8);
  EXPECT_EQ(two[1].high, 0.8);
  EXPECT_NEAR(default_thresholds(2, HardnessMeasure::entropy, 2)[0].high, 0.7 * std::log(2), 1e-12);
}

}  // namespace
}  // namespace sharcs::internal::training_options_test
