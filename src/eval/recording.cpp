#include <algorithm>
#include <bit>
#include <cmath>

#include "eval/recording_metrics.hpp"
#include "model/mask_guess.hpp"
#include "model/predicted_label.hpp"
#include "model/window_answer.hpp"
#include "routing/policy_walk.hpp"
#include "sharcs/error.hpp"
#include "sharcs/evaluation.hpp"
#include "sharcs/model_config.hpp"

namespace sharcs {
using namespace internal;
namespace {

constexpr std::size_t most_answers = 64;  // bits of Routing::asked

std::uint64_t bit_of(int answer) { return std::uint64_t{1} << answer; }

}  // namespace

std::vector<double> Recording::widths() const {
  std::vector<double> widths;
  for (const RecordedAnswer& answer : answers)
    if (answer.exit_layer == 0) widths.push_back(answer.width);
  return widths;
}

std::span<const float> Recording::logits_of(std::size_t sample, int answer) const {
  const std::span<const float> logits = answers[static_cast<std::size_t>(answer)].logits;
  if (finds_answers()) return logits.subspan(sample * WindowAnswer::numbers, WindowAnswer::numbers);
  if (!labels_words()) return logits.subspan(sample * outputs, outputs);
  return logits.subspan(first_words[sample] * outputs, (first_words[sample + 1] - first_words[sample]) * outputs);
}

std::vector<int> Recording::tags_of(std::size_t sample, int answer) const {
  if (fills_masks()) return guessed_tokens(logits_of(sample, answer));
  return predicted_labels(config, logits_of(sample, answer));
}

std::span<const int> Recording::true_tags_of(std::size_t sample) const {
  return std::span(labels).subspan(first_words[sample], first_words[sample + 1] - first_words[sample]);
}

std::span<const double> Recording::targets_of(std::size_t sample) const {
  return std::span(targets).subspan(sample * outputs, outputs);
}

std::span<const float> Recording::router_logits_of(std::size_t sample) const {
  if (router_logits.empty()) return {};
  const std::size_t widths = router_logits.size() / size();
  return std::span(router_logits).subspan(sample * widths, widths);
}

int Recording::label_of(std::size_t sample, int answer) const {
  const auto row = logits_of(sample, answer);
  if (is_multi_label()) return predicted_label<float>(config, row);
  return static_cast<int>(std::max_element(row.begin(), row.end()) - row.begin());
}

std::int64_t Routing::runs(int answer) const {
  return std::ranges::count_if(asked, [&](std::uint64_t bits) { return (bits & bit_of(answer)) != 0; });
}

Routing route(const Recording& recording, const Policy& policy) {
  if (recording.answers.size() > most_answers)
    throw ShapeError("a recording of " + std::to_string(recording.answers.size()) + " answers; expected at most " +
                     std::to_string(most_answers));
  Routing routing = route(recording, everything_at(recording, recording.full_width()));
  if (recording.answers.size() == 1) return routing;
  const WidthSet widths(recording.config);
  const std::vector<Answer> answers = answers_in(recording);
  PolicyWalk walk(policy, recording.config, widths, answers);
  walk.begin(recording.tokens);
  walk.read_guesses();
  for (std::size_t i = 0; i < recording.size(); ++i) {
    const auto sample = static_cast<Index>(i);
    routing.asked[i] = 0;
    for (int a = 0; a <= recording.full_width(); ++a) {
      const RecordedAnswer& answer = recording.answers[static_cast<std::size_t>(a)];
      if (a < recording.full_width() && !walk.asks(sample, a, recording.router_logits_of(i))) continue;
      routing.asked[i] |= bit_of(a);
      routing.answer_of_sample[i] = a;
      if (walk.keeps(sample, a, recording.logits_of(i, a), answer.scores.empty() ? nullptr : &answer.scores[i])) break;
    }
    routing.cost_of_sample[i] = walk.multiply_adds(sample);
  }
  return routing;
}

Routing route(const Recording& recording, std::vector<int> answer_of_sample) {
  require_one_answer_each(recording, answer_of_sample.size());
  Routing routing = {std::move(answer_of_sample), {}, {}};
  for (std::size_t i = 0; i < recording.size(); ++i) {
    const int answer = routing.answer_of_sample[i];
    if (answer < 0 || answer > recording.full_width())
      throw ShapeError("sample " + std::to_string(i) + " has answer number " + std::to_string(answer) +
                       "; expected 0 to " + std::to_string(recording.full_width()));
    routing.cost_of_sample.push_back(cost_of(recording, i, answer));
    routing.asked.push_back(bit_of(answer));
  }
  return routing;
}

}  // namespace sharcs
