#include "sharcs/latency.hpp"

#include <algorithm>

#include "core/clock.hpp"
#include "sharcs/engine.hpp"
#include "sharcs/error.hpp"

namespace sharcs {
using namespace internal;
namespace {

double seconds_of(const Engine& engine, std::span<const TokenSequence> inputs, const RoutingPolicy& policy) {
  const double start = steady_seconds();
  engine.run(inputs, policy);
  return steady_seconds() - start;
}

std::vector<int> default_lengths(int longest) {
  std::vector<int> lengths;
  for (int tokens = 8; tokens <= 128 && tokens <= longest; tokens *= 2) lengths.push_back(tokens);
  if (lengths.empty()) lengths.push_back(longest);
  return lengths;
}

void check(const LatencyOptions& options, int longest) {
  for (const int tokens : options.lengths)
    if (tokens < 1 || tokens > longest)
      throw ConfigError("latency: length " + std::to_string(tokens) + "; expected 1 to " + std::to_string(longest) +
                        " tokens");
  for (const int batch : options.batches)
    if (batch < 1) throw ConfigError("latency: batch " + std::to_string(batch) + "; expected at least 1 input");
  if (options.least_runs < 1)
    throw ConfigError("latency: " + std::to_string(options.least_runs) + " runs; expected at least 1");
}

/// One record a width.
void measure(const Engine& engine, int batch, int tokens, const LatencyOptions& options,
             std::vector<LatencyRecord>& records) {
  // What the tokens are does not matter for the time.
  const std::vector<std::int32_t> ids(static_cast<std::size_t>(tokens), engine.config().pad_token_id);
  const std::vector<TokenSequence> inputs(static_cast<std::size_t>(batch), TokenSequence{.ids = ids});
  const auto widths = engine.widths().all();
  std::vector<std::vector<double>> seconds(widths.size());
  for (const Width& width : widths) seconds_of(engine, inputs, RoutingPolicy::fixed(width.fraction()));  // warms up
  double spent = 0;
  for (int run = 0; run < options.least_runs || spent < options.seconds_each * static_cast<double>(widths.size());
       ++run)
    for (std::size_t i = 0; i < widths.size(); ++i) {
      seconds[i].push_back(seconds_of(engine, inputs, RoutingPolicy::fixed(widths[i].fraction())));
      spent += seconds[i].back();
    }
  for (std::size_t i = 0; i < widths.size(); ++i) {
    std::sort(seconds[i].begin(), seconds[i].end());
    const std::size_t runs = seconds[i].size();
    records.push_back({.width = widths[i].fraction(),
                       .tokens = tokens,
                       .batch = batch,
                       .runs = static_cast<int>(runs),
                       .seconds = seconds[i][runs / 2],
                       .low = seconds[i][runs / 4],
                       .high = seconds[i][runs - 1 - runs / 4]});
  }
}

}  // namespace

std::vector<LatencyRecord> measure_latency(const Engine& engine, const LatencyOptions& options) {
  const int longest = static_cast<int>(engine.max_tokens());
  check(options, longest);
  std::vector<LatencyRecord> records;
  for (const int batch : options.batches)
    for (const int tokens : options.lengths.empty() ? default_lengths(longest) : options.lengths)
      measure(engine, batch, tokens, options, records);
  return records;
}

}  // namespace sharcs
