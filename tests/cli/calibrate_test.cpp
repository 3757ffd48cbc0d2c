#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/program.hpp"
#include "data/synthetic.hpp"
#include "eval/recorded_evaluation.hpp"
#include "io/file.hpp"
#include "sharcs/engine.hpp"
#include "sharcs/task.hpp"

namespace sharcs::internal {
namespace {

using ::testing::ContainsRegex;
using testing::error_of;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;
using ::testing::Not;
using testing::run_program;
using ::testing::StartsWith;

/// An untrained model of three widths, of which the narrowest costs 0.4 of the widest.
class Calibrate : public ::testing::Test {
 protected:
  Calibrate() {
    testing::save_tiny_sst2_model(model());
    SyntheticData::generate({.train = 10, .dev = 100, .test = 0}).save(data());
  }
  std::string model() const { return folder_ / "model"; }
  std::string data() const { return folder_ / "data"; }
  std::string recording() const { return folder_ / "model" / "recording.json"; }
  std::optional<RoutingRule> stored() const {
    return ModelConfig::load(folder_ / "model" / "config.json").sharcs->routing;
  }
  testing::ProgramRun calibrate(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), {"calibrate", "--model", model(), "--data", data(), "--threads", "1"});
    return run_program(arguments);
  }
  nlohmann::json eval(std::vector<std::string> arguments = {}) const {
    arguments.insert(arguments.begin(), {"eval", "--model", model(), "--data", data(), "--json"});
    return run_program(arguments).json();
  }

  TemporaryFolder folder_;
};

TEST_F(Calibrate, LeavesARuleThatEverythingElseObeysUntilToldOtherwise) {
  const auto before = eval();
  const auto json = calibrate({"--budget", "0.7", "--json"}).json();
  EXPECT_EQ(json["task"], "sst-2");
  EXPECT_EQ(json["samples"], 100);
  EXPECT_EQ(json["unit"], "multiply_adds");
  EXPECT_EQ(json["stored"], "calibrated to 0.7 of the multiply-adds");
  ASSERT_EQ(json["points"].size(), 1u);
  const auto& point = json["points"][0];
  EXPECT_EQ(point["budget"], 0.7);
  EXPECT_LE(point["cost"], 0.75) << "expected of samples that the rule does not know";
  EXPECT_EQ(point["cost"], point["cost_fraction"]);
  EXPECT_LE(point["score"]["low"], point["score"]["value"]);
  EXPECT_EQ(point["leads"].size(), 7u) << "every baseline of a comparison";

  ASSERT_TRUE(stored());
  EXPECT_EQ(stored()->budget, 0.7);
  EXPECT_EQ(Engine::load(model()).policy().name(), "calibrated to 0.7 of the multiply-adds");
  const auto after = eval();
  EXPECT_EQ(after["policy"], "calibrated to 0.7 of the multiply-adds");
  EXPECT_LE(after["routed"]["cost_fraction"], 0.7) << "of the samples that it was made from";
  EXPECT_NE(after["routed"]["cost_fraction"], before["routed"]["cost_fraction"]);
  EXPECT_EQ(eval({"--policy", "argmax"})["routed"]["cost_fraction"], before["routed"]["cost_fraction"]);

  const auto predict = [&](const std::string& policy) {
    return run_program({"predict", "--model", model(), "--data", data(), "--split", "dev", "--policy", policy}).output;
  };
  EXPECT_EQ(predict("model"), run_program({"predict", "--model", model(), "--data", data(), "--split", "dev"}).output);
  EXPECT_NE(predict("model"), predict("argmax"));
}

TEST_F(Calibrate, ABudgetInMillisecondsIsOfThisMachine) {
  const auto json = calibrate({"--latency-ms", "5000", "--json"}).json();
  EXPECT_EQ(json["unit"], "seconds");
  EXPECT_EQ(json["points"][0]["budget"], 1) << "everything may run at full width";
  EXPECT_THAT(json["notes"][0].get<std::string>(), StartsWith("even the widest width takes only "));
  EXPECT_EQ(stored()->unit, CostUnit::seconds);
  EXPECT_THAT(error_of(calibrate({"--latency-ms", "0.000001"})),
              AllOf(StartsWith("--latency-ms 1e-06: everything at the narrowest width takes "), HasSubstr(" ms")));
}

