#include <gtest/gtest.h>

#include "expect_error.hpp"
#include "model/small_models.hpp"
#include "sharcs/calibration.hpp"
#include "sharcs/error.hpp"
#include "sharcs/model.hpp"

namespace sharcs::internal::latency_test {
namespace {

using ::testing::HasSubstr;

Engine small_engine() { return Engine(Model::create(testing::small_config()), {.threads = 1}); }

TEST(Latency, IsMeasuredForEveryBatchLengthAndWidth) {
  const Engine engine = small_engine();
  const auto latencies =
      measure_latency(engine, {.lengths = {2, 5}, .batches = {1, 3}, .least_runs = 3, .seconds_each = 0});
  ASSERT_EQ(latencies.size(), 4 * engine.widths().all().size());
  std::size_t at = 0;
  for (const int batch : {1, 3})
    for (const int tokens : {2, 5})
      for (const Width& width : engine.widths()) {
        const Latency& latency = latencies[at++];
        EXPECT_EQ(latency.batch, batch);
        EXPECT_EQ(latency.tokens, tokens);
        EXPECT_EQ(latency.width, width.fraction());
        EXPECT_EQ(latency.runs, 3);
        EXPECT_GT(latency.low, 0);
        EXPECT_LE(latency.low, latency.seconds);
        EXPECT_LE(latency.seconds, latency.high);
      }
}

TEST(Latency, DefaultLengthsEndWhereTheModelDoes) {
  const Engine engine = small_engine();
  for (const Latency& latency : measure_latency(engine, {.batches = {1}, .least_runs = 1, .seconds_each = 0}))
    EXPECT_LE(latency.tokens, static_cast<int>(engine.max_tokens()));
}

TEST(Latency, WhatCannotBeMeasuredIsRefused) {
  const Engine engine = small_engine();
  const auto message = [&](const LatencyOptions& options) {
    return message_of<ConfigError>([&] { measure_latency(engine, options); });
  };
  EXPECT_THAT(message({.lengths = {1000}}), HasSubstr("length 1000; expected 1 to "));
  EXPECT_THAT(message({.lengths = {0}}), HasSubstr("length 0"));
  EXPECT_THAT(message({.batches = {0}}), HasSubstr("batch 0"));
  EXPECT_THAT(message({.least_runs = 0}), HasSubstr("0 runs"));
}

}  // namespace
}  // namespace sharcs::internal::latency_test
