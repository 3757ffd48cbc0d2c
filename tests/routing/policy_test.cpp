#include "sharcs/policy.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "expect_error.hpp"
#include "model/small_models.hpp"
#include "routing/policy_kind.hpp"
#include "routing/policy_walk.hpp"
#include "sharcs/error.hpp"
#include "sharcs/model_config.hpp"

namespace sharcs::internal::policy_test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

/// Three layers, the router after the second; answers: exit 1, exit 2, 1/3, 2/3, 1.
ModelConfig config_with_exits() {
  ModelConfig config = testing::small_config();
  config.sharcs->adaptive_layer_idx = 2;
  config.sharcs->exits = {1, 2};
  config.sharcs->exit_scores = true;
  return config;
}

/// Three layers, the router after the first; answers: exit 1, 1/3, 2/3, exit 2, 1.
ModelConfig config_with_a_late_exit() {
  ModelConfig config = config_with_exits();
  config.sharcs->adaptive_layer_idx = 1;
  return config;
}

/// What one sample of five tokens meets under a policy.
struct Outcome {
  std::vector<std::string> asked;
  std::string kept;
  double multiply_adds;
};

/// Every answer's logits by its place, two classes; the router's logits; the exits' scores.
struct Sample {
  std::vector<std::vector<float>> logits;
  std::vector<float> router = {0, 0, 0};
  std::vector<float> scores = {};
};

/// "exit 1", "1/3", "1".
std::string short_name(const Answer& answer) {
  const std::vector<std::string> of_widths = {"1/3", "2/3", "1"};
  return answer.is_exit() ? answer.name : of_widths[static_cast<std::size_t>(answer.width_index)];
}

Outcome follow(const Policy& policy, const ModelConfig& config, const Sample& sample) {
  const WidthSet widths(config);
  const std::vector<Answer> answers = answers_of(config);
  PolicyWalk walk(policy, config, widths, answers);
  const std::int32_t tokens[] = {5};
  walk.begin(tokens);
  Outcome outcome;
  const int last = static_cast<int>(answers.size()) - 1;
  std::size_t exit = 0;
  for (int a = 0; a <= last; ++a) {
    const Answer& answer = answers[static_cast<std::size_t>(a)];
    const float* score = answer.is_exit() && !sample.scores.empty() ? &sample.scores[exit] : nullptr;
    exit += answer.is_exit();
    const bool in_stem = answer.is_exit() && answer.exit_layer <= config.sharcs->adaptive_layer_idx;
    const std::span<const float> router = in_stem ? std::span<const float>() : std::span<const float>(sample.router);
    if (a < last && !walk.asks(0, a, router)) continue;
    outcome.asked.push_back(short_name(answer));
    outcome.kept = outcome.asked.back();
    if (walk.keeps(0, a, sample.logits[static_cast<std::size_t>(a)], score)) break;
  }
  EXPECT_EQ(walk.asked(0), static_cast<int>(outcome.asked.size()));
  outcome.multiply_adds = walk.multiply_adds(0);
  return outcome;
}

/// Logits of two classes with this probability of the first.
std::vector<float> sure(double probability) {
  return {static_cast<float>(std::log(probability)), static_cast<float>(std::log(1 - probability))};
}

/// A sample whose five answers are 0.5, 0.6, 0.7, 0.8 and 0.9 sure.
Sample rising() { return {.logits = {sure(0.5), sure(0.6), sure(0.7), sure(0.8), sure(0.9)}}; }

Sample with_router(std::vector<float> router) {
  Sample sample = rising();
  sample.router = std::move(router);
  return sample;
}

TEST(Policy, RouterTakesTheNarrowerOfEquals) {
  const ModelConfig config = config_with_exits();
  EXPECT_EQ(Policy::router().name(), "router");
  EXPECT_THAT(follow(Policy::router(), config, with_router({0, 2, 1})).asked, ElementsAre("2/3"));
  EXPECT_THAT(follow(Policy::router(), config, with_router({0, 2, 2})).asked, ElementsAre("2/3"));
  EXPECT_THAT(follow(Policy::router(), config, with_router({0, 0, 2})).asked, ElementsAre("1"));
}

TEST(Policy, WithoutThresholdEveryAnswerIsKept) {
  Sample doubtful = with_router({1, 0, 0});
  doubtful.logits[2] = sure(0.5);
  EXPECT_THAT(follow(Policy::router(), config_with_exits(), doubtful).asked, ElementsAre("1/3"));
}

