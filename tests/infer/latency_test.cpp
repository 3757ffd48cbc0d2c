#include "sharcs/latency.hpp"

#include <gtest/gtest.h>

#include "expect_error.hpp"
#include "model/small_models.hpp"
#include "sharcs/engine.hpp"
#include "sharcs/error.hpp"
#include "sharcs/model.hpp"

namespace sharcs::internal {
namespace {

using ::testing::HasSubstr;

Engine small_engine() { return Engine(Model::create(testing::small_config()), {.threads = 1}); }

TEST(Latency, IsMeasuredForEveryBatchLengthAndWidth) {
  const Engine engine = small_engine();
  const auto records =
      measure_latency(engine, {.lengths = {2, 5}, .batches = {1, 3}, .least_runs = 3, .seconds_each = 0});
  ASSERT_EQ(records.size(), 4 * engine.widths().all().size());
  std::size_t at = 0;
  for (const int batch : {1, 3})
    for (const int tokens : {2, 5})
      for (const Width& width : engine.widths()) {
        const LatencyRecord& record = records[at++];
        EXPECT_EQ(record.batch, batch);
        EXPECT_EQ(record.tokens, tokens);
        EXPECT_EQ(record.width, width.fraction());
        EXPECT_EQ(record.runs, 3);
        EXPECT_GT(record.low, 0);
        EXPECT_LE(record.low, record.seconds);
        EXPECT_LE(record.seconds, record.high);
      }
}

TEST(Latency, DefaultLengthsEndWhereTheModelDoes) {
  const Engine engine = small_engine();
  for (const LatencyRecord& record : measure_latency(engine, {.batches = {1}, .least_runs = 1, .seconds_each = 0}))
    EXPECT_LE(record.tokens, static_cast<int>(engine.max_tokens()));
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
}  // namespace sharcs::internal
