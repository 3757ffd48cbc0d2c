#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/program.hpp"
#include "data/synthetic.hpp"
#include "eval/recorded_evaluation.hpp"
#include "io/file.hpp"
#include "sharcs/classifier.hpp"
#include "sharcs/task.hpp"

namespace sharcs::internal::calibrate_test {
namespace {

using ::testing::ContainsRegex;
using testing::error_of;
using ::testing::HasSubstr;
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
  std::optional<PolicyRule> stored() const {
    return ModelConfig::load(folder_ / "model" / "config.json").sharcs->policy;
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
  EXPECT_EQ(json["stored"], "combined, calibrated to 0.7 of the multiply-adds");
  ASSERT_EQ(json["points"].size(), 1u);
  const auto& point = json["points"][0];
  EXPECT_EQ(point["name"], "budget 0.7");
  EXPECT_EQ(point["policy"], "combined");
  EXPECT_EQ(point["met"], true);
  EXPECT_LE(point["cost"], 0.75) << "expected of samples that the rule does not know";
  EXPECT_NEAR(point["cost"].get<double>(), point["cost_fraction"].get<double>(), 1e-12);
  EXPECT_LE(point["score"]["low"], point["score"]["value"]);
  EXPECT_EQ(point["leads"].size(), 7u) << "every baseline of a comparison";

  ASSERT_TRUE(stored());
  EXPECT_EQ(stored()->thresholds.size(), 3u);
  EXPECT_EQ(Engine::load(model()).policy().name(), "combined, calibrated to 0.7 of the multiply-adds");
  const auto after = eval();
  EXPECT_EQ(after["policy"], "combined, calibrated to 0.7 of the multiply-adds");
  EXPECT_LE(after["routed"]["cost_fraction"], 0.7) << "of the samples that it was made from";
  EXPECT_NE(after["routed"]["cost_fraction"], before["routed"]["cost_fraction"]);
  EXPECT_EQ(eval({"--policy", "router"})["routed"]["cost_fraction"], before["routed"]["cost_fraction"]);

  const auto predict = [&](const std::string& policy) {
    return run_program({"predict", "--model", model(), "--data", data(), "--split", "dev", "--policy", policy}).output;
  };
  EXPECT_EQ(predict("model"), run_program({"predict", "--model", model(), "--data", data(), "--split", "dev"}).output);
  EXPECT_NE(predict("model"), predict("router"));
}

TEST_F(Calibrate, ABudgetInMillisecondsIsOfThisMachine) {
  const auto json = calibrate({"--policy", "router", "--latency", "5s", "--json"}).json();
  EXPECT_EQ(json["unit"], "seconds");
  EXPECT_EQ(json["points"][0]["met"], true) << "everything may run at full width";
  EXPECT_EQ(stored()->router->unit, CostUnit::seconds);
  EXPECT_EQ(stored()->router->budget, 1);
  const auto impossible = calibrate({"--latency", "0.001us", "--json"}).json();
  EXPECT_EQ(impossible["points"][0]["met"], false);
  EXPECT_THAT(impossible["notes"][0].get<std::string>(), HasSubstr(" is out of reach: the nearest is "));
}

TEST_F(Calibrate, ABudgetInMillisecondsIsNamedAndCountedInTime) {
  eval({"--output", recording(), "--timing-rounds", "1"});
  const auto run = calibrate({"--latency", "5000ms", "--curve", "0.01,1", "--recording", recording()});
  EXPECT_THAT(run.output, ContainsRegex("\npolicy  +target  +time  +ms  +score "));
  EXPECT_THAT(run.output, ContainsRegex("\ncombined  +5000 ms  +[01]\\.[0-9]+  +[0-9.]+  "));
  EXPECT_THAT(run.output, HasSubstr(" 1 of the time "));
  EXPECT_THAT(run.output, ContainsRegex("\ntime: a share of the [0-9.]+ ms that a call takes at full width\n"));
  EXPECT_THAT(run.output, ContainsRegex("\n[0-9.e-]+ ms is out of reach: the nearest is [0-9.e-]+ ms\n"));
  const RecordedEvaluation file = RecordedEvaluation::load(recording());
  EXPECT_EQ(file.points[file.points.size() - 3].name, "5000 ms");
  EXPECT_EQ(file.points[file.points.size() - 2].name, "0.01 of the time");
  EXPECT_EQ(file.points.back().name, "1 of the time");
  EXPECT_THAT(run_program({"report", model(), "--text"}).output, HasSubstr("\n  5000 ms "));
  const auto json = calibrate({"--latency", "5000ms", "--json"}).json();
  EXPECT_EQ(json["points"][0]["name"], "5000 ms");
  const std::string help = run_program({"calibrate", "--help"}).output;
  EXPECT_THAT(help, HasSubstr("budgets of --curve are then shares of full width's time"));
}

TEST_F(Calibrate, ACurveShowsBudgetsAndStoresNothing) {
  const auto json = calibrate({"--curve", "0.2,0.5,0.8,1", "--json"}).json();
  ASSERT_EQ(json["points"].size(), 4u);
  for (std::size_t i = 2; i < 4; ++i) EXPECT_GE(json["points"][i]["cost"], json["points"][i - 1]["cost"]);
  EXPECT_EQ(json["points"][0]["met"], false);
  EXPECT_THAT(json["notes"][0].get<std::string>(),
              StartsWith("0.2 of the multiply-adds is out of reach: the nearest is 0.4"));
  EXPECT_TRUE(json["stored"].is_null());
  EXPECT_FALSE(json["points"][0].contains("time_fraction"));
  EXPECT_FALSE(stored());
  const auto both = calibrate({"--curve", "0.5,0.8", "--budget", "0.6", "--json"}).json();
  EXPECT_EQ(both["points"].size(), 3u);
  EXPECT_EQ(stored()->target, "0.6 of the multiply-adds");
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
  for (const char* part :
       {"sst-2: 100 samples of ", "by cross-validation\n", "\npolicy ", "score [95 % interval]", "over full width",
        "over random", " time\n", "combined  budget 0.6 ", "combined  budget 0.8 "})
    EXPECT_THAT(run.output, HasSubstr(part));
  EXPECT_THAT(run.output, HasSubstr(model() + " is now combined, calibrated to 0.6 of the multiply-adds"));
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

TEST_F(Calibrate, WorksFromARecordingAloneWithoutTheModel) {
  const std::string dev = folder_ / "dev.json", train = folder_ / "train.json";
  eval({"--output", dev, "--timing-rounds", "1"});
  eval({"--output", train, "--timing-rounds", "1", "--split", "train"});
  const auto with_model = calibrate({"--budget", "0.7", "--dry-run", "--json"}).json();
  std::filesystem::rename(model(), folder_ / "elsewhere");

  const auto alone = run_program({"calibrate", "--recording", dev, "--budget", "0.7", "--dry-run", "--json"}).json();
  EXPECT_EQ(alone["points"], with_model["points"]);
  EXPECT_EQ(alone["model"], model()) << "as the recording says";
  EXPECT_TRUE(alone["stored"].is_null());
  const auto timed = run_program({"calibrate", "--recording", dev, "--latency", "5s", "--dry-run", "--json"}).json();
  EXPECT_EQ(timed["unit"], "seconds");
  EXPECT_THAT(error_of(run_program({"calibrate", "--recording", dev, "--budget", "0.7"})),
              StartsWith(model() + ": there is no such folder"));

  const auto reported = run_program({"calibrate", "--recording", dev, "--report-on", train, "--curve", "0.7,1"});
  EXPECT_EQ(reported.errors, "");
  EXPECT_THAT(reported.output, HasSubstr("; the results are of 10 samples of "));
  const auto json =
      run_program({"calibrate", "--recording", dev, "--report-on", train, "--curve", "1", "--json"}).json();
  EXPECT_EQ(json["points"][0]["met"], true);
  EXPECT_LE(json["points"][0]["cost_fraction"], 1);
}

TEST_F(Calibrate, ARecordingNamesTheModelThatTheRuleIsStoredWith) {
  const std::string dev = folder_ / "dev.json";
  eval({"--output", dev, "--timing-rounds", "1"});
  const auto run = run_program({"calibrate", "--recording", dev, "--budget", "0.7"});
  EXPECT_THAT(run.output, HasSubstr(model() + " is now combined, calibrated to 0.7 of the multiply-adds"));
  EXPECT_EQ(stored()->target, "0.7 of the multiply-adds");
  const auto recorded = run_program({"eval", "--recording", dev, "--json"}).json(), after = eval();
  EXPECT_EQ(recorded["policy"], "combined, calibrated to 0.7 of the multiply-adds");
  EXPECT_EQ(recorded["routed"]["cost_fraction"], after["routed"]["cost_fraction"]);

  const std::string stored_recording = read_text_file(dev);
  run_program({"calibrate", "--recording", dev, "--budget", "0.9", "--dry-run"});
  EXPECT_EQ(read_text_file(dev), stored_recording);
}

TEST_F(Calibrate, ADropOfTheScoreIsATargetToo) {
  const auto json = calibrate({"--max-drop", "1.5", "--json"}).json();
  EXPECT_EQ(json["points"][0]["name"], "drop 1.5");
  EXPECT_EQ(json["points"][0]["met"], true);
  EXPECT_EQ(stored()->name(), "combined, calibrated to 1.5 points below full width");
  const auto after = eval();
  EXPECT_GE(after["routed"]["accuracy"]["value"].get<double>(),
            after["full"]["accuracy"]["value"].get<double>() - 0.015 - 1e-9);
}

TEST_F(Calibrate, ComparesEveryKindOfPolicyAndStoresNothing) {
  testing::save_tiny_model(model(), [](ModelConfig& config) {
    Task::named("sst-2").store_in(config);
    config.max_position_embeddings = 32;
    config.sharcs->exits = {1, 2};
    config.sharcs->exit_scores = true;
  });
  const auto json = calibrate({"--max-drop", "1", "--compare", "--json"}).json();
  std::vector<std::string> policies;
  for (const auto& point : json["points"]) policies.push_back(point["policy"]);
  for (const char* policy :
       {"router", "cascade", "exits", "exits of entropy", "exits of patience", "exits of learned-score",
        "exits, one threshold", "exits of entropy, one threshold", "combined"})
    EXPECT_THAT(policies, ::testing::Contains(policy));
  EXPECT_TRUE(json["stored"].is_null());
  EXPECT_FALSE(stored());
  const auto text = calibrate({"--budget", "0.8", "--compare"}).output;
  for (const char* line : {"\nrouter ", "\ncascade ", "\nexits ", "\nexits of entropy ", "\ncombined "})
    EXPECT_THAT(text, HasSubstr(line));
}

TEST_F(Calibrate, WhatCannotBeIsNamed) {
  EXPECT_THAT(error_of(calibrate({}), 2),
              StartsWith("give --budget SHARE, --latency TIME, --max-drop POINTS or --curve SHARE,SHARE,…"));
  EXPECT_THAT(error_of(calibrate({"--budget", "0.5", "--latency", "3ms"}), 2),
              HasSubstr("exclude each other; give one"));
  EXPECT_THAT(error_of(calibrate({"--budget", "1.5"}), 2), StartsWith("--budget: "));
  EXPECT_THAT(error_of(calibrate({"--curve", "0.5,x"}), 2), StartsWith("--curve: "));
  EXPECT_THAT(error_of(calibrate({"--budget", "0.5", "--policy", "exits"})),
              StartsWith("the model has no exits; train it with exits"));
  EXPECT_THAT(
      error_of(calibrate({"--budget", "0.5", "--policy", "fixed"})),
      StartsWith("policies of the kind \"fixed\" are not calibrated; expected one of router, cascade, exits, "));
  EXPECT_THAT(error_of(calibrate({"--budget", "0.5", "--confidence", "hope"})), StartsWith("confidence \"hope\""));
  EXPECT_THAT(error_of(run_program({"calibrate", "--budget", "0.5", "--data", data()}), 2),
              StartsWith("--model is required"));
  EXPECT_FALSE(stored());

  write_file_atomically(folder_ / "unlabelled.tsv", "index\tsentence\n0\ta film\n");
  EXPECT_THAT(error_of(run_program({"calibrate", "--model", model(), "--file", folder_ / "unlabelled.tsv", "--split",
                                    "test", "--budget", "0.5"})),
              HasSubstr("label"));
  testing::save_tiny_model(model(), [](ModelConfig& config) { config.sharcs.reset(); });
  EXPECT_EQ(error_of(calibrate({"--task", "sst-2", "--budget", "0.5"})),
            "the model has one answer only; there is nothing to calibrate");
}

}  // namespace
}  // namespace sharcs::internal::calibrate_test