TEST(Policy, CascadeGoesOneWidthWiderBelowTheConfidence) {
  const ModelConfig config = config_with_exits();
  EXPECT_EQ(Policy::cascade(0.75).name(), "cascade 0.75");
  EXPECT_THAT(follow(Policy::cascade(0.75), config, rising()).asked, ElementsAre("1/3", "2/3"));
  EXPECT_THAT(follow(Policy::cascade(0.95), config, rising()).asked, ElementsAre("1/3", "2/3", "1"));
  EXPECT_THAT(follow(Policy::cascade(0.65), config, rising()).asked, ElementsAre("1/3"));
}

TEST(Policy, ACascadeMayBeginWhereTheRouterSays) {
  const ModelConfig config = config_with_exits();
  const Policy policy = Policy::router().at_least(0.85);
  EXPECT_EQ(policy.name(), "router, wider below 0.85");
  EXPECT_THAT(follow(policy, config, with_router({0, 2, 1})).asked, ElementsAre("2/3", "1"));
  EXPECT_THAT(follow(policy, config, with_router({0, 0, 1})).asked, ElementsAre("1"));
  EXPECT_THAT(follow(Policy::router().at_least(0.75), config, with_router({0, 2, 1})).asked, ElementsAre("2/3"));
}

TEST(Policy, AnAnswerThatIsJustAsSureAsAskedForIsKept) {
  Sample sample = rising();
  sample.logits[2] = {0, 0};
  EXPECT_EQ(follow(Policy::cascade(0.5), config_with_exits(), sample).kept, "1/3");
}

TEST(Policy, ExitsAreAskedInTheOrderOfTheLayersAndThenFullWidth) {
  EXPECT_THAT(follow(Policy::exits(0.55), config_with_exits(), rising()).asked, ElementsAre("exit 1", "exit 2"));
  EXPECT_THAT(follow(Policy::exits(0.95), config_with_exits(), rising()).asked, ElementsAre("exit 1", "exit 2", "1"));
  EXPECT_EQ(Policy::exits(0.55, Confidence("entropy")).name(), "exits 0.55 of entropy");
}

TEST(Policy, CombinedHasAThresholdForExitsAndOneForNarrowWidths) {
  const ModelConfig late = config_with_a_late_exit();
  EXPECT_THAT(follow(Policy::combined(0.95, 0.95), late, rising()).asked,
              ElementsAre("exit 1", "1/3", "2/3", "exit 2", "1"));
  EXPECT_THAT(follow(Policy::combined(0.65, 0.95), late, rising()).asked, ElementsAre("exit 1", "1/3", "2/3"));
  EXPECT_THAT(follow(Policy::combined(0.95, 0.75), late, rising()).asked,
              ElementsAre("exit 1", "1/3", "2/3", "exit 2"));
  EXPECT_EQ(Policy::combined(0.65, 0.95).name(), "combined 0.65, 0.95");
}

TEST(Policy, FixedAsksOneWidthOnly) {
  const ModelConfig config = config_with_exits();
  for (const Width& width : WidthSet(config))
    EXPECT_THAT(follow(Policy::fixed(width.fraction()), config, with_router({9, 0, 0})).asked.size(), 1u)
        << width.fraction();
  EXPECT_EQ(follow(Policy::fixed(1), config, rising()).kept, "1");
  EXPECT_THAT(message_of<ConfigError>([&] { follow(Policy::fixed(0.4), config, rising()); }), HasSubstr("width 0.4"));
}

TEST(Policy, FixedExitAsksThatExitOnly) {
  const ModelConfig config = config_with_exits();
  EXPECT_THAT(follow(Policy::fixed_exit(2), config, rising()).asked, ElementsAre("exit 2"));
  EXPECT_EQ(message_of<ConfigError>([&] { follow(Policy::fixed_exit(3), config, rising()); }),
            "exit 3 is not one of the model's: exit 1, exit 2");
  EXPECT_EQ(message_of<ConfigError>([&] { follow(Policy::fixed_exit(1), testing::small_config(), rising()); }),
            "exit 1 is not one of the model's: it has none");
}

TEST(Policy, CapHoldsForTheCascadeToo) {
  const ModelConfig config = config_with_exits();
  const double middle = WidthSet(config)[1].fraction();
  const Policy capped = Policy::router().at_least(0.99).capped(middle);
  EXPECT_THAT(capped.name(), HasSubstr("router, wider below 0.99, at most 0.66"));
  EXPECT_THAT(follow(capped, config, with_router({1, 0, 0})).asked, ElementsAre("1/3", "2/3"));
  EXPECT_THAT(follow(capped, config, with_router({0, 1, 0})).asked, ElementsAre("2/3"));
  EXPECT_THAT(follow(capped, config, with_router({0, 1, 2})).asked, ElementsAre("2/3"));
  EXPECT_THAT(follow(capped.capped(1), config, with_router({0, 1, 2})).asked, ElementsAre("2/3"))
      << "the lower cap holds";
}

