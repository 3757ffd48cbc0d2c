#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "expect_error.hpp"
#include "model/small_models.hpp"
#include "sharcs/error.hpp"
#include "sharcs/model.hpp"
#include "sharcs/routing.hpp"
#include "temporary_folder.hpp"

namespace sharcs::internal {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

RoutingRule rule_of_three() {
  return {.budget = 0.5,
          .full_cost = 1234.5,
          .weights = {{1, 0, 0}, {0.25, 1, -0.1}, {0, 0, 1}},
          .offsets = {0.1, 0.2, 0.3},
          .price = 0.7,
          .costs = {{0.1, 0.01, 0}, {0.2, 0.02, 1e-5}, {0.3, 0.03, 2e-5}}};
}

TEST(RoutingRule, TakesTheWidthOfTheGreatestValueLessItsPrice) {
  RoutingRule rule = {.weights = {{1, 0}, {0, 1}}, .offsets = {0, 0.5}, .price = 0, .costs = {{1, 0, 0}, {1, 0.1, 0}}};
  const std::vector<float> logits = {2, 2};
  EXPECT_EQ(rule.choose(logits, 10), 1);
  rule.price = 0.4;  // 2 − 0.4 against 2.5 − 0.8
  EXPECT_EQ(rule.choose(logits, 10), 1);
  rule.price = 0.6;
  EXPECT_EQ(rule.choose(logits, 10), 0);
  EXPECT_EQ(rule.choose(logits, 1), 1);  // a short sample is cheap
}

TEST(RoutingRule, TheNarrowerOfEqualsWins) {
  const RoutingRule rule = {.weights = {{0, 0}, {0, 0}}, .offsets = {1, 1}, .costs = {{}, {}}};
  EXPECT_EQ(rule.choose(std::vector<float>{3, 4}, 1), 0);
}

TEST(RoutingRule, LogisticValuesAreProbabilities) {
  const RoutingRule rule = {.logistic = true, .weights = {{1, 0}, {0, 1}}, .offsets = {0, 0}, .costs = {{}, {}}};
  EXPECT_DOUBLE_EQ(rule.value(std::vector<float>{0, 100}, 0), 0.5);
  EXPECT_DOUBLE_EQ(rule.value(std::vector<float>{0, 100}, 1), 1);
}

TEST(RoutingRule, SaysWhatItIsFor) {
  RoutingRule rule = rule_of_three();
  EXPECT_EQ(rule.name(), "calibrated to 0.5 of the multiply-adds");
  rule.unit = CostUnit::seconds;
  rule.full_cost = 0.016;
  EXPECT_EQ(rule.name(), "calibrated to 8 ms");
}

TEST(RoutingRule, ComesBackFromConfigJsonBitForBit) {
  ModelConfig config = testing::small_config();
  config.sharcs->routing = rule_of_three();
  config.sharcs->routing->logistic = true;
  config.sharcs->routing->price = 1.0 / 3;
  config.sharcs->routing->unit = CostUnit::seconds;
  const RoutingRule found = ModelConfig::parse(config.to_json(), "config.json").sharcs->routing.value();
  const RoutingRule& expected = *config.sharcs->routing;
  EXPECT_EQ(found.budget, expected.budget);
  EXPECT_EQ(found.unit, expected.unit);
  EXPECT_EQ(found.full_cost, expected.full_cost);
  EXPECT_EQ(found.logistic, expected.logistic);
  EXPECT_EQ(found.weights, expected.weights);
  EXPECT_EQ(found.offsets, expected.offsets);
  EXPECT_EQ(found.price, expected.price);
  for (std::size_t w = 0; w < 3; ++w)
    for (const int tokens : {0, 1, 50}) EXPECT_EQ(found.costs[w].of(tokens), expected.costs[w].of(tokens));
}

TEST(RoutingRule, IsSavedWithTheModelAndCanBeTakenAway) {
  const TemporaryFolder folder;
  Model model = Model::create(testing::small_config());
  model.set_routing(rule_of_three());
  model.save(folder.path());
  Model loaded = Model::load(folder.path());
  ASSERT_TRUE(loaded.config().sharcs->routing);
  EXPECT_EQ(loaded.config().sharcs->routing->offsets, rule_of_three().offsets);
  loaded.set_routing({});
  loaded.save(folder.path());
  EXPECT_FALSE(ModelConfig::load(folder.path() / "config.json").sharcs->routing);
}

TEST(RoutingRule, IsRefusedByAModelOfOtherWidths) {
  Model model = Model::create(testing::small_config());
  RoutingRule rule = rule_of_three();
  rule.offsets.pop_back();
  EXPECT_THAT(message_of<ConfigError>([&] { model.set_routing(rule); }),
              HasSubstr("\"sharcs.routing.offsets\" is of 2 numbers; expected 3 for the model's 3 widths"));
  ModelConfig plain = testing::small_config();
  plain.sharcs.reset();
  EXPECT_THROW(Model::create(plain).set_routing(rule_of_three()), ConfigError);
}

/// The message for a config.json whose rule has `value` under `key`.
std::string message_for(const std::string& key, const json& value) {
  ModelConfig config = testing::small_config();
  config.sharcs->routing = rule_of_three();
  json broken = json::parse(config.to_json());
  if (value.is_null()) {
    broken["sharcs"]["routing"].erase(key);
  } else {
    broken["sharcs"]["routing"][key] = value;
  }
  return message_of<ConfigError>([&] { ModelConfig::parse(broken.dump(), "config.json"); });
}

TEST(RoutingRule, BrokenRulesNameTheKey) {
  const auto names = [](const std::string& key) {
    return HasSubstr("config.json: \"sharcs.routing." + key + "\" is ");
  };
  EXPECT_THAT(message_for("budget", "half"), names("budget"));
  EXPECT_THAT(message_for("budget", 0), names("budget"));
  EXPECT_THAT(message_for("budget", 1.5), names("budget"));
  EXPECT_THAT(message_for("budget", nullptr), names("budget"));
  EXPECT_THAT(message_for("unit", "litres"), HasSubstr("expected one of multiply_adds, seconds"));
  EXPECT_THAT(message_for("full_cost", 0), names("full_cost"));
  EXPECT_THAT(message_for("full_cost", nullptr), names("full_cost"));
  EXPECT_THAT(message_for("logistic", 1), names("logistic"));
  EXPECT_THAT(message_for("price", nullptr), names("price"));
  EXPECT_THAT(message_for("price", "dear"), names("price"));
  EXPECT_THAT(message_for("offsets", json::array({1, 2})), names("offsets"));
  EXPECT_THAT(message_for("offsets", nullptr), names("offsets"));
  EXPECT_THAT(message_for("weights", json::array({1, 2, 3})), names("weights"));
  EXPECT_THAT(message_for("weights", json::array({{1, 2, 3}, {1, 2, 3}})), names("weights"));
  EXPECT_THAT(message_for("weights", json::array({{1, 2, 3}, {1, 2, 3}, {1, 2}})), names("weights"));
  EXPECT_THAT(message_for("weights", json::array({{1, 2, 3}, {1, 2, 3}, {1, 2, "x"}})), names("weights"));
  EXPECT_THAT(message_for("costs", json::array({{1, 2}, {1, 2}, {1, 2}})), names("costs"));
  EXPECT_THAT(message_for("costs", json::array({{1, 2, 3}, {1, 2, 3}, {1, -2, 3}})), names("costs"));
  EXPECT_THAT(message_for("mood", 1), HasSubstr("\"sharcs.routing.mood\" is not a known key"));
}

TEST(RoutingRule, ARuleThatIsNoObjectIsRefused) {
  json broken = json::parse(testing::small_config().to_json());
  broken["sharcs"]["routing"] = 3;
  EXPECT_THAT(message_of<ConfigError>([&] { ModelConfig::parse(broken.dump(), "config.json"); }),
              HasSubstr("\"sharcs.routing\" is 3; expected an object"));
}

}  // namespace
}  // namespace sharcs::internal
