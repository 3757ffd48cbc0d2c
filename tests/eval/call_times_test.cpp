#include "eval/call_times.hpp"

#include <gtest/gtest.h>

#include "data/tokenized_dataset.hpp"
#include "model/small_models.hpp"
#include "sharcs/error.hpp"
#include "sharcs/model.hpp"

namespace sharcs::internal::call_times_test {
namespace {

Engine small_engine() { return Engine(Model::create(testing::small_config()), {.threads = 1}); }

TokenizedDataset samples(int count) {
  TokenizedDataset dataset;
  dataset.tokens =
      testing::random_batch(testing::small_config(), std::vector<Index>(static_cast<std::size_t>(count), 3));
  dataset.lengths.assign(static_cast<std::size_t>(count), 3);
  return dataset;
}

/// A clock by which the calls of the engine take these seconds, one after the other, and then `rest` each.
Clock scripted(std::vector<double> seconds, double rest) {
  return [seconds = std::move(seconds), rest, now = 0.0, reads = std::size_t{0}]() mutable {
    if (reads++ % 2 == 1) now += reads / 2 <= seconds.size() ? seconds[reads / 2 - 1] : rest;
    return now;
  };
}

TEST(CallTimes, TheSecondsOfEachKindAreSortedIntoPercentiles) {
  // Two calls to warm up; then the policy's call is the first of a pair, the second of the next, and so on.
  std::vector<double> seconds = {100, 100};
  for (int call = 0; call < 100; ++call) {
    const double by_policy = call + 1, at_full_width = 4 * (call + 1);
    seconds.push_back(call % 2 == 0 ? by_policy : at_full_width);
    seconds.push_back(call % 2 == 0 ? at_full_width : by_policy);
  }
  const auto times = time_calls(small_engine(), samples(100), Policy::router(),
                                {.batches = {1}, .seconds_each = 1e9, .clock = scripted(seconds, 0)});
  ASSERT_EQ(times.size(), 1u);
  EXPECT_EQ(times[0].batch, 1);
  EXPECT_EQ(times[0].calls, 100);
  EXPECT_DOUBLE_EQ(times[0].policy.p50, 50);
  EXPECT_DOUBLE_EQ(times[0].policy.p95, 95);
  EXPECT_DOUBLE_EQ(times[0].policy.p99, 99);
  EXPECT_DOUBLE_EQ(times[0].full.p50, 200);
  EXPECT_DOUBLE_EQ(times[0].full.p99, 396);
  EXPECT_DOUBLE_EQ(times[0].time_fraction, 0.25);
}

TEST(CallTimes, EndWhenTheTimeIsSpentOrTheSamplesAre) {
  const auto calls = [](double seconds_each, int least_calls) {
    return time_calls(
        small_engine(), samples(70), Policy::router(),
        {.batches = {1, 32, 71}, .seconds_each = seconds_each, .least_calls = least_calls, .clock = scripted({}, 0.5)});
  };
  const auto all = calls(1000, 0);
  ASSERT_EQ(all.size(), 2u) << "there are no calls of 71 samples";
  EXPECT_EQ(all[0].calls, 70);
  EXPECT_EQ(all[1].batch, 32);
  EXPECT_EQ(all[1].calls, 2);
  EXPECT_EQ(calls(10, 0)[0].calls, 10) << "each call takes a second, both kinds together";
  EXPECT_EQ(calls(10, 15)[0].calls, 15);
}

TEST(CallTimes, AreMeasuredByTheSystemsClock) {
  const auto times = time_calls(small_engine(), samples(8), Policy::fixed(1.0 / 3), {.batches = {4}});
  ASSERT_EQ(times.size(), 1u);
  EXPECT_EQ(times[0].calls, 2);
  EXPECT_GT(times[0].policy.p50, 0);
  EXPECT_LE(times[0].policy.p50, times[0].policy.p99);
  EXPECT_GT(times[0].time_fraction, 0);
}

TEST(CallTimes, APolicyThatTheModelCannotRunIsRefused) {
  EXPECT_THROW(time_calls(small_engine(), samples(4), Policy::fixed(0.5), {.batches = {1}}), ConfigError);
}

}  // namespace
}  // namespace sharcs::internal::call_times_test
