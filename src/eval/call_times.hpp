#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <vector>

#include "core/clock.hpp"
#include "io/json_cursor.hpp"
#include "sharcs/classifier.hpp"

namespace sharcs::internal {

struct TokenizedDataset;

/// How long calls took: so many of a hundred were no slower. In seconds.
struct Percentiles {
  double p50 = 0, p95 = 0, p99 = 0;
};

/// Calls of so many samples, by a policy and at full width.
struct CallTimes {
  int batch = 1;             ///< samples in a call
  int calls = 0;             ///< measured, of either kind
  Percentiles policy = {};   ///< of a call by the policy
  Percentiles full = {};     ///< of the same call at full width
  double time_fraction = 1;  ///< of all calls together: the policy's time over full width's
};

struct CallTimeOptions {
  std::vector<int> batches = {1, 32};
  double seconds_each = 5;  ///< of one size, both kinds together; less when all samples had their turn
  int least_calls = 20;     ///< even where they take longer; fewer where there are no more samples
  std::uint64_t seed = 1;   ///< of the order of the calls
  Clock clock = steady_seconds;
};

/// Times calls of an engine as an application makes them: samples that are neighbours in the data set are called
/// together, on the engine's threads; the calls come in random order. Each one runs by the policy and at full width,
/// one after the other, so that whatever else the machine does slows both. A size of more samples than there are is
/// left out. Throws as Engine::run.
std::vector<CallTimes> time_calls(const Engine& engine, const TokenizedDataset& dataset, const Policy& policy,
                                  const CallTimeOptions& options = {});

/// As in recording.json, whose table of keys explains it.
nlohmann::ordered_json call_times_json(const CallTimes& times);
CallTimes read_call_times(const JsonCursor& fields);

}  // namespace sharcs::internal
