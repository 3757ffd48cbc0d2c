#include "eval/call_times.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/random.hpp"
#include "data/tokenized_dataset.hpp"

namespace sharcs::internal {
using nlohmann::ordered_json;

namespace {

/// By the nearest rank. `seconds`: at least one.
Percentiles percentiles_of(std::vector<double> seconds) {
  std::ranges::sort(seconds);
  const auto at = [&](double share) {
    const auto rank = static_cast<std::size_t>(std::ceil(share * static_cast<double>(seconds.size())));
    return seconds[std::max<std::size_t>(rank, 1) - 1];
  };
  return {.p50 = at(0.5), .p95 = at(0.95), .p99 = at(0.99)};
}

std::vector<TokenSequence> sequences_of(const RaggedBatch& tokens, Index first, Index count) {
  std::vector<TokenSequence> inputs;
  for (Index sample = first; sample < first + count; ++sample) {
    const auto begin = static_cast<std::size_t>(tokens.offsets[static_cast<std::size_t>(sample)]);
    const auto size = static_cast<std::size_t>(tokens.tokens(sample));
    inputs.push_back({.ids = std::span(tokens.ids).subspan(begin, size),
                      .token_types = std::span(tokens.token_types).subspan(begin, size),
                      .labelled = tokens.head_tokens_of(sample)});
  }
  return inputs;
}

CallTimes time_size(const Engine& engine, const RaggedBatch& tokens, int batch, const Policy& policy,
                    const CallTimeOptions& options) {
  const Policy full_width = Policy::fixed(engine.widths().widest().fraction());
  std::vector<Index> order(static_cast<std::size_t>(tokens.samples() / batch));
  std::iota(order.begin(), order.end(), Index{0});
  Random(derive_key(options.seed, "call times")).shuffle(order);
  const auto seconds_of = [&](const std::vector<TokenSequence>& inputs, const Policy& by) {
    const double start = options.clock();
    engine.run(inputs, by);
    return options.clock() - start;
  };
  const std::vector<TokenSequence> warm_up = sequences_of(tokens, order.front() * batch, batch);
  seconds_of(warm_up, full_width);
  seconds_of(warm_up, policy);
  std::vector<double> by_policy, at_full_width;
  double spent = 0, spent_by_policy = 0;
  for (const Index call : order) {
    if (std::ssize(by_policy) >= options.least_calls && spent >= options.seconds_each) break;
    const std::vector<TokenSequence> inputs = sequences_of(tokens, call * batch, batch);
    // Which of the two goes first changes from call to call: the second finds the inputs in the cache.
    const bool policy_first = by_policy.size() % 2 == 0;
    const double first = seconds_of(inputs, policy_first ? policy : full_width);
    const double second = seconds_of(inputs, policy_first ? full_width : policy);
    by_policy.push_back(policy_first ? first : second);
    at_full_width.push_back(policy_first ? second : first);
    spent += first + second;
    spent_by_policy += by_policy.back();
  }
  return {.batch = batch,
          .calls = static_cast<int>(by_policy.size()),
          .policy = percentiles_of(std::move(by_policy)),
          .full = percentiles_of(std::move(at_full_width)),
          .time_fraction = spent_by_policy / (spent - spent_by_policy)};
}

ordered_json percentiles_json(const Percentiles& seconds) {
  return {
      {"p50", finite_or_null(seconds.p50)}, {"p95", finite_or_null(seconds.p95)}, {"p99", finite_or_null(seconds.p99)}};
}

Percentiles read_percentiles(const JsonCursor& fields) {
  constexpr NumberRange duration = {.least = 0};
  return {.p50 = fields["p50"].get<double>(duration),
          .p95 = fields["p95"].get<double>(duration),
          .p99 = fields["p99"].get<double>(duration)};
}

}  // namespace

std::vector<CallTimes> time_calls(const Engine& engine, const TokenizedDataset& dataset, const Policy& policy,
                                  const CallTimeOptions& options) {
  std::vector<CallTimes> times;
  for (const int batch : options.batches)
    if (batch <= dataset.tokens.samples()) times.push_back(time_size(engine, dataset.tokens, batch, policy, options));
  return times;
}

ordered_json call_times_json(const CallTimes& times) {
  return {{"batch", times.batch},
          {"calls", times.calls},
          {"policy", percentiles_json(times.policy)},
          {"full", percentiles_json(times.full)},
          {"time_fraction", finite_or_null(times.time_fraction)}};
}

CallTimes read_call_times(const JsonCursor& fields) {
  return {.batch = fields["batch"].get<int>({.least = 1}),
          .calls = fields["calls"].get<int>({.least = 0}),
          .policy = read_percentiles(fields["policy"]),
          .full = read_percentiles(fields["full"]),
          .time_fraction = fields["time_fraction"].get<double>({.least = 0})};
}

}  // namespace sharcs::internal