TEST_F(Calibrate, ABudgetInMillisecondsIsNamedAndCountedInTime) {
  eval({"--output", recording(), "--timing-rounds", "1"});
  const auto run = calibrate({"--latency-ms", "5000", "--curve", "0.01,1", "--recording", recording()});
  EXPECT_THAT(run.output, ContainsRegex("\nbudget  +time  +ms  +score "));
  EXPECT_THAT(run.output, ContainsRegex("\n5000 ms  +[01]\\.[0-9]+  +[0-9.]+  "));
  EXPECT_THAT(run.output, HasSubstr("\n1 of the time "));
  EXPECT_THAT(run.output, ContainsRegex("\ntime: a share of the [0-9.]+ ms that a call takes at full width\n"));
  EXPECT_THAT(run.output,
              ContainsRegex("budget 0.01 is left out: everything at the narrowest width takes 0\\.[0-9]+\n"));
  const RecordedEvaluation file = RecordedEvaluation::load(recording());
  EXPECT_EQ(file.points[file.points.size() - 2].name, "5000 ms");
  EXPECT_EQ(file.points.back().name, "1 of the time");
  EXPECT_THAT(run_program({"report", model(), "--text"}).output, HasSubstr("\n  5000 ms "));
  const auto json = calibrate({"--latency-ms", "5000", "--json"}).json();
  EXPECT_EQ(json["points"][0]["name"], "5000 ms");
  const std::string help = run_program({"calibrate", "--help"}).output;
  EXPECT_THAT(help, HasSubstr("budgets of --curve are then shares of full width's time"));
}

TEST_F(Calibrate, ACurveShowsBudgetsAndStoresNothing) {
  const auto json = calibrate({"--curve", "0.2,0.5,0.8,1", "--json"}).json();
  ASSERT_EQ(json["points"].size(), 3u);
  for (std::size_t i = 1; i < 3; ++i) EXPECT_GE(json["points"][i]["cost"], json["points"][i - 1]["cost"]);
  EXPECT_THAT(json["notes"][0].get<std::string>(), StartsWith("budget 0.2 is left out: "));
  EXPECT_TRUE(json["stored"].is_null());
  EXPECT_FALSE(json["points"][0].contains("time_fraction"));
  EXPECT_FALSE(stored());
  const auto both = calibrate({"--curve", "0.5,0.8", "--budget", "0.6", "--json"}).json();
  EXPECT_EQ(both["points"].size(), 3u);
  EXPECT_EQ(stored()->budget, 0.6);
}

TEST_F(Calibrate, DryRunLeavesTheModelAsItIs) {
  const auto run = calibrate({"--budget", "0.6", "--dry-run"});
  EXPECT_EQ(run.exit_code, 0);
  EXPECT_FALSE(stored());
  EXPECT_THAT(run.output, HasSubstr(model() + " is as it was\n"));
}

TEST_F(Calibrate, PrintsATable) {
  const auto run = calibrate({"--budget", "0.6", "--curve", "0.8", "--timing-rounds", "1"});
  EXPECT_EQ(run.errors, "");
  for (const char* part : {"sst-2: 100 samples of ", "by cross-validation\n", "\nbudget ", "score [95 % interval]",
                           "over full width", "over random", " time\n", "\n0.600 ", "\n0.800 ", "values of widths: "})
    EXPECT_THAT(run.output, HasSubstr(part));
  EXPECT_THAT(run.output, HasSubstr(model() + " is now calibrated to 0.6 of the multiply-adds"));
}

