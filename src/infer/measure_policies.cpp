#include <algorithm>

#include "core/clock.hpp"
#include "infer/encoded_text.hpp"
#include "infer/time_line.hpp"
#include "sharcs/error.hpp"

namespace sharcs {
using namespace internal;

TimeLine internal::line_through(std::span<const CallTime> calls) {
  // The sum of ((call + token · n − s) / s)² is smallest where its derivatives by `call` and `token` are 0; a part that
  // would be negative is 0, and the other one fits alone.
  double w = 0, wn = 0, wnn = 0, ws = 0, wns = 0;
  for (const CallTime& call : calls) {
    const double n = static_cast<double>(call.tokens), weight = 1 / (call.seconds * call.seconds);
    w += weight;
    wn += weight * n;
    wnn += weight * n * n;
    ws += weight * call.seconds;
    wns += weight * n * call.seconds;
  }
  const double determinant = w * wnn - wn * wn;
  TimeLine line = {.call = 0, .token = wns / wnn};
  if (determinant > 1e-9 * w * wnn)
    line = {.call = (ws * wnn - wns * wn) / determinant, .token = (w * wns - wn * ws) / determinant};
  if (line.call < 0) return {.call = 0, .token = wns / wnn};
  if (line.token < 0) return {.call = ws / w, .token = 0};
  return line;
}

PolicyTimes measure_policies(const Classifier& classifier, std::span<const Policy> policies,
                             std::span<const std::string> texts, const PolicyTimesOptions& options) {
  if (policies.empty()) throw ConfigError("no policy to measure; expected at least one");
  if (texts.empty()) throw ConfigError("no text to measure policies with; expected at least one");
  if (options.rounds < 1 || options.group < 1 || options.max_texts < 1)
    throw ConfigError("policies are measured with rounds " + std::to_string(options.rounds) + ", group " +
                      std::to_string(options.group) + " and max_texts " + std::to_string(options.max_texts) +
                      "; expected 1 or more");
  texts = texts.first(std::min(texts.size(), options.max_texts));
  std::vector<std::span<const std::string>> groups;
  for (std::size_t i = 0; i < texts.size(); ++i) groups.push_back(texts.subspan(i, 1));
  for (std::size_t i = 0; options.group > 1 && i + 1 < texts.size(); i += options.group)
    groups.push_back(texts.subspan(i, std::min(options.group, texts.size() - i)));

  std::vector<std::vector<CallTime>> calls(policies.size());
  for (const std::span<const std::string> group : groups) {
    std::size_t tokens = 0;
    for (const std::string& text : group) tokens += encode_text(classifier, text, nullptr).tokens();
    std::vector<std::function<double()>> runs;
    for (const Policy& policy : policies)
      runs.emplace_back([&classifier, group, &policy] {
        const double start = steady_seconds();
        classifier.classify(group, {.policy = policy});
        return steady_seconds() - start;
      });
    for (const auto& warm_up : runs) warm_up();
    const auto seconds = time_in_turns(runs, {.least_rounds = options.rounds});
    for (std::size_t p = 0; p < policies.size(); ++p)
      calls[p].push_back({tokens, std::max(seconds[p][(seconds[p].size() - 1) * 9 / 10], 1e-9)});
  }
  std::vector<PolicyTimes::Row> rows;
  for (std::size_t p = 0; p < policies.size(); ++p) {
    const TimeLine line = line_through(calls[p]);
    rows.push_back({policies[p], line.call, line.token});
  }
  return PolicyTimes(std::move(rows));
}

}  // namespace sharcs
