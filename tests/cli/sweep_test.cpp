#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <cmath>
#include <sstream>

#include "cli/program.hpp"
#include "data/synthetic.hpp"
#include "eval/recorded_evaluation.hpp"
#include "io/file.hpp"

namespace sharcs::internal::sweep_test {
namespace {

using testing::error_of;
using ::testing::HasSubstr;
using testing::last_error_of;
using ::testing::Not;
using testing::run_program;
using ::testing::StartsWith;

/// Little data, and a configuration with which an epoch takes milliseconds.
class Sweep : public ::testing::Test {
 protected:
  Sweep() {
    SyntheticData::generate({.train = 96, .dev = 32, .test = 0}).save(folder_ / "data");
    config_ = testing::tiny_training_config(
        {{"epochs", 2}, {"window", 1}, {"batch_size", 16}, {"learning_rate", 1e-2}, {"max_length", 32}});
    config_["grid"] = {{"training.window", {1, 2}}};
  }

  std::string path(const std::string& name) const { return folder_ / name; }
  std::vector<std::string> command(std::vector<std::string> more = {}, const std::string& name = "sweep") const {
    write_file_atomically(folder_ / "config.json", config_.dump());
    more.insert(more.begin(), {name, "--config", path("config.json"), "--threads", "1", "--task", "sst-2", "--data",
                               path("data"), "--output", path(name == "sweep" ? "runs" : name)});
    return more;
  }
  testing::ProgramRun sweep(const std::vector<std::string>& more = {}) const { return run_program(command(more)); }

