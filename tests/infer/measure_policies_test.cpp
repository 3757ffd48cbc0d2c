#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/program.hpp"
#include "expect_error.hpp"
#include "infer/time_line.hpp"
#include "sharcs/classifier.hpp"
#include "temporary_folder.hpp"

namespace sharcs::internal::measure_policies_test {
namespace {

TEST(TimeLines, OfCallsOnALineAreThatLine) {
  std::vector<CallTime> calls;
  for (const std::size_t tokens : {3, 10, 40, 300})
    calls.push_back({tokens, 0.002 + 0.0001 * static_cast<double>(tokens)});
  const TimeLine line = line_through(calls);
  EXPECT_NEAR(line.call, 0.002, 1e-9);
  EXPECT_NEAR(line.token, 0.0001, 1e-11);
}

TEST(TimeLines, HaveTheSmallestRelativeErrors) {
  const std::vector<CallTime> calls = {{2, 2}, {5, 3}, {9, 4}, {20, 11}};
  const auto error = [&](double call, double token) {
    double sum = 0;
    for (const CallTime& one : calls) {
      const double relative = (call + token * static_cast<double>(one.tokens)) / one.seconds - 1;
      sum += relative * relative;
    }
    return sum;
  };
  const TimeLine line = line_through(calls);
  for (const double step : {-1e-3, 1e-3}) {
    EXPECT_GE(error(line.call + step, line.token), error(line.call, line.token));
    EXPECT_GE(error(line.call, line.token + step), error(line.call, line.token));
  }
}

TEST(TimeLines, HaveNoNegativePart) {
  const TimeLine steep = line_through(std::vector<CallTime>{{10, 1}, {20, 4}});
  EXPECT_EQ(steep.call, 0);
  EXPECT_GT(steep.token, 0);
  const TimeLine falling = line_through(std::vector<CallTime>{{10, 4}, {20, 1}});
  EXPECT_EQ(falling.token, 0);
  EXPECT_GT(falling.call, 0);
  const TimeLine one_length = line_through(std::vector<CallTime>{{10, 4}, {10, 4}});
  EXPECT_EQ(one_length.call, 0);
  EXPECT_NEAR(one_length.token, 0.4, 1e-12);
}

TEST(MeasuredPolicies, AreThoseThatWereAskedForInTheirOrder) {
  const TemporaryFolder folder;
  testing::save_tiny_model(folder.path());
  const Classifier classifier = Classifier::load(folder.path());
  const std::vector<std::string> texts = {"a gem", "the film was superb", "a mess"};
  const std::vector<Policy> policies = {Policy::fixed(1), Policy::cascade(0.9), Policy::fixed(0.25)};
  const PolicyTimes times = measure_policies(classifier, policies, texts, {.rounds = 2, .group = 2});
  ASSERT_EQ(times.rows().size(), 3u);
  for (std::size_t i = 0; i < policies.size(); ++i) {
    EXPECT_EQ(times.rows()[i].policy.name(), policies[i].name());
    EXPECT_GT(times.rows()[i].of(10), 0);
  }
  EXPECT_EQ(message_of<ConfigError>([&] { measure_policies(classifier, {}, texts); }),
            "no policy to measure; expected at least one");
  EXPECT_EQ(message_of<ConfigError>([&] { measure_policies(classifier, policies, {}); }),
            "no text to measure policies with; expected at least one");
  EXPECT_EQ(message_of<ConfigError>([&] { measure_policies(classifier, policies, texts, {.rounds = 0}); }),
            "policies are measured with rounds 0, group 8 and max_texts 64; expected 1 or more");
}

TEST(EmptyTexts, AreRefusedByTheLibraryAsByTheProgram) {
  const TemporaryFolder folder;
  testing::save_tiny_model(folder.path());
  const Classifier classifier = Classifier::load(folder.path());
  for (const std::string empty : {"", " ", "\t \n"}) {
    EXPECT_EQ(message_of<DataError>([&] { classifier.classify(empty); }), "a text is empty; expected a sentence");
    EXPECT_THROW(classifier.embed(std::span(&empty, 1)), DataError);
    const TextPair both = {empty, empty}, one = {"a gem", empty}, other = {empty, "a gem"};
    EXPECT_EQ(message_of<DataError>([&] { classifier.classify(std::span(&both, 1)); }),
              "both texts of a pair are empty; expected a pair of sentences");
    EXPECT_NO_THROW(classifier.classify(std::span(&one, 1)));
    EXPECT_NO_THROW(classifier.classify(std::span(&other, 1)));
  }
  for (const std::string empty : {"", " ", "\t "})
    EXPECT_EQ(testing::error_of(testing::run_program({"predict", "--model", folder.path().string(), "--text", empty})),
              "--text: is empty; expected a sentence");
}

}  // namespace
}  // namespace sharcs::internal::measure_policies_test