TEST(Policy, CapLeavesOutTheExitsBehindTheRouter) {
  const ModelConfig late = config_with_a_late_exit();
  const double narrow = WidthSet(late)[0].fraction();
  EXPECT_THAT(follow(Policy::combined(0.99, 0.99).capped(narrow), late, rising()).asked, ElementsAre("exit 1", "1/3"));
}

TEST(Policy, ARuleOfYourOwnDecidesWhatIsKept) {
  const ModelConfig config = config_with_exits();
  const auto at_layer_two = [](const AnswerQuery& query) { return query.answer.exit_layer == 2; };
  const Policy mine = Policy::exits(0.9).accepting(at_layer_two, "mine");
  EXPECT_EQ(mine.name(), "mine");
  EXPECT_THAT(follow(mine, config, rising()).asked, ElementsAre("exit 1", "exit 2"));
  const Policy never = Policy::cascade(0.5).accepting([](const AnswerQuery&) { return false; }, "never");
  EXPECT_THAT(follow(never, config, rising()).asked, ElementsAre("1/3", "2/3", "1"));
}

TEST(Policy, AChoiceOfYourOwnIsTheNarrowestWidthAsked) {
  const auto choose = [](const RoutingQuery& query) { return query.tokens == 5 ? 1 : 0; };
  EXPECT_THAT(follow(Policy::custom(choose, "by length"), config_with_exits(), rising()).asked, ElementsAre("2/3"));
  const auto wild = Policy::custom([](const RoutingQuery&) { return 7; }, "wild");
  EXPECT_THAT(message_of<ConfigError>([&] { follow(wild, config_with_exits(), rising()); }),
              HasSubstr("the policy \"wild\" chose width number 7; expected 0 to 2"));
}

TEST(Policy, RefusesConfidencesThatAreNone) {
  for (const double threshold : {0.0, -1.0, 1.5, std::nan("")}) {
    for (const auto& make : std::vector<std::function<Policy(double)>>{
             [](double p) { return Policy::router().at_least(p); }, [](double p) { return Policy::cascade(p); },
             [](double p) { return Policy::exits(p); }, [](double p) { return Policy::combined(0.5, p); }})
      EXPECT_THAT(message_of<ConfigError>([&] { make(threshold); }),
                  HasSubstr("expected a number above 0 and at most 1"));
  }
  EXPECT_EQ(Policy::exits(3, Confidence("patience")).name(), "exits 3 of patience");
}

TEST(Policy, TheLongestPathIsPaidOnceAndEachAnswersOwnCost) {
  const ModelConfig config = config_with_a_late_exit();
  const std::vector<Answer> answers = answers_of(config);
  const auto at = [](const LengthCost& cost) { return cost.of(5); };
  const Outcome all = follow(Policy::combined(0.99, 0.99), config, rising());
  ASSERT_EQ(all.asked.size(), 5u);
  double own = 0;
  for (const Answer& answer : answers) own += at(answer.own);
  EXPECT_DOUBLE_EQ(all.multiply_adds, at(answers.back().path) + own);
  EXPECT_DOUBLE_EQ(follow(Policy::exits(0.5), config, rising()).multiply_adds,
                   at(answers[0].path) + at(answers[0].own));
  const Outcome narrow = follow(Policy::cascade(0.65), config, rising());
  EXPECT_EQ(narrow.kept, "2/3");
  EXPECT_DOUBLE_EQ(narrow.multiply_adds, at(answers[1].path) + at(answers[1].own) + at(answers[2].own));
}

TEST(Policy, ARuleOfThresholdsAsksAndKeepsByThem) {
  const ModelConfig config = config_with_a_late_exit();
  const double never = PolicyRule::never;
  PolicyRule rule = {.kind = "combined", .thresholds = {never, 0.75, 0.75, 0.75, 0}};
  EXPECT_THAT(follow(Policy::of(rule), config, rising()).asked, ElementsAre("1/3", "2/3", "exit 2"));
  rule.thresholds = {0.9, never, 0.65, never, 0};
  EXPECT_THAT(follow(Policy::of(rule), config, rising()).asked, ElementsAre("exit 1", "2/3"));
  rule.thresholds.pop_back();
  EXPECT_THAT(message_of<ConfigError>([&] { follow(Policy::of(rule), config, rising()); }),
              HasSubstr("has 4 thresholds; expected one for each of the model's 5 answers"));
}

