#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "cli/program.hpp"
#include "data/synthetic.hpp"
#include "io/file.hpp"
#include "sharcs/classifier.hpp"
#include "sharcs/task.hpp"

namespace sharcs::internal::reorder_test {
namespace {

using testing::error_of;
using ::testing::HasSubstr;
using testing::run_program;

class Reorder : public ::testing::Test {
 protected:
  Reorder() {
    testing::save_tiny_model(folder_ / "model", [](ModelConfig& config) {
      Task::named("sst-2").store_in(config);
      config.sharcs.reset();
    });
    SyntheticData::generate({.train = 30, .dev = 10, .test = 0}).save(folder_ / "data");
  }
  testing::ProgramRun reorder(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), {"reorder", "--model", folder_ / "model", "--data", folder_ / "data"});
    return run_program(arguments);
  }

  TemporaryFolder folder_;
};

TEST_F(Reorder, LeavesThePlainModelsAnswersAsTheyAre) {
  const auto json = reorder({"--output", folder_ / "new", "--json"}).json();
  EXPECT_EQ(json["samples"], 30);
  ASSERT_EQ(json["layers"].size(), 3u);
  bool moved = false;
  for (const auto& layer : json["layers"]) {
    const auto importance = layer["head_importance"].get<std::vector<double>>();
    const auto order = layer["head_order"].get<std::vector<std::size_t>>();
    for (std::size_t i = 1; i < order.size(); ++i) EXPECT_GE(importance[order[i - 1]], importance[order[i]]);
    moved = moved || !std::is_sorted(order.begin(), order.end());
    EXPECT_GE(layer["neurons_first_half_share"], 0.5);
  }
  EXPECT_TRUE(moved);
  const Classifier before = Classifier::load(folder_ / "model"), after = Classifier::load(folder_ / "new");
  for (const char* text : {"the film was superb", "a mess , not a joy"})
    EXPECT_NEAR(before.classify(text).probabilities[0], after.classify(text).probabilities[0], 1e-4);
  EXPECT_EQ(Task::of(after.engine().config())->name(), "sst-2");
}

TEST_F(Reorder, MeasuresOnAsManySamplesAsAskedFor) {
  EXPECT_EQ(reorder({"--output", folder_ / "new", "--samples", "12", "--json"}).json()["samples"], 12);
  EXPECT_THAT(reorder({"--output", folder_ / "newer"}).output, HasSubstr("measured on 30 samples"));
}

TEST_F(Reorder, GivesLayersThatShareTheirWeightsOneOrder) {
  testing::save_tiny_model(folder_ / "model", [](ModelConfig& config) {
    Task::named("sst-2").store_in(config);
    config.model_type = "albert";
    config.embedding_size = 8;
  });
  const auto json = reorder({"--output", folder_ / "new", "--json"}).json();
  for (const auto& layer : json["layers"]) EXPECT_EQ(layer["head_order"], json["layers"][0]["head_order"]);
  const EngineOptions full = {.policy = Policy::fixed(1)};
  const Classifier before = Classifier::load(folder_ / "model", full), after = Classifier::load(folder_ / "new", full);
  EXPECT_NEAR(before.classify("a gem").probabilities[0], after.classify("a gem").probabilities[0], 1e-4);
}

TEST_F(Reorder, RefusesATokenizerWithMoreIdsThanTheModelHasEmbeddings) {
  auto config = nlohmann::json::parse(read_text_file(folder_ / "model" / "config.json"));
  const int tokens = config["vocab_size"];
  config["vocab_size"] = 10;
  Model::create(ModelConfig::parse(config.dump(), "config.json")).save(folder_ / "model");
  EXPECT_EQ(error_of(reorder({"--output", folder_ / "new"})), (folder_ / "model").string() + ": the tokenizer has " +
                                                                  std::to_string(tokens) +
                                                                  " tokens, the model embeddings for 10");
  EXPECT_EQ(error_of(run_program({"predict", "--model", folder_ / "model", "--text", "a gem"})),
            (folder_ / "model").string() + ": the tokenizer has " + std::to_string(tokens) +
                " tokens, the model embeddings for 10");
  EXPECT_FALSE(std::filesystem::exists(folder_ / "new"));
}

TEST_F(Reorder, DoesNotWriteOverItsModel) {
  EXPECT_THAT(error_of(reorder({"--output", folder_ / "model"}), 2),
              HasSubstr("model: is what the command reads; expected another place"));
}

}  // namespace
}  // namespace sharcs::internal::reorder_test
