#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/program.hpp"
#include "io/file.hpp"
#include "sharcs/model.hpp"

namespace sharcs::internal::inspect_test {
namespace {

using testing::error_of;
using ::testing::HasSubstr;
using testing::run_program;
using ::testing::StartsWith;

TEST(Inspect, TellsWhatEachWidthCosts) {
  const TemporaryFolder folder;
  testing::save_tiny_model(folder.path());
  const auto json = run_program({"inspect", folder.path(), "--tokens", "10", "--json"}).json();
  const ModelConfig config = ModelConfig::load(folder / "config.json");
  const WidthSet widths(config);
  ASSERT_EQ(json["widths"].size(), 3u);
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(json["widths"][i]["width"], widths[i].fraction());
    EXPECT_EQ(json["widths"][i]["heads"], widths[i].heads());
    EXPECT_EQ(json["widths"][i]["multiply_adds"], multiply_adds(config, widths[i], 10));
    EXPECT_EQ(json["widths"][i]["parameters"], parameters_used(config, widths[i]));
  }
  EXPECT_EQ(json["sharcs"]["adaptive_layer_idx"], 1);
  EXPECT_EQ(json["policy"], "router");
  EXPECT_TRUE(json["missing"].empty());
  EXPECT_TRUE(json["unexpected"].empty());
}

TEST(Inspect, TellsPeopleTheSame) {
  const TemporaryFolder folder;
  testing::save_tiny_model(folder.path());
  const auto run = run_program({"inspect", "--model", folder.path()});
  EXPECT_EQ(run.exit_code, 0);
  for (const char* text :
       {"bert, 3 layers of 16, 4 heads of 4, feed-forward 32", "task not known, labels negative, positive",
        "router of 8 after layer 1", "multiply-adds (16 tokens)", "\n0.25 "})
    EXPECT_THAT(run.output, HasSubstr(text));
}

TEST(Inspect, NamesWhatAPlainCheckpointLacks) {
  const TemporaryFolder folder;
  testing::save_tiny_model(folder.path(), [](ModelConfig& config) { config.sharcs.reset(); });
  const auto plain = run_program({"inspect", folder.path(), "--json"}).json();
  EXPECT_TRUE(plain["sharcs"].is_null());
  EXPECT_EQ(plain["widths"].size(), 1u);

  // The same weights under a configuration that wants a router.
  ModelConfig config = ModelConfig::load(folder / "config.json");
  config.sharcs = SharcsConfig{.adaptive_layer_idx = 1, .hidden_size_router = 8};
  write_file_atomically(folder / "config.json", config.to_json());
  const auto json = run_program({"inspect", folder.path(), "--json"}).json();
  EXPECT_THAT(json["missing"].dump(), HasSubstr("router.0.weight"));
}

TEST(Inspect, RefusesWidthsThatCannotBeRun) {
  const TemporaryFolder folder;
  testing::save_tiny_model(folder.path());
  ModelConfig config = ModelConfig::load(folder / "config.json");
  config.sharcs->width_mult_list = {0.4, 1.0};
  write_file_atomically(folder / "config.json", config.to_json());
  EXPECT_THAT(error_of(run_program({"inspect", folder.path()})),
              StartsWith((folder / "config.json").string() + ": \"width_mult_list\" has 0.4"));
}

TEST(Inspect, AFileIsNoModelDirectory) {
  const TemporaryFolder folder;
  testing::save_tiny_model(folder.path());
  const std::string weights = folder / "model.safetensors";
  EXPECT_EQ(error_of(run_program({"inspect", weights})),
            weights + ": is a file; expected a model directory, with config.json and weights");
  EXPECT_THAT(run_program({"inspect", "--help"}).output, HasSubstr("Model directory (required)"));
}

TEST(Inspect, CostsNoInputThatTheModelCannotTake) {
  const TemporaryFolder folder;
  testing::save_tiny_model(folder.path());
  EXPECT_EQ(run_program({"inspect", folder.path(), "--tokens", "16"}).exit_code, 0);
  EXPECT_EQ(error_of(run_program({"inspect", folder.path(), "--tokens", "9999"})),
            "--tokens 9999: the model in " + folder.path().string() + " takes at most 16 tokens");
}

TEST(Inspect, NamesDamagedFiles) {
  const TemporaryFolder folder;
  EXPECT_THAT(error_of(run_program({"inspect", folder.path()})), StartsWith((folder / "config.json").string() + ": "));
  testing::save_tiny_model(folder.path());
  std::filesystem::resize_file(folder / "model.safetensors", 100);
  EXPECT_THAT(error_of(run_program({"inspect", folder.path()})),
              StartsWith((folder / "model.safetensors").string() + ": "));
}

}  // namespace
}  // namespace sharcs::internal::inspect_test