TEST(Policy, ARuleMayAskTheRouterWhereToBegin) {
  const PolicyRule rule = {
      .kind = "combined",
      .thresholds = {PolicyRule::never, 0.65, 0.65, PolicyRule::never, 0},
      .router = RoutingRule{.weights = {{1, 0, 0}, {0, 1, 0}, {0, 0, 1}}, .offsets = {0, 0, 0}, .costs = {{}, {}, {}}}};
  const ModelConfig config = config_with_a_late_exit();
  EXPECT_THAT(follow(Policy::of(rule), config, with_router({1, 0, 0})).asked, ElementsAre("1/3", "2/3"));
  EXPECT_THAT(follow(Policy::of(rule), config, with_router({0, 1, 0})).asked, ElementsAre("2/3"));
  EXPECT_THAT(follow(Policy::of(rule), config, with_router({0, 0, 1})).asked, ElementsAre("1"));
}

// How sure an answer is.

/// A query of two classes; a regression has no probabilities.
struct Query {
  Answer answer;
  std::vector<float> logits, probabilities;
  AnswerQuery of(double score = std::nan(""), int agreeing = 1,
                 double change = std::numeric_limits<double>::infinity()) const {
    return {answer, logits, probabilities, score, agreeing, change, 5};
  }
};
const Query quarter = {.answer = {}, .logits = {0, 1.0986123f}, .probabilities = {0.25f, 0.75f}};
const Query regression = {.answer = {}, .logits = {3}, .probabilities = {}};

TEST(Confidence, MaxProbabilityIsThatOfTheAnswersClass) {
  EXPECT_EQ(Confidence().name(), "max-probability");
  EXPECT_EQ(Confidence().greatest(), 1);
  EXPECT_EQ(Confidence().of(quarter.of()), 0.75);
}

TEST(Confidence, EntropyIsOneForCertaintyAndNoneForAGuess) {
  const Confidence entropy("entropy");
  EXPECT_NEAR(entropy.of(quarter.of()), 1 + (0.25 * std::log(0.25) + 0.75 * std::log(0.75)) / std::log(2), 1e-12);
  EXPECT_NEAR(entropy.of(Query{.answer = {}, .logits = {0, 0}, .probabilities = {0.5f, 0.5f}}.of()), 0, 1e-12);
  EXPECT_EQ(entropy.of(Query{.answer = {}, .logits = {99, 0}, .probabilities = {1, 0}}.of()), 1);
}

TEST(Confidence, LearnedScoreIsTheExitsOwnOrElseTheProbability) {
  EXPECT_EQ(Confidence("learned-score").of(quarter.of(0.4)), 0.4);
  EXPECT_EQ(Confidence("learned-score").of(quarter.of()), 0.75);
}

TEST(Confidence, PatienceCountsTheAnswersThatAgree) {
  EXPECT_EQ(Confidence("patience").of(quarter.of(0.4, 3)), 3);
  EXPECT_TRUE(std::isinf(Confidence("patience").greatest()));
}

TEST(Confidence, OfARegressionIsHowLittleItsValueChanged) {
  for (const char* name : {"max-probability", "entropy", "learned-score"}) {
    EXPECT_DOUBLE_EQ(Confidence(name).of(regression.of(std::nan(""), 1, 0.5)), std::exp(-0.5)) << name;
    EXPECT_EQ(Confidence(name).of(regression.of()), 0) << name << ": of the first answer nothing is known";
  }
}

TEST(Confidence, OfAnotherNameIsRefusedWithTheKnownOnes) {
  EXPECT_THAT(message_of<ConfigError>([] { Confidence("hope"); }),
              AllOf(HasSubstr("confidence \"hope\"; expected one of "), HasSubstr("max-probability"),
                    HasSubstr("entropy"), HasSubstr("patience"), HasSubstr("learned-score")));
}

TEST(Policy, AnExitsScoreIsTheProbabilityOfItsLogit) {
  const ModelConfig config = config_with_exits();
  Sample sample = rising();
  sample.scores = {-3, 3};  // 0.05 and 0.95
  EXPECT_THAT(follow(Policy::exits(0.9, Confidence("learned-score")), config, sample).asked,
              ElementsAre("exit 1", "exit 2"));
  sample.scores = {3, -3};
  EXPECT_THAT(follow(Policy::exits(0.9, Confidence("learned-score")), config, sample).asked, ElementsAre("exit 1"));
}

