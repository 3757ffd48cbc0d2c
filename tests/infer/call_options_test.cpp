#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "cli/program.hpp"
#include "expect_error.hpp"
#include "formats/model_access.hpp"
#include "model/small_models.hpp"
#include "sharcs/classifier.hpp"
#include "temporary_folder.hpp"

namespace sharcs::internal::call_options_test {
namespace {

using namespace std::chrono_literals;
using std::chrono::steady_clock;
using ::testing::HasSubstr;

class CallOptionsOfAnEngine : public ::testing::Test {
 protected:
  static Model model() {
    ModelConfig config = testing::small_config();
    config.sharcs->exits = {1, 2};
    Model made = Model::create(config);
    testing::randomise(network_of(made));
    return made;
  }
  CallOptionsOfAnEngine() : batch_(testing::random_batch(testing::small_config(), {3, 9, 1, 5, 8, 2, 6})) {
    for (Index s = 0; s < batch_.samples(); ++s) {
      const auto from = static_cast<std::size_t>(batch_.offsets[s]), count = static_cast<std::size_t>(batch_.tokens(s));
      inputs_.push_back(
          {std::span(batch_.ids).subspan(from, count), std::span(batch_.token_types).subspan(from, count)});
    }
  }
  Prediction alone(const Engine& engine, std::size_t i, const Policy& policy) const {
    return engine.run(std::span(inputs_).subspan(i, 1), policy).front();
  }

