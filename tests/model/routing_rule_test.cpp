#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "expect_error.hpp"
#include "model/small_models.hpp"
#include "sharcs/error.hpp"
#include "sharcs/model.hpp"
#include "sharcs/routing.hpp"
#include "temporary_folder.hpp"

namespace sharcs::internal::routing_rule_test {
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

PolicyRule by(const RoutingRule& rule) { return {.kind = "router", .router = rule}; }

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
  EXPECT_EQ(by(rule).name(), "router, calibrated to 0.5 of the multiply-adds");
  rule.unit = CostUnit::seconds;
  rule.full_cost = 0.016;
  EXPECT_EQ(by(rule).name(), "router, calibrated to 8 ms");
}

TEST(RoutingRule, ComesBackFromConfigJsonBitForBit) {
  ModelConfig config = testing::small_config();
  RoutingRule expected = rule_of_three();
  expected.logistic = true;
  expected.price = 1.0 / 3;
  expected.unit = CostUnit::seconds;
  config.sharcs->policy = by(expected);
  const PolicyRule policy = ModelConfig::parse(config.to_json(), "config.json").sharcs->policy.value();
  const RoutingRule found = policy.router.value();
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

TEST(RoutingRule, CostsOfTokensInAWindowComeBack) {
  ModelConfig config = testing::small_config();
  RoutingRule rule = rule_of_three();
  rule.costs[1] = {.constant = 1.0 / 3, .linear = 2, .quadratic = 0, .windowed = 0.7, .window = 2};
  config.sharcs->policy = PolicyRule{.kind = "router", .router = rule};
  const RoutingRule found = *ModelConfig::parse(config.to_json(), "config.json").sharcs->policy->router;
  EXPECT_EQ(found.costs[1].of(2), 1.0 / 3 + 4 + 0.7 * 4);
  EXPECT_EQ(found.costs[1].of(5), 1.0 / 3 + 10 + 0.7 * 19);  // 3 + 4 + 5 + 4 + 3 pairs
  EXPECT_EQ(found.costs[0].of(5), rule.costs[0].of(5));
  json broken = json::parse(config.to_json());
  broken["sharcs"]["policy"]["router"]["costs"][1][3] = -1;
  EXPECT_THAT(message_of<ConfigError>([&] { ModelConfig::parse(broken.dump(), "config.json"); }),
              HasSubstr("costs\" is with -1; expected finite numbers ≥ 0"));
}

TEST(RoutingRule, IsSavedWithTheModelAndCanBeTakenAway) {
  const TemporaryFolder folder;
  Model model = Model::create(testing::small_config());
  model.set_policy(by(rule_of_three()));
  model.save(folder.path());
  Model loaded = Model::load(folder.path());
  ASSERT_TRUE(loaded.config().sharcs->policy);
  EXPECT_EQ(loaded.config().sharcs->policy->router->offsets, rule_of_three().offsets);
  loaded.set_policy({});
  loaded.save(folder.path());
  EXPECT_FALSE(ModelConfig::load(folder.path() / "config.json").sharcs->policy);
}

TEST(RoutingRule, IsRefusedByAModelOfOtherWidths) {
  Model model = Model::create(testing::small_config());
  RoutingRule rule = rule_of_three();
  rule.offsets.pop_back();
  EXPECT_THAT(message_of<ConfigError>([&] { model.set_policy(by(rule)); }),
              HasSubstr("\"sharcs.policy.router.offsets\" is of 2 numbers; expected 3 for the model's 3 widths"));
  ModelConfig plain = testing::small_config();
  plain.sharcs.reset();
  EXPECT_THROW(Model::create(plain).set_policy(by(rule_of_three())), ConfigError);
}

/// The message for a config.json whose rule has `value` under `key`.
std::string message_for(const std::string& key, const json& value) {
  ModelConfig config = testing::small_config();
  config.sharcs->policy = by(rule_of_three());
  json broken = json::parse(config.to_json());
  if (value.is_null()) {
    broken["sharcs"]["policy"]["router"].erase(key);
  } else {
    broken["sharcs"]["policy"]["router"][key] = value;
  }
  return message_of<ConfigError>([&] { ModelConfig::parse(broken.dump(), "config.json"); });
}

TEST(RoutingRule, BrokenRulesNameTheKey) {
  const auto names = [](const std::string& key) {
    return HasSubstr("config.json: \"sharcs.policy.router." + key + "\" is ");
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
  EXPECT_THAT(message_for("mood", 1), HasSubstr("\"sharcs.policy.router.mood\" is not a known key"));
}

TEST(RoutingRule, IsReadFromWhereItStoodBeforeThereWerePolicies) {
  ModelConfig config = testing::small_config();
  config.sharcs->policy = by(rule_of_three());
  json old = json::parse(config.to_json());
  old["sharcs"]["routing"] = old["sharcs"]["policy"]["router"];
  old["sharcs"].erase("policy");
  const ModelConfig read = ModelConfig::parse(old.dump(), "config.json");
  EXPECT_EQ(read.to_json(), config.to_json());
  old["sharcs"]["routing"]["price"] = "dear";
  EXPECT_THAT(message_of<ConfigError>([&] { ModelConfig::parse(old.dump(), "config.json"); }),
              HasSubstr("\"sharcs.routing.price\" is "));
}

TEST(RoutingRule, ARuleThatIsNoObjectIsRefused) {
  json broken = json::parse(testing::small_config().to_json());
  broken["sharcs"]["policy"] = {{"kind", "router"}, {"router", 3}};
  EXPECT_THAT(message_of<ConfigError>([&] { ModelConfig::parse(broken.dump(), "config.json"); }),
              HasSubstr("\"sharcs.policy.router\" is 3; expected an object"));
}

ModelConfig with_thresholds(const std::vector<double>& thresholds) {
  ModelConfig config = testing::small_config();
  config.sharcs->exits = {1, 2};
  config.sharcs->policy = PolicyRule{.kind = "combined",
                                     .target = "0.5 of the multiply-adds",
                                     .confidence = "entropy",
                                     .thresholds = thresholds,
                                     .router = rule_of_three()};
  return config;
}

TEST(PolicyRule, ComesBackFromConfigJsonBitForBit) {
  const std::vector<double> thresholds = {1.0 / 3, PolicyRule::never, 0.1, std::nextafter(0.7, 1.0), 0};
  const PolicyRule found =
      ModelConfig::parse(with_thresholds(thresholds).to_json(), "config.json").sharcs->policy.value();
  EXPECT_EQ(found.thresholds, thresholds);
  EXPECT_EQ(found.kind, "combined");
  EXPECT_EQ(found.target, "0.5 of the multiply-adds");
  EXPECT_EQ(found.confidence, "entropy");
  EXPECT_EQ(found.router->offsets, rule_of_three().offsets);
  EXPECT_EQ(found.name(), "combined, calibrated to 0.5 of the multiply-adds");
}

TEST(PolicyRule, BrokenRulesNameTheKey) {
  const auto message = [](const auto& change) {
    json broken = json::parse(with_thresholds({0.9, 0.9, 0.9, 0.9, 0}).to_json());
    change(broken["sharcs"]["policy"]);
    return message_of<ConfigError>([&] { ModelConfig::parse(broken.dump(), "config.json"); });
  };
  const auto names = [](const std::string& key) { return HasSubstr("config.json: \"sharcs.policy" + key + "\" is "); };
  EXPECT_THAT(
      message([](json& policy) { policy["thresholds"].erase(0); }),
      HasSubstr("\"sharcs.policy.thresholds\" is of 4 numbers; expected 5, one for each of the model's answers"));
  EXPECT_THAT(message([](json& policy) { policy.erase("thresholds"); }), names(".thresholds"));
  EXPECT_THAT(message([](json& policy) { policy["thresholds"][1] = "x"; }), names(".thresholds"));
  EXPECT_THAT(message([](json& policy) { policy["thresholds"][1] = -0.5; }),
              HasSubstr("\"sharcs.policy.thresholds\" is with -0.5; expected numbers ≥ 0, or null"));
  EXPECT_THAT(message([](json& policy) { policy.erase("kind"); }), names(".kind"));
  EXPECT_THAT(message([](json& policy) { policy["confidence"] = 3; }), names(".confidence"));
  EXPECT_THAT(message([](json& policy) { policy["confidence"] = "hope"; }),
              HasSubstr("config.json: \"sharcs.policy.confidence\": confidence \"hope\"; expected one of "));
  EXPECT_THAT(message([](json& policy) { policy["router"]["price"] = "dear"; }), names(".router.price"));
  EXPECT_THAT(message([](json& policy) { policy["mood"] = 1; }),
              HasSubstr("\"sharcs.policy.mood\" is not a known key"));
  EXPECT_THAT(message([](json& policy) { policy = 3; }), HasSubstr("\"sharcs.policy\" is 3; expected an object"));
}

}  // namespace
}  // namespace sharcs::internal::routing_rule_test