  TemporaryFolder folder_;
  nlohmann::json config_;
};

TEST_F(Sweep, TrainsEveryCombinationIntoATableWithItsFront) {
  config_["grid"] = nlohmann::json::array({{{"training.window", {1, 2}}},
                                           {{"model.sharcs.width_mult_list", {{0.5, 0.75, 1.0}}},
                                            {"training.thresholds", {{{0.7, 1.01}, {0.4, 0.9}, {0, 0.5}}}}}});
  const auto json = sweep({"--json"}).json();
  ASSERT_EQ(json.size(), 3u);
  EXPECT_EQ(json[1]["name"], "window=2");
  EXPECT_EQ(json[1]["settings"], nlohmann::json({{"training.window", 2}}));
  EXPECT_EQ(json[2]["result"]["widths"], nlohmann::json({0.5, 0.75, 1.0}));
  bool any_on_front = false;
  for (const auto& run : json) {
    const auto& result = run["result"];
    EXPECT_TRUE(run["error"].is_null());
    const RecordedEvaluation file = RecordedEvaluation::load(std::filesystem::path(run["folder"]) / "recording.json");
    EXPECT_EQ(result["routed"]["accuracy"], file.evaluation.routed.at("accuracy"));
    EXPECT_EQ(result["full"]["accuracy"], file.evaluation.full.at("accuracy"));
    EXPECT_EQ(result["score"]["value"], result["routed"]["accuracy"]);
    EXPECT_EQ(result["cost_fraction"], file.evaluation.cost_fraction);
    EXPECT_EQ(result["shares"].size(), result["widths"].size());
    EXPECT_FALSE(std::filesystem::exists(std::filesystem::path(run["folder"]) / "checkpoints"));
    bool beaten = false;
    for (const auto& other : json)
      beaten = beaten ||
               (other["result"]["cost_fraction"] <= result["cost_fraction"] &&
                other["result"]["score"]["value"] > result["score"]["value"]) ||
               (other["result"]["cost_fraction"] < result["cost_fraction"] &&
                other["result"]["score"]["value"] >= result["score"]["value"]);
    EXPECT_EQ(run["on_front"], !beaten);
    any_on_front = any_on_front || !beaten;
  }
  EXPECT_TRUE(any_on_front);
  EXPECT_EQ(nlohmann::json::parse(read_text_file(folder_ / "runs" / "sweep.json")), json);

  std::istringstream tsv(read_text_file(folder_ / "runs" / "sweep.tsv"));
  std::vector<std::string> lines;
  for (std::string line; std::getline(tsv, line);) lines.push_back(line);
  ASSERT_EQ(lines.size(), 4u);
  EXPECT_THAT(lines[0], StartsWith("name\ttraining.window\tmodel.sharcs.width_mult_list\ttraining.thresholds\t"
                                   "routed_accuracy\tfull_accuracy\tscore\t"));
  for (const std::string& line : lines)
    EXPECT_EQ(std::ranges::count(line, '\t'), std::ranges::count(lines[0], '\t')) << line;
  EXPECT_EQ(
      run_program({"report", path("runs/window=1"), path("runs/window=2"), "--output", path("report.html")}).exit_code,
      0);
}

TEST_F(Sweep, RunsThatDifferInTheirSeedAreAlsoTakenTogether) {
  config_["grid"] = {{"training.window", {1, 2}}, {"training.seed", {1, 2, 3}}};
  const auto run = sweep();
  EXPECT_EQ(run.exit_code, 0) << run.errors;
  EXPECT_THAT(run.output, HasSubstr("\nover seeds\n"));
  EXPECT_THAT(run.output, HasSubstr("sweep-seeds.tsv"));
  const auto runs = nlohmann::json::parse(read_text_file(folder_ / "runs" / "sweep.json"));
  const auto groups = nlohmann::json::parse(read_text_file(folder_ / "runs" / "sweep-seeds.json"));
  ASSERT_EQ(runs.size(), 6u);
  ASSERT_EQ(groups.size(), 2u);
  bool any_on_front = false;
  for (const auto& group : groups) {
    EXPECT_EQ(group["finished"], 3);
    any_on_front = any_on_front || group["on_front"].get<bool>();
    const auto expect_spread = [&](const std::string& figure, const auto& value_of) {
      std::vector<double> values;
      for (const auto& each : runs)
        if (each["settings"]["training.window"] == group["settings"]["training.window"])
          values.push_back(value_of(each["result"]));
      ASSERT_EQ(values.size(), 3u);
      const double mean = (values[0] + values[1] + values[2]) / 3;
      double squares = 0;
      for (const double value : values) squares += (value - mean) * (value - mean);
      EXPECT_NEAR(group[figure]["mean"].template get<double>(), mean, 1e-12) << figure;
      EXPECT_NEAR(group[figure]["deviation"].template get<double>(), std::sqrt(squares / 2), 1e-12) << figure;
    };
    expect_spread("score", [](const auto& result) { return result["score"]["value"].template get<double>(); });
    expect_spread("full_score", [](const auto& result) { return result["full"]["accuracy"].template get<double>(); });
    expect_spread("cost_fraction", [](const auto& result) { return result["cost_fraction"].template get<double>(); });
  }
  EXPECT_TRUE(any_on_front);
  EXPECT_THAT(read_text_file(folder_ / "runs" / "sweep-seeds.tsv"),
              StartsWith("training.window\truns\tfinished\tscore\tscore_deviation\tfull_score\t"));
}

TEST_F(Sweep, WithOneSeedThereIsNothingToTakeTogether) {
  EXPECT_THAT(sweep().output, Not(HasSubstr("over seeds")));
  EXPECT_FALSE(std::filesystem::exists(folder_ / "runs" / "sweep-seeds.json"));
}

TEST_F(Sweep, TheSameCallAgainTrainsNothing) {
  const auto first = sweep();
  EXPECT_EQ(first.exit_code, 0) << first.errors;
  for (const char* part : {"window", "score [95 % interval]", "over full width", "* no other line is better in both"})
    EXPECT_THAT(first.output, HasSubstr(part));
  const std::string model = read_text_file(folder_ / "runs/window=1/model.safetensors");
  const auto second = sweep();
  EXPECT_EQ(second.output, first.output);
  EXPECT_EQ(second.errors, "run 1 of 2: window=1 is finished\nrun 2 of 2: window=2 is finished\n");

  // Values may be added, and what changes no result may change.
  config_["grid"]["training.window"] = {3, 1, 2};
  config_["training"]["epochs"] = 2;
  const auto third = sweep({"--json", "--keep-checkpoints", "1"});
  EXPECT_THAT(third.errors, HasSubstr("run 1 of 3: window=3\n"));
  EXPECT_THAT(third.errors, HasSubstr("run 2 of 3: window=1 is finished\n"));
  EXPECT_EQ(third.json().size(), 3u);
  EXPECT_EQ(read_text_file(folder_ / "runs/window=1/model.safetensors"), model);
}

TEST_F(Sweep, AnInterruptedRunIsResumedToTheSameBits) {
  config_["training"]["epochs"] = 40;
  {
    testing::RunningProgram running(command());
    running.await("epoch 2/40: ");
    running.send(SIGINT);
    const auto stopped = running.wait();
    ASSERT_EQ(stopped.exit_code, 128 + SIGINT) << stopped.errors;
    EXPECT_EQ(stopped.output, "");
    EXPECT_THAT(stopped.errors, HasSubstr("stopped; the same sharcs sweep goes on from here"));
  }
  EXPECT_THAT(sweep({"--dry-run"}).output, HasSubstr("window=1  to be resumed\nwindow=2  to be trained\n"));
  const auto resumed = sweep({"--json"});
  EXPECT_EQ(resumed.exit_code, 0) << resumed.errors;
  EXPECT_THAT(resumed.errors, HasSubstr("resuming in epoch "));
  EXPECT_EQ(resumed.json().size(), 2u);
  EXPECT_EQ(run_program(command({}, "train")).exit_code, 0);
  EXPECT_EQ(read_text_file(folder_ / "runs/window=1/model.safetensors"),
            read_text_file(folder_ / "train/model.safetensors"));
}

TEST_F(Sweep, OtherSettingsOrDataInTheSameFolderAreRefusedByName) {
  EXPECT_EQ(sweep().exit_code, 0);
  EXPECT_EQ(error_of(sweep({"--epochs", "3"})),
            path("runs/window=1") + ": is a run of other settings: \"training.epochs\" is 3; it was 2; sweep into " +
                "another folder, or remove this one");
  config_["model"]["hidden_size"] = 8;
  EXPECT_THAT(error_of(sweep()), HasSubstr("\"model.hidden_size\" is 8; it was 16"));
  config_["model"]["hidden_size"] = 16;
  SyntheticData::generate({.train = 96, .dev = 34, .test = 0}).save(folder_ / "data");
  EXPECT_THAT(error_of(sweep()), HasSubstr("\"dev.samples\" is 34; it was 32"));
  SyntheticData::generate({.train = 96, .dev = 32, .test = 0}).save(folder_ / "data");
  std::filesystem::remove(folder_ / "runs/window=1/sweep-run.json");
  EXPECT_THAT(error_of(sweep()), StartsWith(path("runs/window=1") + ": holds a training that is not this sweep's"));
  write_file_atomically(folder_ / "runs/window=1/sweep-run.json", "{\"identity\": 3}");
  EXPECT_THAT(error_of(sweep()), StartsWith(path("runs/window=1/sweep-run.json") + ": \"identity\" is 3"));
}

TEST_F(Sweep, SettingsThatCannotBeAreFoundBeforeAnythingIsTrained) {
  const auto error_with = [&](const nlohmann::json& grid) {
    config_["grid"] = grid;
    return error_of(sweep());
  };
  const std::string config = path("config.json");
  EXPECT_EQ(error_with({{"training.window", {1, 0}}}),
            config + " at window=0: \"window\" is 0; expected an integer ≥ 1");
  EXPECT_EQ(error_with({{"training.windw", {1}}}), config + " at windw=1: \"windw\" is not a known training option");
  EXPECT_THAT(error_with({{"model.sharcs.width_mult_list", {{0.4, 1.0}}}}),
              StartsWith(config + " at width_mult_list=0.4_1.0: \"width_mult_list\" has 0.4"));
  EXPECT_THAT(error_with({{"training.thresholds", {{{0, 1}}}}}), StartsWith(config + " at thresholds=0_1: "));
  EXPECT_THAT(error_with({{"window", {1}}}), StartsWith(config + ": \"grid\": \"window\" is no setting of a training"));
  EXPECT_THAT(error_with({{"training.window", 1}}),
              StartsWith(config + ": \"grid\", \"training.window\" is 1; expected a list of values"));
  EXPECT_THAT(error_with(3), StartsWith(config + ": \"grid\" is a JSON number; expected an object"));
  config_.erase("grid");
  EXPECT_THAT(error_of(sweep()), StartsWith(config + ": no section \"grid\"; expected settings"));
  EXPECT_FALSE(std::filesystem::exists(folder_ / "runs"));
  EXPECT_THAT(error_of(run_program({"sweep", "--output", "x"}), 2), StartsWith("--config is required"));
  EXPECT_THAT(error_of(run_program({"sweep", "--config", config}), 2), StartsWith("--output is required"));
}

TEST_F(Sweep, ARunThatCannotLearnIsALineOfTheTable) {
  config_["grid"] = {{"training.learning_rate", {1e30, 0.01}}};
  const auto run = sweep();
  EXPECT_THAT(last_error_of(run), StartsWith("1 of 2 runs failed; learning_rate=1e+30: "));
  EXPECT_THAT(run.output, HasSubstr("failed"));
  const auto table = nlohmann::json::parse(read_text_file(folder_ / "runs" / "sweep.json"));
  EXPECT_TRUE(table[0]["result"].is_null());
  EXPECT_TRUE(table[0]["error"].is_string());
  EXPECT_FALSE(table[0]["on_front"].get<bool>());
  EXPECT_TRUE(table[1]["result"].is_object());
}

}  // namespace
}  // namespace sharcs::internal::sweep_test