  RaggedBatch batch_;
  std::vector<TokenSequence> inputs_;
};

TEST_F(CallOptionsOfAnEngine, APolicyForEachInputGivesTheBitsOfItsOwnCall) {
  const std::vector<Policy> policies = {Policy::fixed(1),
                                        Policy::fixed(1.0 / 3),
                                        Policy::cascade(0.6),
                                        Policy::exits(0.5),
                                        Policy::fixed_exit(2),
                                        Policy::custom([](const RoutingQuery&) { return 1; }, "second"),
                                        Policy::router().capped(2.0 / 3)};
  for (const std::int64_t tokens : {1, 12, 1000}) {  // the micro-batches find the right policies
    const Engine engine(model(), {.micro_batch_tokens = tokens});
    const auto together = engine.run(inputs_, {.policies = policies});
    ASSERT_EQ(together.size(), inputs_.size());
    for (std::size_t i = 0; i < together.size(); ++i) {
      SCOPED_TRACE(policies[i].name());
      const Prediction expected = alone(engine, i, policies[i]);
      EXPECT_EQ(together[i].answer, expected.answer);
      EXPECT_EQ(together[i].logits, expected.logits);
      EXPECT_EQ(together[i].asked, expected.asked);
      EXPECT_EQ(together[i].multiply_adds, expected.multiply_adds);
    }
  }
}

TEST_F(CallOptionsOfAnEngine, ThatExcludeEachOtherAreRefused) {
  const Engine engine(model());
  const std::vector<Policy> two(2, Policy::router());
  EXPECT_EQ(message_of<ShapeError>([&] { engine.run(inputs_, {.policies = two}); }),
            "a call has 2 policies for 7 inputs; expected one for each");
  EXPECT_EQ(message_of<ConfigError>([&] { engine.run(inputs_, {.policy = two[0], .policies = two}); }),
            "a call has a policy for all inputs and one for each; expected one of the two");
  EXPECT_EQ(message_of<ConfigError>([&] { engine.run(inputs_, {.deadline = steady_clock::now()}); }),
            "a call has a deadline but no times to choose a policy by");
  const PolicyTimes times({{Policy::fixed(1), 0, 0}});
  EXPECT_EQ(message_of<ConfigError>(
                [&] { engine.run(inputs_, {.policy = two[0], .deadline = steady_clock::now(), .times = &times}); }),
            "a call has a deadline and a policy; expected one of the two");
  EXPECT_THAT(
      message_of<ConfigError>([&] { engine.run(inputs_, {.policies = std::vector<Policy>(7, Policy::fixed(0.7))}); }),
      HasSubstr("width 0.7"));
}

TEST_F(CallOptionsOfAnEngine, AStoppedCallThrowsCancelledAndTheNextOneRuns) {
  const Engine engine(model(), {.threads = 2});
  const auto expected = engine.run(inputs_, Policy::fixed(1));
  const std::size_t bytes = engine.workspace_bytes();
  std::stop_source source;
  int asked = 0;
  // Stops itself in the middle: after the stem, before the layers of the width that it chooses.
  const Policy stops = Policy::custom(
      [&](const RoutingQuery& query) {
        ++asked;
        source.request_stop();
        return query.widths.size() - 1;
      },
      "stops");
  EXPECT_EQ(message_of<Cancelled>([&] { engine.run(inputs_, {.policy = stops, .stop = source.get_token()}); }),
            "cancelled, as the caller asked for");
  EXPECT_GT(asked, 0);
  EXPECT_EQ(engine.workspace_bytes(), bytes);  // it went back, and there is no second one
  asked = 0;
  EXPECT_THROW(engine.run(inputs_, {.policy = stops, .stop = source.get_token()}), Cancelled);
  EXPECT_EQ(asked, 0);
  EXPECT_THROW(engine.embed(inputs_, {.stop = source.get_token()}), Cancelled);
  const auto found = engine.run(inputs_, Policy::fixed(1));
  for (std::size_t i = 0; i < found.size(); ++i) EXPECT_EQ(found[i].logits, expected[i].logits);
}

TEST_F(CallOptionsOfAnEngine, ADeadlinePicksThePolicy) {
  const Engine engine(model());
  const PolicyTimes times(
      {{Policy::fixed(1), 1, 0}, {Policy::fixed(2.0 / 3), 0.1, 0}, {Policy::fixed(1.0 / 3), 0.2, 0}});
  const auto width_by = [&](steady_clock::time_point deadline) {
    return engine.run(inputs_, {.deadline = deadline, .times = &times}).front().width;
  };
  EXPECT_EQ(width_by(steady_clock::now() + 24h), 1);
  EXPECT_EQ(width_by(steady_clock::now() - 1h), 2.0 / 3);  // none is in time: the quickest
}

TEST(PolicyTimesTest, TheFirstPolicyThatIsInTimeIsChosen) {
  const PolicyTimes times(
      {{Policy::fixed(1), 0.002, 0.0001}, {Policy::router(), 0.002, 0.00005}, {Policy::fixed(0.25), 0.001, 0.00001}});
  const auto chosen = [&](std::size_t tokens, double seconds) { return times.choose(tokens, seconds).policy.name(); };
  EXPECT_EQ(chosen(100, 0.5), "fixed 1");
  EXPECT_EQ(chosen(100, 0.012), "fixed 1");  // exactly in time
  EXPECT_EQ(chosen(101, 0.012), "router");
  EXPECT_EQ(chosen(100, 0.005), "fixed 0.25");
  EXPECT_EQ(chosen(100, 0), "fixed 0.25");
  EXPECT_EQ(chosen(100, -1), "fixed 0.25");
  const double infinite = std::numeric_limits<double>::infinity();
  EXPECT_EQ(message_of<ConfigError>([] { PolicyTimes({}); }), "the times of no policy; expected at least one");
  EXPECT_EQ(message_of<ConfigError>([&] {
              PolicyTimes({{Policy::router(), 0, infinite}});
            }),
            "the policy \"router\" takes inf seconds; expected 0 or more");
  EXPECT_EQ(message_of<ConfigError>([&] {
              PolicyTimes({{Policy::router(), -1, 0}});
            }),
            "the policy \"router\" takes -1 seconds; expected 0 or more");
}

TEST(CallOptionsOfAClassifier, PoliciesAreOneATextWhateverItsWindows) {
  const TemporaryFolder folder;
  testing::save_tiny_model(folder.path());
  const Classifier classifier =
      Classifier::load(folder.path(), {.max_length = 6, .long_text = LongText::windows, .stride = 2});
  const std::vector<std::string> texts = {"the film was superb and dull a gem", "a gem",
                                          "a mess , not a joy . the plot"};
  const std::vector<Policy> policies = {Policy::fixed(0.25), Policy::fixed(1), Policy::fixed(0.5)};
  const auto found = classifier.classify(texts, {.policies = policies});
  for (std::size_t i = 0; i < texts.size(); ++i) {
    const Prediction expected = classifier.classify(texts[i], {.policy = policies[i]});
    EXPECT_EQ(found[i].logits, expected.logits);
    EXPECT_EQ(found[i].answer, expected.answer);
  }
  EXPECT_EQ(found[0].answer, "0.25");
  EXPECT_EQ(found[2].answer, "0.5");
  EXPECT_TRUE(found[0].truncated);
  std::stop_source stopped;
  stopped.request_stop();
  EXPECT_THROW(classifier.classify(texts, {.stop = stopped.get_token()}), Cancelled);
}

}  // namespace
}  // namespace sharcs::internal::call_options_test
