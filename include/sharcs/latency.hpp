#pragma once

#include <vector>

namespace [[gnu::visibility("default")]] sharcs {

class Engine;

/// How long an engine takes for a batch at a forced width.
struct LatencyRecord {
  double width = 1;    ///< as a fraction
  int tokens = 0;      ///< of each input, special tokens included
  int batch = 1;       ///< inputs in a call
  int runs = 0;        ///< measured
  double seconds = 0;  ///< a call: the median
  double low = 0;      ///< the first quartile
  double high = 0;     ///< the third
};

struct LatencyOptions {
  /// Tokens of an input. Empty: 8, 16, 32, … up to 128, or as far as the model's positions go.
  std::vector<int> lengths = {};
  /// Inputs in a call.
  std::vector<int> batches = {1, 8};
  /// Each width, length and batch is run so often, and longer while it has not taken so many seconds.
  int least_runs = 5;
  double seconds_each = 0.2;
};

/// Measures an engine at every width, length and batch; widths take turns, so that what else the machine does meets
/// them alike. Ordered by batch, length, width. Throws ConfigError when a length is not from 1 to engine.max_tokens(),
/// or batches or runs are less than 1.
std::vector<LatencyRecord> measure_latency(const Engine& engine, const LatencyOptions& options = {});

}  // namespace gnu::visibility("default")]]sharcs
