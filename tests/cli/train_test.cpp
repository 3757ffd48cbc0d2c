#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include "cli/program.hpp"
#include "data/synthetic.hpp"
#include "eval/recorded_evaluation.hpp"
#include "io/file.hpp"
#include "sharcs/classifier.hpp"
#include "sharcs/task.hpp"
#include "sharcs/training_options.hpp"

namespace sharcs::internal::train_test {
namespace {

using ::testing::AllOf;
using testing::error_of;
using ::testing::HasSubstr;
using testing::last_error_of;
using testing::run_program;
using ::testing::StartsWith;

/// Little data, and a configuration with which an epoch takes milliseconds.
class Train : public ::testing::Test {
 protected:
  Train() {
    SyntheticData::generate({.train = 96, .dev = 32, .test = 0}).save(folder_ / "data");
    config_ = testing::tiny_training_config(
        {{"epochs", 3}, {"window", 1}, {"batch_size", 16}, {"learning_rate", 1e-2}, {"max_length", 32}});
  }

  std::string path(const std::string& name) const { return folder_ / name; }
  std::string file(const std::string& name, const std::string& text) const {
    write_file_atomically(folder_ / name, text);
    return path(name);
  }
  std::vector<std::string> command(const std::vector<std::string>& arguments) const {
    std::vector<std::string> all = {"train", "--config", file("config.json", config_.dump()), "--threads", "1"};
    all.insert(all.end(), arguments.begin(), arguments.end());
    return all;
  }
  testing::ProgramRun train(const std::vector<std::string>& arguments) const { return run_program(command(arguments)); }
  std::vector<std::string> on_sst2(const std::string& output, std::vector<std::string> more = {}) const {
    more.insert(more.begin(), {"--task", "sst-2", "--data", path("data"), "--output", path(output)});
    return more;
  }

