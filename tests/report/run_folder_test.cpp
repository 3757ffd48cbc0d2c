#include "report/run_folder.hpp"

#include <gtest/gtest.h>

#include "expect_error.hpp"
#include "io/file.hpp"
#include "report/synthetic_run.hpp"
#include "sharcs/error.hpp"
#include "temporary_folder.hpp"

namespace sharcs::internal::run_folder_test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::save_run;
using testing::synthetic_run;
namespace fs = std::filesystem;

std::vector<RunFolder> read(std::vector<fs::path> folders) { return read_runs(folders); }

std::vector<std::string> names_of(const std::vector<fs::path>& folders) {
  std::vector<std::string> names;
  for (const RunFolder& run : read_runs(folders)) names.push_back(run.name);
  return names;
}

TEST(ReadRuns, AFolderHoldsSettingsConfigurationEpochsAndEvaluation) {
  const TemporaryFolder folder;
  const RunFolder run = synthetic_run({.samples = 20});
  save_run(run, folder / "first");
  const std::vector<RunFolder> found = read({folder / "first"});
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].name, "first");
  EXPECT_EQ(found[0].epochs.size(), run.epochs.size());
  EXPECT_EQ(found[0].recorded->to_json(), run.recorded->to_json());
  EXPECT_EQ(found[0].config->to_json(), run.config->to_json());
  EXPECT_EQ(found[0].settings.size(), run.settings.size());
}

TEST(ReadRuns, ARunThatGoesOnAndAModelThatWasOnlyEvaluatedAreRunsToo) {
  const TemporaryFolder folder;
  save_run(synthetic_run({.samples = 20}), folder / "going on");
  fs::remove(folder / "going on/recording.json");
  fs::remove(folder / "going on/config.json");
  save_run(synthetic_run({.samples = 20}), folder / "evaluated");
  fs::remove(folder / "evaluated/metrics.jsonl");
  fs::remove(folder / "evaluated/training.json");
  const std::vector<RunFolder> found = read({folder / "going on", folder / "evaluated"});
  EXPECT_FALSE(found[0].recorded.has_value());
  EXPECT_FALSE(found[0].config.has_value());
  EXPECT_TRUE(found[1].epochs.empty());
  EXPECT_TRUE(found[1].settings.empty());
}

TEST(ReadRuns, TheEarlierNameOfTheRecordingIsReadWhereThereIsNoOther) {
  const TemporaryFolder folder;
  save_run(synthetic_run({.samples = 20}), folder / "run");
  fs::rename(folder / "run/recording.json", folder / "run/evaluation.json");
  EXPECT_EQ(read({folder / "run"})[0].recorded->recording.size(), 20u);
  save_run(synthetic_run({.samples = 30}), folder / "run");
  EXPECT_EQ(read({folder / "run"})[0].recorded->recording.size(), 30u);
}

TEST(ReadRuns, NamesAreTheShortestEndsThatDiffer) {
  const TemporaryFolder folder;
  for (const char* name : {"small/seed1", "small/seed2", "large/seed1"})
    save_run(synthetic_run({.epochs = 1, .samples = 5}), folder / name);
  EXPECT_THAT(names_of({folder / "small/seed1", folder / "small/seed2"}), ElementsAre("seed1", "seed2"));
  EXPECT_THAT(names_of({folder / "small/seed1", folder / "large/seed1"}), ElementsAre("small/seed1", "large/seed1"));
  EXPECT_THAT(names_of({folder / "small/seed1/"}), ElementsAre("seed1"));
}

TEST(ReadRuns, WhatIsNoRunIsNamed) {
  const TemporaryFolder folder;
  const auto message = [&](const fs::path& path) { return message_of<IoError>([&] { read({path}); }); };
  EXPECT_EQ(message(folder / "absent"),
            (folder / "absent").string() + ": no such folder; expected the output folder of a training run");
  fs::create_directory(folder / "empty");
  EXPECT_THAT(message(folder / "empty"), HasSubstr("empty: holds neither metrics.jsonl nor recording.json"));
  write_file_atomically(folder / "file", "");
  EXPECT_THAT(message(folder / "file"), HasSubstr("file: no such folder"));
}

TEST(ReadRuns, TheSameFolderTwiceIsRefused) {
  const TemporaryFolder folder;
  save_run(synthetic_run({.epochs = 1, .samples = 5}), folder / "run");
  EXPECT_THAT(message_of<ConfigError>([&] {
                read({folder / "run", folder / "." / "run"});
              }),
              HasSubstr("run is given twice"));
}

TEST(ReadRuns, BrokenFilesAreNamed) {
  const TemporaryFolder folder;
  const auto message = [&](const char* file, std::string_view text) {
    save_run(synthetic_run({.epochs = 2, .samples = 5}), folder.path());
    write_file_atomically(folder / file, text);
    return message_of<Error>([&] { read({folder.path()}); });
  };
  EXPECT_THAT(message("metrics.jsonl", "{\"schema\":1}\n"), HasSubstr("metrics.jsonl:1: \"epoch\" is absent"));
  EXPECT_THAT(message("metrics.jsonl", "nonsense\n"), HasSubstr("metrics.jsonl:1: not valid JSON"));
  EXPECT_THAT(message("recording.json", "{\n\"schema\": "), HasSubstr("recording.json:2: not valid JSON"));
  EXPECT_THAT(message("recording.json", "[]"), HasSubstr("recording.json: found [], expected an object"));
  EXPECT_THAT(message("training.json", "[1]"), HasSubstr("training.json: found [1], expected an object"));
  EXPECT_THAT(message("config.json", "{}"), HasSubstr("config.json: \"model_type\" is absent"));
}

TEST(ReadRuns, WithoutAFinishedEpochThereIsNothingToReport) {
  const TemporaryFolder folder;
  write_file_atomically(folder / "metrics.jsonl", "");
  EXPECT_THAT(message_of<DataError>([&] { read({folder.path()}); }), HasSubstr("metrics.jsonl: no epoch is finished"));
}

TEST(Settings, KeysOfNestedObjectsAreJoined) {
  const auto settings =
      flatten(nlohmann::ordered_json::parse(R"({"b": {"x": [1, 2.5], "y": "text"}, "a": true, "c": {}})"));
  ASSERT_EQ(settings.size(), 4u);
  EXPECT_EQ(settings[0].key, "b.x");
  EXPECT_EQ(settings[0].value, "[1,2.5]");
  EXPECT_EQ(settings[1].value, "text");
  EXPECT_EQ(settings[2].key, "a");
  EXPECT_EQ(settings[3].value, "{}");
}

TEST(Settings, AreComparedOverRuns) {
  std::vector<RunFolder> runs(2);
  runs[0].settings = {{"seed", "1"}, {"epochs", "3"}};
  runs[1].settings = {{"window", "2"}, {"seed", "2"}, {"epochs", "3"}};
  const auto settings = training_settings(runs);
  ASSERT_EQ(settings.size(), 3u);
  EXPECT_EQ(settings[0].key, "seed");
  EXPECT_THAT(settings[0].values, ElementsAre("1", "2"));
  EXPECT_TRUE(settings[0].differs);
  EXPECT_FALSE(settings[1].differs);
  EXPECT_EQ(settings[2].key, "window");
  EXPECT_THAT(settings[2].values, ElementsAre("", "2"));
  EXPECT_TRUE(settings[2].differs);
}

}  // namespace
}  // namespace sharcs::internal::run_folder_test