TEST(Policy, PatienceWaitsForAnswersInARowThatAgree) {
  const ModelConfig config = config_with_a_late_exit();
  const Confidence patience("patience");
  Sample sample = rising();
  EXPECT_THAT(follow(Policy::combined(2, 2, patience), config, sample).asked, ElementsAre("exit 1", "1/3"));
  sample.logits[1] = sure(0.1);  // the other class
  EXPECT_THAT(follow(Policy::combined(2, 2, patience), config, sample).asked,
              ElementsAre("exit 1", "1/3", "2/3", "exit 2"));
}

TEST(Policy, ARegressionIsKeptWhereItsValueHardlyChanges) {
  ModelConfig config = config_with_a_late_exit();
  config.labels = {"score"};
  const Sample sample = {.logits = {{1}, {2}, {2.05f}, {9}, {3}}};
  EXPECT_THAT(follow(Policy::combined(0.9, 0.9), config, sample).asked, ElementsAre("exit 1", "1/3", "2/3"));
  EXPECT_THAT(follow(Policy::cascade(0.9), config, sample).asked, ElementsAre("1/3", "2/3"));
  EXPECT_THAT(follow(Policy::exits(0.9), config, sample).asked, ElementsAre("exit 1", "exit 2", "1"));
  EXPECT_THAT(follow(Policy::combined(2, 2, Confidence("patience")), config, sample).asked,
              ElementsAre("exit 1", "1/3", "2/3"));
}

// Policies by name, as on the command line.

TEST(PolicyKind, EveryKindIsMadeFromItsText) {
  const ModelConfig config = config_with_exits();
  const auto name = [&](const std::string& text) { return policy_named(text, config).name(); };
  EXPECT_EQ(name("model"), "router");
  EXPECT_EQ(name("router"), "router");
  EXPECT_EQ(name("cascade"), "cascade 0.9");
  EXPECT_EQ(name("cascade:0.8"), "cascade 0.8");
  EXPECT_EQ(name("cascade:0.8:entropy"), "cascade 0.8 of entropy");
  EXPECT_EQ(name("exits:2:patience"), "exits 2 of patience");
  EXPECT_EQ(name("combined:0.8"), "combined 0.8, 0.8");
  EXPECT_EQ(name("combined:0.8,0.7"), "combined 0.8, 0.7");
  EXPECT_EQ(name("fixed:0.5"), "fixed 0.5");
  EXPECT_EQ(name("fixed:exit-2"), "fixed exit 2");
  EXPECT_EQ(name("cap:0.5"), "router, at most 0.5");
}

TEST(PolicyKind, ModelIsTheRuleOfTheConfiguration) {
  ModelConfig config = config_with_exits();
  config.sharcs->policy =
      PolicyRule{.kind = "exits", .target = "0.4 of the multiply-adds", .thresholds = {1, 1, 1, 1, 0}};
  EXPECT_EQ(policy_named("model", config).name(), "exits, calibrated to 0.4 of the multiply-adds");
  EXPECT_EQ(policy_named("cap:1", config).name(), "exits, calibrated to 0.4 of the multiply-adds, at most 1");
}

TEST(PolicyKind, TextsThatAreNoneAreNamedWithTheForm) {
  const ModelConfig config = config_with_exits();
  const auto message = [&](const std::string& text) {
    return message_of<ConfigError>([&] { policy_named(text, config); });
  };
  EXPECT_EQ(message("often"),
            "policy \"often\"; expected one of model, router, cascade[:P[:CONFIDENCE]], exits[:P[:CONFIDENCE]], "
            "combined[:P[,E][:CONFIDENCE]], fixed:W, cap:W");
  EXPECT_EQ(message("router:3"), "policy \"router:3\": it takes nothing after the colon; the form is router");
  EXPECT_THAT(message("model:3"), HasSubstr("it takes nothing after the colon"));
  EXPECT_EQ(message("cascade:2"),
            "policy \"cascade:2\": threshold \"2\"; expected a number above 0 and at most 1; the form is "
            "cascade[:P[:CONFIDENCE]]");
  EXPECT_THAT(message("cascade:0.8,0.9"), HasSubstr("2 thresholds; expected 1"));
  EXPECT_THAT(message("cascade:high"), HasSubstr("threshold \"high\""));
  EXPECT_THAT(message("exits:0.8:hope"), HasSubstr("confidence \"hope\""));
  EXPECT_THAT(message("fixed:wide"), HasSubstr("expected a width, or exit- and a layer"));
  EXPECT_THAT(message("fixed:exit-x"), HasSubstr("expected a width, or exit- and a layer"));
  EXPECT_THAT(message("cap:"), HasSubstr("expected a width; the form is cap:W"));
}

}  // namespace
}  // namespace sharcs::internal::policy_test
