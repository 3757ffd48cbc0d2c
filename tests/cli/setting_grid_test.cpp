#include "cli/setting_grid.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "expect_error.hpp"
#include "sharcs/error.hpp"

namespace sharcs::internal::setting_grid_test {
namespace {

using ::testing::ElementsAre;
using Json = nlohmann::ordered_json;

std::vector<std::string> names(const std::string& grid) {
  std::vector<std::string> all;
  for (const GridPoint& point : grid_points(Json::parse(grid), "s.json")) all.push_back(point.name);
  return all;
}

TEST(SettingGrid, IsAllCombinationsTheLastKeyFastest) {
  const auto points = grid_points(Json::parse(R"({"training.window": [1, 3], "training.seed": [7, 8]})"), "s.json");
  EXPECT_THAT(names(R"({"training.window": [1, 3], "training.seed": [7, 8]})"),
              ElementsAre("window=1,seed=7", "window=1,seed=8", "window=3,seed=7", "window=3,seed=8"));
  ASSERT_EQ(points[1].settings.size(), 2u);
  EXPECT_EQ(points[1].settings[0].first, "training.window");
  EXPECT_EQ(points[1].settings[1].second, 8);
}

TEST(SettingGrid, AListIsTheUnionOfItsGrids) {
  EXPECT_THAT(names(R"([{"training.seed": [1]}, {"training.seed": [2], "training.window": [3]}])"),
              ElementsAre("seed=1", "seed=2,window=3"));
}

TEST(SettingGrid, NamesAreFitForFoldersWhateverTheValues) {
  EXPECT_THAT(names(R"({"training.thresholds": [[[0.8, 1.01], [0, 0.8]]], "training.step_mode": ["joint"],
                        "model.hidden_act": ["../x y"], "training.learning_rate": [2e-05]})"),
              ElementsAre("thresholds=0.8_1.01_0_0.8,step_mode=joint,hidden_act=.._x_y,learning_rate=2e-05"));
  EXPECT_THAT(names(R"({"training.size": [1], "model.size": [2]})"), ElementsAre("training.size=1,model.size=2"));
  const auto alike = names(R"({"tokenizer.path": ["a b", "a/b"]})");
  EXPECT_NE(alike[0], alike[1]);
  EXPECT_LT(names(R"({"tokenizer.path": [")" + std::string(500, 'a') + R"("]})")[0].size(), 120u);
}

TEST(SettingGrid, NamesStayWhenValuesAreAdded) {
  EXPECT_EQ(names(R"({"training.seed": [1, 2]})")[1], names(R"({"training.seed": [5, 4, 2]})")[2]);
}

TEST(SettingGrid, WhatIsNoGridIsNamed) {
  const auto error = [](const std::string& grid) { return message_of<ConfigError>([&] { names(grid); }); };
  EXPECT_EQ(error("3"),
            "s.json: \"grid\" is a JSON number; expected an object of settings with lists of values, as in "
            "{\"training.window\": [1, 3]}");
  EXPECT_EQ(error("[{\"training.seed\": [1]}, 3]").substr(0, 31), "s.json: \"grid[1]\" is a JSON num");
  for (const char* grid : {"{}", "[]"})
    EXPECT_EQ(error(grid), "s.json: \"grid\" is empty; expected settings with lists of values");
  EXPECT_EQ(error(R"({"training.window": 3})"),
            "s.json: \"grid\", \"training.window\" is 3; expected a list of values");
  EXPECT_EQ(error(R"({"training.window": []})"),
            "s.json: \"grid\", \"training.window\" is []; expected a list of values");
  EXPECT_EQ(error(R"({"training.window": [1, 2, 1]})"), "s.json: \"grid\", \"training.window\" has 1 twice");
  EXPECT_EQ(error(R"([{"training.seed": [1, 2]}, {"training.seed": [2]}])"), "s.json: \"grid\" has \"seed=2\" twice");
  for (const char* key : {"window", "trainng.window", "train.output", "training.", "training", "training..window", ""})
    EXPECT_EQ(error(R"({")" + std::string(key) + R"(": [1]})"),
              "s.json: \"grid\": \"" + std::string(key) +
                  "\" is no setting of a training; expected a key of model, tokenizer or training, as in "
                  "training.window");
}

TEST(SettingGrid, ToleratesNoGridThatNobodyCouldTrain) {
  Json grid;
  for (int axis = 0; axis < 6; ++axis)
    for (int value = 0; value < 10; ++value) grid["training.x" + std::to_string(axis)].push_back(value);
  EXPECT_EQ(message_of<ConfigError>([&] { grid_points(grid, "s.json"); }),
            "s.json: \"grid\" has more than 10000 combinations");
}

}  // namespace
}  // namespace sharcs::internal::setting_grid_test
