#include <cmath>

#include "core/clock.hpp"
#include "model/mask_guess.hpp"
#include "sharcs/calibration.hpp"
#include "sharcs/classifier.hpp"
#include "sharcs/error.hpp"

namespace sharcs {
using namespace internal;
namespace {

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

/// The latencies of all widths for inputs of one size.
std::vector<Latency> measure(const Engine& engine, int batch, int tokens, const LatencyOptions& options) {
  // What the tokens are does not matter for the time.
  const std::vector<std::int32_t> ids(static_cast<std::size_t>(tokens), engine.config().pad_token_id);
  // A model that fills masks is asked for as many tokens as in evaluations.
  std::vector<std::int32_t> masked;
  const int count = engine.config().fills_masks ? static_cast<int>(std::ceil(usual_masked_share * tokens)) : 0;
  for (int i = 0; i < count; ++i) masked.push_back(i * tokens / count);
  const std::vector<TokenSequence> inputs(static_cast<std::size_t>(batch),
                                          TokenSequence{.ids = ids, .labelled = masked});
  const auto widths = engine.widths().all();
  std::vector<std::function<double()>> calls;
  for (const Width& width : widths)
    calls.emplace_back([&engine, &inputs, policy = Policy::fixed(width.fraction())] {
      const double start = steady_seconds();
      engine.run(inputs, policy);
      return steady_seconds() - start;
    });
  for (const auto& warm_up : calls) warm_up();
  const auto seconds = time_in_turns(
      calls,
      {.least_rounds = options.least_runs, .least_seconds = options.seconds_each * static_cast<double>(widths.size())});
  std::vector<Latency> latencies;
  for (std::size_t i = 0; i < widths.size(); ++i) {
    const std::size_t runs = seconds[i].size();
    latencies.push_back({.width = widths[i].fraction(),
                         .tokens = tokens,
                         .batch = batch,
                         .runs = static_cast<int>(runs),
                         .seconds = median_of(seconds[i]),
                         .low = seconds[i][runs / 4],
                         .high = seconds[i][runs - 1 - runs / 4]});
  }
  return latencies;
}

}  // namespace

std::vector<Latency> measure_latency(const Engine& engine, const LatencyOptions& options) {
  const int longest = static_cast<int>(engine.max_tokens());
  check(options, longest);
  std::vector<Latency> latencies;
  for (const int batch : options.batches)
    for (const int tokens : options.lengths.empty() ? default_lengths(longest) : options.lengths)
      for (const Latency& latency : measure(engine, batch, tokens, options)) latencies.push_back(latency);
  return latencies;
}

}  // namespace sharcs