  TemporaryFolder folder_;
  nlohmann::json config_;
};

TEST_F(Train, TrainsEvaluatesAndPredictsWithNothingSaidTwice) {
  const auto run = train(on_sst2("run"));
  EXPECT_EQ(run.exit_code, 0) << run.errors;
  for (const char* text : {"train: 96 sentences of", "negative 50.0 %", "dev: 32 sentences of", "router after layer 1",
                           "width 0.25: 0.", "epoch 1/3: loss ", "epoch 3/3: loss "})
    EXPECT_THAT(run.errors, HasSubstr(text));
  for (const char* text : {"\nrouted ", "\nfull width ", "\n0.25 ", "\ndifficulty "})
    EXPECT_THAT(run.output, HasSubstr(text));

  const auto evaluation = run_program({"eval", "--model", path("run"), "--data", path("data"), "--json"}).json();
  EXPECT_EQ(evaluation["task"], "sst-2");
  EXPECT_EQ(evaluation["samples"], 32);
  EXPECT_THAT(run_program({"predict", "--model", path("run"), "--text", "a superb film"}).output,
              HasSubstr("\ta superb film\n"));
}

TEST_F(Train, LeavesWhatAReportIsDrawnFrom) {
  const auto json = train(on_sst2("run", {"--json"})).json();
  const RecordedEvaluation file = RecordedEvaluation::load(folder_ / "run" / "recording.json");
  EXPECT_EQ(file.recording.model, path("run"));
  EXPECT_EQ(file.policy, "router");
  EXPECT_EQ(file.threads, 1);
  EXPECT_EQ(file.recording.size(), 32u);
  EXPECT_TRUE(file.recording.samples[0].difficulty.has_value());
  EXPECT_EQ(file.evaluation.routed.at("accuracy"), json["dev"]["routed"]["accuracy"]["value"]);
  EXPECT_EQ(file.latency.size(), 2u * 2 * 3) << "widths, batches, lengths of 8, 16 and 32";
  ASSERT_EQ(file.calls.size(), 2u);
  EXPECT_GE(file.calls[0].calls, 20);
  ASSERT_FALSE(file.points.empty());
  EXPECT_EQ(file.points.back().name, "oracle");
  const auto report = run_program({"report", path("run"), "--text"});
  EXPECT_EQ(report.exit_code, 0) << report.errors;
  EXPECT_THAT(report.output, HasSubstr("oracle"));
}

TEST_F(Train, JsonTellsTheResult) {
  const auto json = train(on_sst2("run", {"--json", "--epochs", "2"})).json();
  EXPECT_EQ(json["epochs"], 2);
  EXPECT_EQ(json["dev"]["samples"], 32);
  const auto evaluation = run_program({"eval", "--model", path("run"), "--data", path("data"), "--json"}).json();
  EXPECT_EQ(json["dev"]["routed"]["accuracy"], evaluation["routed"]["accuracy"]);
}

TEST_F(Train, DistilledEndsWithACalibratedModelAndTellsWhatItIsWorth) {
  const std::vector<std::string> arguments = on_sst2("run", {"--recipe", "distilled", "--exits", "1", "--epochs", "4"});
  const auto run = train(arguments);
  EXPECT_EQ(run.exit_code, 0) << run.errors;
  EXPECT_THAT(run.output, ::testing::ContainsRegex("\nfull width: [01]\\.[0-9]+\n"
                                                   "routed:     [01]\\.[0-9]+ \\(.* to be expected of new samples\\), "
                                                   "by combined, calibrated to 0.5 points below full width\n"
                                                   "cost:       [01]\\.[0-9]+ of full width's multiply-adds\n"
                                                   "time:       [0-9]+\\.[0-9]+ times as fast as full width\n"));
  EXPECT_THAT(run.errors, HasSubstr("32 samples: too few to tell what to expect"));
  const ModelConfig config = ModelConfig::load(folder_ / "run" / "config.json");
  EXPECT_EQ(config.sharcs->exits, std::vector<int>{1});
  EXPECT_EQ(config.sharcs->policy->name(), "combined, calibrated to 0.5 points below full width");
  const auto evaluation = run_program({"eval", "--model", path("run"), "--data", path("data"), "--json"}).json();
  EXPECT_EQ(evaluation["policy"], "combined, calibrated to 0.5 points below full width");
  EXPECT_EQ(evaluation["answers"].size(), 3u);
  EXPECT_GE(evaluation["routed"]["accuracy"]["value"].get<double>(),
            evaluation["full"]["accuracy"]["value"].get<double>() - 0.005);
  EXPECT_THAT(run_program({"report", path("run"), "--text"}).output, HasSubstr("exit 1"));
  const auto recorded = run_program({"eval", "--recording", path("run/recording.json"), "--json"}).json();
  EXPECT_EQ(recorded["policy"], evaluation["policy"]);
  EXPECT_EQ(recorded["routed"]["accuracy"], evaluation["routed"]["accuracy"]);
  EXPECT_EQ(recorded["routed"]["cost_fraction"], evaluation["routed"]["cost_fraction"]);
}

TEST_F(Train, OfTheWarmUpAloneLeavesAModelThatRunsAtFullWidth) {
  const auto run = train(on_sst2("run", {"--recipe", "distilled", "--epochs", "1"}));
  EXPECT_EQ(run.exit_code, 0) << run.errors;
  EXPECT_THAT(run.errors, HasSubstr("the model will run at full width"));
  EXPECT_THAT(run.output, HasSubstr(", by full width\n"));
  EXPECT_EQ(ModelConfig::load(folder_ / "run" / "config.json").sharcs->policy->kind, "full width");
}

TEST_F(Train, WithoutANumberOfEpochsItSaysHowManyItTakes) {
  const auto run = train(on_sst2("run", {"--recipe", "distilled", "--epochs", "0"}));
  EXPECT_EQ(run.exit_code, 0) << run.errors;
  for (const char* text : {"epochs: 30, for 96 training samples", "epoch 1/30: loss ", "epoch 30/30: loss "})
    EXPECT_THAT(run.errors, HasSubstr(text));
}

TEST_F(Train, FlagsOverrideTheConfigFile) {
  EXPECT_EQ(train(on_sst2("run", {"--epochs", "1", "--widths", "0.5,0.75,1", "--set", "model.hidden_size=8",
                                  "--no-repeat-smaller-buckets", "--width-loss-weights", "1,2,3", "--seed", "5"}))
                .exit_code,
            0);
  const ModelConfig config = ModelConfig::load(folder_ / "run" / "config.json");
  EXPECT_EQ(config.hidden_size, 8);
  EXPECT_EQ(config.sharcs->width_mult_list, (std::vector<double>{0.5, 0.75, 1}));
  EXPECT_EQ(config.sharcs->hidden_size_router, 8);
  const auto options = nlohmann::json::parse(read_text_file(folder_ / "run" / "training.json"))["options"];
  EXPECT_EQ(options["epochs"], 1);
  EXPECT_EQ(options["batch_size"], 16);
  EXPECT_EQ(options["seed"], 5);
  EXPECT_EQ(options["repeat_smaller_buckets"], false);
  EXPECT_EQ(options["width_loss_weights"], nlohmann::json({1, 2, 3}));
}

TEST_F(Train, NoneIsAnEmptyList) {
  EXPECT_EQ(train(on_sst2("run", {"--epochs", "1", "--set", "model.sharcs.exits=[1]", "--exits", "none"})).exit_code,
            0);
  EXPECT_TRUE(ModelConfig::load(folder_ / "run" / "config.json").sharcs->exits.empty());
}

TEST_F(Train, FlagsOfEveryTrainingOptionAreInTheHelp) {
  const std::string help = run_program({"train", "--help"}).output;
  const auto options = nlohmann::json::parse(TrainingOptions().to_json());
  for (const auto& [key, value] : options.items()) {
    std::string flag = "--" + key;
    std::replace(flag.begin(), flag.end(), '_', '-');
    EXPECT_THAT(help, HasSubstr(flag + (value.is_boolean() ? "" : " ")));
  }
}

TEST_F(Train, OwnDataAreReadByTheirColumnsAndRememberThem) {
  std::string csv = "stars,review\n";
  for (int i = 0; i < 30; ++i)
    csv += std::string(i % 3 == 0   ? "five"
                       : i % 3 == 1 ? "one"
                                    : "three") +
           ",\"a film, number " + std::to_string(i) + "\"\n";
  const auto run = train({"--train", file("own.csv", csv), "--text-column", "review", "--label-column", "stars",
                          "--output", path("run"), "--dev-share", "0.3"});
  EXPECT_EQ(run.exit_code, 0) << run.errors;
  EXPECT_EQ(ModelConfig::load(folder_ / "run" / "config.json").labels,
            (std::vector<std::string>{"five", "one", "three"}));
  const auto json = run_program({"eval", "--model", path("run"), "--file", path("own.csv"), "--json"}).json();
  EXPECT_EQ(json["samples"], 30);
  EXPECT_EQ(json["confusion"].size(), 3u);
}

TEST_F(Train, AFolderWithoutDevSaysHowToSplitItOff) {
  std::filesystem::remove(folder_ / "data" / "dev.tsv");
  const std::string error = error_of(train(on_sst2("run")));
  EXPECT_THAT(error, HasSubstr("data: no dev.tsv; found train.tsv; --dev-share 0.1 takes"));
  EXPECT_EQ(train(on_sst2("run", {"--dev-share", "0.1"})).exit_code, 0);
}

TEST_F(Train, OwnPairsWithScoresAreARegression) {
  std::string lines;
  for (int i = 0; i < 30; ++i)
    lines += R"({"a": "film )" + std::to_string(i) + R"(", "b": "plot", "score": )" + std::to_string(i % 7) + "}\n";
  const auto run = train({"--train", file("own.jsonl", lines), "--text-column", "a", "--pair-column", "b",
                          "--label-column", "score", "--regression", "--output", path("run"), "--json"});
  EXPECT_EQ(run.exit_code, 0) << run.errors;
  EXPECT_EQ(run.json()["dev"]["samples"], 3);
  EXPECT_TRUE(run.json()["dev"]["routed"].contains("spearman"));
  EXPECT_THAT(run_program({"predict", "--model", path("run"), "--text", "film\tplot"}).output,
              StartsWith("score\tanswer\ttext\n"));
}

TEST_F(Train, ColumnsByPositionNeedNoHeader) {
  std::string tsv;
  for (int i = 0; i < 30; ++i)
    tsv += std::string(i % 2 ? "yes" : "no") + "\ta film, number " + std::to_string(i) + "\n";
  const auto run = train({"--train", file("own.tsv", tsv), "--text-column", "2", "--label-column", "1", "--header",
                          "no", "--output", path("run")});
  EXPECT_EQ(run.exit_code, 0) << run.errors;
  EXPECT_EQ(run_program({"eval", "--model", path("run"), "--file", path("own.tsv"), "--json"}).json()["samples"], 30);
  EXPECT_EQ(run_program({"predict", "--model", path("run"), "--input", path("own.tsv")}).exit_code, 0);
}

TEST_F(Train, AClassOfFewSamplesIsLearntWithAndIsInBothParts) {
  std::string tsv = "text\tlabel\n";
  for (int i = 0; i < 98; ++i) tsv += "a film, number " + std::to_string(i) + "\tcommon\n";
  const std::vector<std::string> columns = {"--text-column", "text",     "--label-column",
                                            "label",         "--output", path("run")};
  auto arguments = columns;
  arguments.insert(arguments.end(), {"--train", file("own.tsv", tsv + "no film\trare\nnone\trare\n")});
  const auto run = train(arguments);
  EXPECT_EQ(run.exit_code, 0) << run.errors;
  EXPECT_THAT(run.errors, AllOf(HasSubstr("(common 98.9 %, rare 1.1 %)"), HasSubstr("(common 90.9 %, rare 9.1 %)")));

  // The only sample of a class stays in train; a metric that dev cannot tell is 0, not a failure.
  arguments = columns;
  arguments.insert(arguments.end(), {"--train", file("one.tsv", tsv + "no film\trare\n"), "--json", "--overwrite"});
  const auto alone = train(arguments);
  EXPECT_EQ(alone.exit_code, 0) << alone.errors;
  EXPECT_THAT(alone.errors, HasSubstr("(common 100.0 %, rare 0.0 %)"));
  EXPECT_EQ(alone.json()["dev"]["routed"]["matthews"]["value"], 0);
}

TEST_F(Train, DataOfOneClassOneTargetOrOneLineAreRefused) {
  const auto error_with = [&](const std::string& content, std::vector<std::string> more = {}) {
    more.insert(more.begin(), {"--train", file("own.tsv", "text\tlabel\n" + content), "--text-column", "text",
                               "--label-column", "label", "--output", path("run")});
    return last_error_of(train(more));
  };
  const std::string name = path("own.tsv");
  EXPECT_EQ(error_with("a\t1\nb\t1\nc\t1\n"),
            name + ": all 3 samples have the label \"1\"; training needs at least two classes");
  EXPECT_EQ(error_with("a\t1\n"), name + ": 1 sample; training needs at least 2");
  EXPECT_EQ(error_with("a\t1\nb\t0\n"),
            name + ": 2 samples are too few to split off a dev set; expected at least 2 of one label");
  EXPECT_EQ(error_with("a\t1\nb\t1\nc\t1\n", {"--regression"}),
            name + ": all 3 samples have the same target; training needs different ones");
  EXPECT_FALSE(std::filesystem::exists(folder_ / "run" / "model.safetensors"));
}

TEST_F(Train, TwoRunsWithTheSameSeedAndThreadsWriteTheSameBytes) {
  const std::string config = file("config.json", config_.dump());
  for (const char* threads : {"1", "2"}) {
    for (const char* run : {"first", "second"}) {
      const auto trained = run_program({"train", "--config", config, "--threads", threads, "--seed", "7", "--task",
                                        "sst-2", "--data", path("data"), "--output", path(run)});
      ASSERT_EQ(trained.exit_code, 0) << trained.errors;
    }
    for (const char* name : {"model.safetensors", "config.json", "tokenizer.json"})
      EXPECT_TRUE(read_text_file(folder_ / "first" / name) == read_text_file(folder_ / "second" / name))
          << name << " with " << threads << " threads";
    for (const char* run : {"first", "second"}) std::filesystem::remove_all(folder_ / run);
  }
}

TEST_F(Train, StartsFromACheckpoint) {
  testing::save_tiny_model(folder_ / "plain", [](ModelConfig& config) { config.sharcs.reset(); });
  config_["model"] = {{"sharcs", {{"width_mult_list", {0.5, 1.0}}, {"adaptive_layer_idx", 2}}}};
  config_["training"]["max_length"] = 16;
  const auto run = train(on_sst2("run", {"--init", path("plain"), "--epochs", "2"}));
  EXPECT_EQ(run.exit_code, 0) << run.errors;
  EXPECT_THAT(run.errors, HasSubstr(path("plain") + ": initialised anew: "));
  EXPECT_THAT(run.errors, HasSubstr("section \"tokenizer\" is not used"));
  const ModelConfig config = ModelConfig::load(folder_ / "run" / "config.json");
  EXPECT_EQ(config.num_hidden_layers, 3);
  EXPECT_EQ(config.sharcs->adaptive_layer_idx, 2);
  EXPECT_EQ(Task::of(config)->name(), "sst-2");

  config_["model"]["hidden_size"] = 32;
  EXPECT_EQ(last_error_of(train(on_sst2("other", {"--init", path("plain")}))),
            path("config.json") + ": \"model.hidden_size\" is 32, in " + path("plain") +
                "/config.json 16; expected the same, or none");
}

TEST_F(Train, TheHeadOfACheckpointSaysNothingOfTheTasks) {
  testing::save_tiny_model(folder_ / "masks", [](ModelConfig& config) {
    config.sharcs.reset();
    config.per_token = config.fills_masks = true;
    config.labels.clear();
  });
  config_["model"] = {
      {"sharcs",
       {{"width_mult_list", {0.5, 1.0}}, {"adaptive_layer_idx", 1}, {"exits", {1, 2}}, {"exit_scores", true}}}};
  config_["training"]["max_length"] = 16;
  config_.erase("tokenizer");
  const auto run = train(on_sst2("run", {"--init", path("masks"), "--epochs", "1"}));
  EXPECT_EQ(run.exit_code, 0) << run.errors;
  const ModelConfig config = ModelConfig::load(folder_ / "run" / "config.json");
  EXPECT_TRUE(config.sharcs->exit_scores && !config.per_token);
}

TEST_F(Train, StartsFromTheFirstLayersOfAPlainEncoder) {
  testing::save_tiny_model(folder_ / "plain", [](ModelConfig& config) { config.sharcs.reset(); });
  config_["model"] = {{"sharcs", {{"width_mult_list", {1.0}}, {"adaptive_layer_idx", 1}}}, {"num_hidden_layers", 2}};
  config_["training"]["max_length"] = 16;
  config_.erase("tokenizer");
  const auto run = train(on_sst2("run", {"--init", path("plain"), "--epochs", "1"}));
  EXPECT_EQ(run.exit_code, 0) << run.errors;
  EXPECT_THAT(run.errors, HasSubstr("not used: "));
  EXPECT_EQ(ModelConfig::load(folder_ / "run" / "config.json").num_hidden_layers, 2);
  config_["model"]["num_hidden_layers"] = 4;
  EXPECT_THAT(last_error_of(train(on_sst2("other", {"--init", path("plain")}))),
              HasSubstr("\"model.num_hidden_layers\" is 4, in "));
}

TEST_F(Train, StartsFromACalibratedModelAtOtherWidths) {
  testing::save_tiny_model(folder_ / "calibrated", [](ModelConfig& config) {
    config.sharcs->policy =
        PolicyRule{.router = RoutingRule{
                       .weights = {{1, 0, 0}, {0, 1, 0}, {0, 0, 1}}, .offsets = {9, 0, 0}, .costs = {{}, {}, {}}}};
  });
  config_["training"]["max_length"] = 16;
  config_.erase("tokenizer");
  for (const auto& sharcs : {nlohmann::json({{"width_mult_list", {0.5, 1.0}}}), nlohmann::json::object()}) {
    config_["model"] = {{"sharcs", sharcs}};
    const auto run = train(on_sst2("run", {"--init", path("calibrated"), "--epochs", "1", "--overwrite"}));
    EXPECT_EQ(run.exit_code, 0) << run.errors;
    const ModelConfig config = ModelConfig::load(folder_ / "run" / "config.json");
    EXPECT_EQ(config.sharcs->width_mult_list.size(), sharcs.empty() ? 3u : 2u);
    EXPECT_NE(config.sharcs->policy->kind, "router") << "it was of other parameters";
  }
}

TEST_F(Train, SettingsThatCannotBeAreNamed) {
  const auto error_with = [&](const std::vector<std::string>& flags) {
    return last_error_of(train(on_sst2("run", flags)));
  };
  const std::string line = "command line: ";
  EXPECT_EQ(error_with({"--set", "training.epohcs=3"}), line + "\"epohcs\" is not a known training option");
  EXPECT_EQ(error_with({"--set", "model.hiden_size=3"}), line + "\"model.hiden_size\" is not a known key");
  EXPECT_THAT(error_with({"--set", "tokenizer.size=3"}), StartsWith(line + "\"tokenizer.size\" is not a known key"));
  EXPECT_EQ(error_with({"--set", "tokenizer.vocab_size=6"}),
            line + "\"tokenizer.vocab_size\" is 6; expected an integer ≥ 7");
  EXPECT_EQ(error_with({"--set", "model.vocab_size=3"}),
            line + "\"model.vocab_size\" is decided by the tokenizer; leave it out");
  EXPECT_THAT(error_with({"--widths", "0.4,1"}),
              AllOf(StartsWith(line + "\"width_mult_list\" has 0.4"), HasSubstr("0.5")));
  EXPECT_THAT(error_with({"--widths", "1,0.5"}), HasSubstr("ascending"));
  EXPECT_THAT(error_with({"--adaptive-layer-idx", "2"}),
              StartsWith(line + "\"adaptive_layer_idx\" is 2; expected 1 to 1"));
  EXPECT_THAT(error_with({"--thresholds", "[[0, 0.5], [0.9, 0.6]]"}), StartsWith(line + "\"thresholds\": hardness"));
  EXPECT_THAT(error_with({"--thresholds", "[[0, 1]]"}), StartsWith(line + "\"thresholds\": hardness"));
  EXPECT_THAT(error_with({"--width-loss-weights", "1,2,3"}), StartsWith(line + "\"width_loss_weights\" has 3"));
  EXPECT_THAT(error_with({"--max-length", "99"}), StartsWith(line + "\"max_length\" is 99"));
  EXPECT_FALSE(std::filesystem::exists(folder_ / "run" / "model.safetensors"));
}

TEST_F(Train, SettingsOfTheFileThatCannotBeAreNamedWithIt) {
  const auto error_with = [&](const char* key, const nlohmann::json& value,
                              const std::vector<std::string>& flags = {}) {
    const nlohmann::json before = config_;
    config_[nlohmann::json::json_pointer(key)] = value;
    const std::string message = last_error_of(train(on_sst2("run", flags)));
    config_ = before;
    EXPECT_THAT(message, StartsWith(path("config.json") + ": "));
    return message.substr(std::min(message.size(), path("config.json").size() + 2));
  };
  EXPECT_EQ(error_with("/training/thresholds", {{0.8, 0.5}, {0, 0.8}}),
            "\"thresholds\": hardness thresholds of width 0.25 are [0.8, 0.5); expected the first below the second");
  EXPECT_THAT(error_with("/training/width_loss_weights", {1, 2, 3}), StartsWith("\"width_loss_weights\" has 3"));
  EXPECT_EQ(error_with("/training/max_length", 99), "\"max_length\" is 99, but the model has only 32 positions");
  EXPECT_THAT(error_with("/tokenizer/vocab_size", 3), StartsWith("\"tokenizer.vocab_size\" is 3; expected"));
  // Flags for other things do not take the blame.
  EXPECT_THAT(
      error_with("/model/sharcs/width_mult_list", {0.4, 1.0}, {"--epochs", "1", "--set", "model.layer_norm_eps=1e-6"}),
      StartsWith("\"width_mult_list\" has 0.4"));
}

TEST_F(Train, WrongCallsAreUsageErrors) {
  const auto error = [&](const std::vector<std::string>& arguments) { return error_of(train(arguments), 2); };
  EXPECT_THAT(error({"--task", "sst-2", "--data", path("data")}), StartsWith("--output is required"));
  EXPECT_THAT(error({"--task", "sst-2", "--output", path("run")}), StartsWith("give --data FOLDER or --train FILE"));
  EXPECT_THAT(error({"--data", path("data"), "--output", path("run")}), HasSubstr("give --task, too"));
  EXPECT_THAT(error(on_sst2("run", {"--epochs", "-1"})),
              StartsWith("command line: \"epochs\" is -1; expected an integer ≥ 0"));
  EXPECT_THAT(error(on_sst2("run", {"--epochs", "many"})), StartsWith("command line: \"epochs\" is \"many\""));
  EXPECT_THAT(error(on_sst2("run", {"--set", "epochs"})), HasSubstr("expected section.key=value"));
  EXPECT_THAT(error_of(run_program({"train", "--task", "sst-2", "--data", path("data"), "--output", path("run")}), 2),
              StartsWith("give --config FILE with a section \"model\", or --init CHECKPOINT"));
}

TEST_F(Train, DataThatCannotBeUsedAreNamed) {
  const auto error_with = [&](const std::string& train_file, const std::string& dev_file = "") {
    std::vector<std::string> arguments = {"--task",   "sst-2",    "--train", file("t.tsv", train_file),
                                          "--output", path("run")};
    if (!dev_file.empty()) arguments.insert(arguments.end(), {"--dev", file("d.tsv", dev_file)});
    return last_error_of(train(arguments));
  };
  const std::string good = "sentence\tlabel\na\t1\nb\t0\nc\t1\nd\t0\n";
  EXPECT_THAT(error_with("sentence\tlabel\na\t1\nb\tgood\n"), StartsWith(path("t.tsv") + ":3: unknown label \"good\""));
  EXPECT_THAT(error_with("sentence\tlabel\na\t1\nb\t1\n"), HasSubstr("training needs at least two classes"));
  EXPECT_THAT(error_with(good, "sentence\tlabel\na\t3\n"), StartsWith(path("d.tsv") + ":2: unknown label \"3\""));
  EXPECT_THAT(error_with(""), StartsWith(path("t.tsv") + ": "));
}

TEST_F(Train, SaysWhenAWidthHasNoSamples) {
  const auto run = train(on_sst2("run", {"--thresholds", "[[1.005, 1.01], [0, 1.005]]"}));
  EXPECT_EQ(run.exit_code, 0);
  EXPECT_THAT(run.errors, HasSubstr("no training sample has width 0.25"));
}

TEST_F(Train, SignalsEndAfterTheStepAndTheRunGoesOnToTheSameBits) {
  const std::vector<std::string> arguments = on_sst2("run", {"--epochs", "40"});
  for (const int signal : {SIGINT, SIGTERM}) {
    auto stopped_arguments = arguments;
    if (signal == SIGTERM) stopped_arguments.emplace_back("--resume");
    testing::RunningProgram running(command(stopped_arguments));
    running.await(signal == SIGINT ? "epoch 2/40: " : "epoch 9/40: ");
    running.send(signal);
    const auto stopped = running.wait();
    ASSERT_EQ(stopped.exit_code, 128 + signal) << stopped.errors;
    EXPECT_EQ(stopped.output, "");
    EXPECT_THAT(stopped.errors, HasSubstr("stopped; the same command with --resume goes on from here"));
  }
  EXPECT_THAT(last_error_of(train(arguments)), HasSubstr("not finished; resume it"));
  auto resumed = arguments;
  resumed.emplace_back("--resume");
  const auto finished = train(resumed);
  EXPECT_EQ(finished.exit_code, 0) << finished.errors;
  EXPECT_THAT(finished.errors, HasSubstr("resuming in epoch "));

  EXPECT_EQ(train(on_sst2("whole", {"--epochs", "40"})).exit_code, 0);
  EXPECT_EQ(read_text_file(folder_ / "run" / "model.safetensors"),
            read_text_file(folder_ / "whole" / "model.safetensors"));
}

TEST_F(Train, ResumingSaysThatItDoesNotUseTheCheckpointToStartFrom) {
  for (const char* name : {"one", "other"}) testing::save_tiny_model(folder_ / name);
  config_["model"] = nlohmann::json::object();
  config_["training"]["max_length"] = 16;
  EXPECT_EQ(train(on_sst2("run", {"--init", path("one")})).errors.find("not used; the run"), std::string::npos);
  const auto resumed = train(on_sst2("run", {"--init", path("other"), "--resume"}));
  EXPECT_EQ(resumed.exit_code, 0) << resumed.errors;
  EXPECT_THAT(resumed.errors, HasSubstr("\n--init " + path("other") + ": its parameters are not used; the run's " +
                                        "checkpoint has those to go on with\n"));
}

TEST_F(Train, ResumingNeedsARun) {
  EXPECT_THAT(last_error_of(train(on_sst2("run", {"--resume"}))), HasSubstr("no training to resume"));
  EXPECT_EQ(train(on_sst2("run")).exit_code, 0);
  EXPECT_THAT(last_error_of(train(on_sst2("run", {"--resume", "--batch-size", "8"}))), HasSubstr("batch_size"));
}

TEST_F(Train, AFinishedModelIsReplacedOnlyWhereThatIsAskedFor) {
  ASSERT_EQ(train(on_sst2("run", {"--epochs", "1"})).exit_code, 0);
  file("run/notes.txt", "mine");
  file("run/pytorch_model-00001-of-00002.bin", "of the old model");
  const std::string before = read_text_file(path("run/model.safetensors"));
  EXPECT_THAT(error_of(train(on_sst2("run", {"--epochs", "1", "--seed", "2"})), 2),
              StartsWith(path("run") + " holds a model; --overwrite replaces it"));
  EXPECT_EQ(read_text_file(path("run/model.safetensors")), before);
  const auto replaced = train(on_sst2("run/", {"--epochs", "2", "--seed", "2", "--overwrite"}));
  EXPECT_EQ(replaced.exit_code, 0) << replaced.errors;
  EXPECT_NE(read_text_file(path("run/model.safetensors")), before);
  EXPECT_EQ(read_text_file(path("run/notes.txt")), "mine");
  EXPECT_FALSE(std::filesystem::exists(path("run/pytorch_model-00001-of-00002.bin")));
  EXPECT_FALSE(std::filesystem::exists(path("run.new")));
  EXPECT_EQ(run_program({"report", path("run"), "--text"}).exit_code, 0);
}

TEST_F(Train, ATrainingThatDiesLeavesTheOldModelWhole) {
  ASSERT_EQ(train(on_sst2("run", {"--epochs", "1"})).exit_code, 0);
  const auto result = [&] {
    std::string all;
    for (const char* name : {"config.json", "model.safetensors", "tokenizer.json", "recording.json", "training.json"})
      all += read_text_file(path("run/") + name);
    return all;
  };
  const std::string before = result();
  {
    testing::RunningProgram killed(command(on_sst2("run", {"--epochs", "60", "--seed", "2", "--overwrite"})));
    killed.await("epoch 2/60");
    killed.send(SIGKILL);
    EXPECT_EQ(killed.wait().exit_code, 128 + SIGKILL);
  }
  EXPECT_EQ(result(), before);
  EXPECT_EQ(run_program({"predict", "--model", path("run"), "--text", "a gem"}).exit_code, 0);
  // It can go on, and then takes the old one's place.
  const auto run = train(on_sst2("run", {"--epochs", "60", "--seed", "2", "--resume"}));
  EXPECT_EQ(run.exit_code, 0) << run.errors;
  EXPECT_NE(result(), before);
  EXPECT_FALSE(std::filesystem::exists(path("run.new")));
}

TEST_F(Train, ACheckpointThatCannotBeWrittenEndsWithALineAndTheOldModelInPlace) {
  ASSERT_EQ(train(on_sst2("run", {"--epochs", "1"})).exit_code, 0);
  const std::string before = read_text_file(path("run/model.safetensors"));
  // No file may be larger than 100 kB: a checkpoint is.
  testing::RunningProgram program(command(on_sst2("run", {"--seed", "2", "--overwrite"})), "",
                                  {"sh", "-c", "trap '' XFSZ; ulimit -f 200; exec \"$0\" \"$@\""});
  EXPECT_THAT(last_error_of(program.wait()), HasSubstr(".checkpoint: cannot write: "));
  EXPECT_EQ(read_text_file(path("run/model.safetensors")), before);
  EXPECT_EQ(run_program({"predict", "--model", path("run"), "--text", "a gem"}).exit_code, 0);
}

TEST_F(Train, BadLinesAreSkippedWhereThatIsAskedFor) {
  std::string csv = "text;label\n";
  for (int i = 0; i < 40; ++i) csv += i % 2 ? "a superb film;good\n" : "a dull mess;bad\n";
  const std::vector<std::string> arguments = {
      "--train", file("a.csv", csv + ";good\nx;y;z\n"), "--delimiter", ";", "--epochs", "1", "--output", path("run")};
  EXPECT_THAT(last_error_of(train(arguments)), StartsWith(path("a.csv") + ":42: no text in column \"text\""));
  auto skipping = arguments;
  skipping.insert(skipping.end(), {"--on-error", "skip"});
  const auto run = train(skipping);
  EXPECT_EQ(run.exit_code, 0) << run.errors;
  EXPECT_THAT(run.errors, HasSubstr(path("a.csv") +
                                    ": left out 2 lines that cannot be read, the first: " + path("a.csv") + ":42: "));
  EXPECT_EQ(ModelConfig::load(folder_ / "run" / "config.json").max_length, 32);
  // The delimiter is kept with the model.
  EXPECT_EQ(run_program({"eval", "--model", path("run"), "--file", file("b.csv", csv)}).exit_code, 0);
}

TEST_F(Train, ATableAloneIsEnough) {
  std::string csv = "stars,review\n";
  for (int i = 0; i < 60; ++i)
    csv += i % 2 ? "5,a superb film of " + std::to_string(i) + "\n" : "1,\"a dull , long mess\"\n";
  const std::filesystem::path before = std::filesystem::current_path();
  std::filesystem::current_path(folder_.path());
  const auto run = run_program({"train", file("reviews.CSV", csv), "--epochs", "2", "--threads", "2"});
  std::filesystem::current_path(before);
  EXPECT_EQ(run.exit_code, 0) << run.errors;
  for (const char* text : {"output: runs/reviews\n", "preset: small, for less than 20,000 samples",
                           "reviews.CSV: the text is column \"review\", the label \"stars\"\n"})
    EXPECT_THAT(run.errors, HasSubstr(text));
  EXPECT_EQ(ModelConfig::load(folder_ / "runs" / "reviews" / "config.json").labels,
            (std::vector<std::string>{"1", "5"}));
  EXPECT_THAT(last_error_of(run_program({"train", file("b.csv", "one,two,three\na,b,c\n"), "--output", path("b")})),
              StartsWith(path("b.csv") +
                         ":1: the names of the columns (\"one\", \"two\", \"three\") do not tell text and label"));
  EXPECT_THAT(last_error_of(run_program({"train", file("c.tsv", "text,label\na,1\n"), "--output", path("c")})),
              path("c.tsv") +
                  ":1: is one column (\"text,label\"); expected text and label; --delimiter says what stands "
                  "between columns");
  EXPECT_THAT(last_error_of(run_program({"train", file("d.txt", "__label__1 a\n"), "--output", path("d")})),
              path("d.txt") + ":1: begins with \"__label__\", as fastText's files do; expected --format fasttext");
}

}  // namespace
}  // namespace sharcs::internal::train_test