TEST_F(Calibrate, GivesTheReportItsCurveOfBudgetsWithTimes) {
  EXPECT_THAT(error_of(calibrate({"--curve", "0.5", "--recording", recording()})), StartsWith(recording() + ": "));
  eval({"--output", recording(), "--timing-rounds", "1"});
  const std::size_t compared = RecordedEvaluation::load(recording()).points.size();
  for (const char* curve : {"0.5,0.6,0.7", "0.5,0.8"})
    EXPECT_EQ(calibrate({"--curve", curve, "--recording", recording(), "--timing-rounds", "2"}).exit_code, 0);
  const RecordedEvaluation file = RecordedEvaluation::load(recording());
  ASSERT_EQ(file.points.size(), compared + 2) << "a curve takes the place of the one before";
  EXPECT_EQ(file.points[compared].name, "budget 0.5");
  EXPECT_EQ(file.points[compared + 1].name, "budget 0.8");
  EXPECT_EQ(file.points[compared].series, "calibrated");
  EXPECT_GT(file.points[compared].time_fraction.value_or(0), 0);
  const auto report = run_program({"report", model(), "--text"});
  EXPECT_THAT(report.output, HasSubstr("budget 0.8 "));
  EXPECT_THAT(report.output, HasSubstr(" %  time "));
}

TEST_F(Calibrate, AnotherEvaluationOfTheSameKeepsTheBudgetsInTheFile) {
  const auto calibrated_points = [&] {
    const RecordedEvaluation file = RecordedEvaluation::load(recording());
    return std::ranges::count(file.points, calibrated_series, &OperatingPoint::series);
  };
  const auto eval_into_file = [&](std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {"eval", "--model", model(), "--timing-rounds", "1", "--output", recording()});
    return run_program(arguments);
  };
  EXPECT_EQ(eval_into_file({"--data", data()}).errors, "");
  calibrate({"--curve", "0.5,0.8", "--recording", recording()});
  EXPECT_EQ(eval_into_file({"--data", data(), "--policy", "fixed:0.25", "--threads", "2"}).errors,
            "sharcs: " + recording() + ": kept: 2 budgets of sharcs calibrate\n");
  EXPECT_EQ(RecordedEvaluation::load(recording()).policy, "fixed 0.25");
  EXPECT_EQ(calibrated_points(), 2);
  EXPECT_EQ(
      eval_into_file({"--data", data(), "--split", "train"}).errors,
      "sharcs: " + recording() + ": gone: 2 budgets of sharcs calibrate, made with another model or other data\n");
  EXPECT_EQ(calibrated_points(), 0);

  eval_into_file({"--data", data()});
  calibrate({"--curve", "0.8", "--recording", recording()});
  ModelConfig config = ModelConfig::load(folder_ / "model" / "config.json");
  Model::create(config, 7).save(model());
  EXPECT_THAT(eval_into_file({"--data", data()}).errors, HasSubstr("gone: 1 budget of sharcs calibrate"));
  EXPECT_EQ(calibrated_points(), 0);
}

TEST_F(Calibrate, WhatCannotBeIsNamed) {
  EXPECT_THAT(error_of(calibrate({}), 1), StartsWith("give --budget SHARE, --latency-ms MS or --curve SHARE,SHARE,…"));
  EXPECT_THAT(error_of(calibrate({"--budget", "0.5", "--latency-ms", "3"}), 1), HasSubstr("are one choice"));
  EXPECT_THAT(error_of(calibrate({"--budget", "1.5"}), 1), StartsWith("--budget: "));
  EXPECT_THAT(error_of(calibrate({"--curve", "0.5,x"}), 1), StartsWith("--curve: "));
  EXPECT_THAT(
      error_of(calibrate({"--budget", "0.1"})),
      MatchesRegex("a budget of 0.1; expected 0\\.[0-9][0-9][0-9] \\(everything at the narrowest width\\) to 1"));
  EXPECT_THAT(error_of(run_program({"calibrate", "--budget", "0.5", "--data", data()}), 1),
              StartsWith("--model is required"));
  EXPECT_FALSE(stored());

  write_file_atomically(folder_ / "unlabelled.tsv", "index\tsentence\n0\ta film\n");
  EXPECT_THAT(error_of(run_program({"calibrate", "--model", model(), "--file", folder_ / "unlabelled.tsv", "--split",
                                    "test", "--budget", "0.5"})),
              HasSubstr("label"));
  testing::save_tiny_model(model(), [](ModelConfig& config) { config.sharcs.reset(); });
  EXPECT_EQ(error_of(calibrate({"--task", "sst-2", "--budget", "0.5"})), "the model has no router to calibrate");
}

}  // namespace
}  // namespace sharcs::internal
