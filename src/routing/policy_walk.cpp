#include "routing/policy_walk.hpp"

#include <algorithm>

#include "model/answers.hpp"
#include "model/predicted_label.hpp"
#include "routing/policy_access.hpp"
#include "sharcs/error.hpp"

namespace sharcs::internal {

PolicyWalk::PolicyWalk(const Policy& policy, const ModelConfig& config, const WidthSet& widths,
                       const std::vector<Answer>& answers)
    : policy_(policy),
      widths_(widths),
      answers_(answers),
      stem_layers_(config.sharcs ? config.sharcs->adaptive_layer_idx : config.num_hidden_layers),
      cap_(widths.size() - 1),
      config_(config) {
  const auto& parts = PolicyAccess::parts(policy);
  if (parts.cap) cap_ = widths.at(*parts.cap).index();
  if (parts.fixed) fixed_ = widths.at(*parts.fixed).index();
  if (!parts.thresholds.empty() && parts.thresholds.size() != answers_.size())
    throw ConfigError("the policy \"" + policy.name() + "\" has " + std::to_string(parts.thresholds.size()) +
                      " thresholds; expected one for each of the model's " + std::to_string(answers_.size()) +
                      " answers");
  if (parts.only_exit > 0 && answer_of_exit(answers_, parts.only_exit) < 0) {
    std::string known;
    for (const Answer& answer : answers_)
      if (answer.is_exit()) known += (known.empty() ? "" : ", ") + answer.name;
    throw ConfigError("exit " + std::to_string(parts.only_exit) +
                      " is not one of the model's: " + (known.empty() ? "it has none" : known));
  }
}

void PolicyWalk::begin(std::span<const std::int32_t> tokens) {
  traces_.assign(tokens.size(), {});
  for (std::size_t i = 0; i < tokens.size(); ++i) traces_[i].tokens = tokens[i];
}

double PolicyWalk::threshold(int answer) const {
  const auto& parts = PolicyAccess::parts(policy_);
  if (!parts.thresholds.empty()) return parts.thresholds[static_cast<std::size_t>(answer)];
  return answers_[static_cast<std::size_t>(answer)].is_exit() ? parts.exits : parts.narrow;
}

int PolicyWalk::chosen_width(Trace& trace, std::span<const float> router_logits) const {
  if (trace.chosen >= 0) return trace.chosen;
  const auto& parts = PolicyAccess::parts(policy_);
  if (fixed_ >= 0) return trace.chosen = fixed_;
  if (!parts.choose || router_logits.empty()) return trace.chosen = 0;
  const int index = parts.choose({router_logits, widths_, trace.tokens});
  if (index < 0 || index >= widths_.size())
    throw ConfigError("the policy \"" + policy_.name() + "\" chose width number " + std::to_string(index) +
                      "; expected 0 to " + std::to_string(widths_.size() - 1));
  return trace.chosen = index;
}

bool PolicyWalk::asks(Index sample, int answer, std::span<const float> router_logits) {
  const auto& parts = PolicyAccess::parts(policy_);
  const Answer& asked = answers_[static_cast<std::size_t>(answer)];
  if (parts.only_exit > 0) return asked.exit_layer == parts.only_exit;
  if (asked.is_exit()) {
    const bool behind_cap = asked.exit_layer > stem_layers_ && cap_ + 1 < widths_.size();
    return !behind_cap && threshold(answer) < PolicyRule::never;
  }
  const int narrowest = std::min(chosen_width(traces_[static_cast<std::size_t>(sample)], router_logits), cap_);
  if (asked.width_index < narrowest || asked.width_index > cap_) return false;
  return threshold(answer) < PolicyRule::never || asked.width_index == cap_;
}

bool PolicyWalk::keeps(Index sample, int answer, std::span<const float> logits, const float* score) {
  const auto& parts = PolicyAccess::parts(policy_);
  const Answer& given = answers_[static_cast<std::size_t>(answer)];
  Trace& trace = traces_[static_cast<std::size_t>(sample)];
  ++trace.asked;
  trace.own += given.own.of(trace.tokens);
  const auto path = [&](int index) { return answers_[static_cast<std::size_t>(index)].path.of(trace.tokens); };
  if (trace.furthest < 0 || path(answer) > path(trace.furthest)) trace.furthest = answer;

  const int label = predicted_label<float>(config_, logits);
  const double change = trace.trail.add(config_.is_regression(), label, static_cast<double>(logits[0]));

  const bool is_widest = !given.is_exit() && given.width_index == cap_;
  const bool is_only = parts.only_exit > 0 || (fixed_ >= 0 && !given.is_exit());
  if (is_widest || is_only || (!parts.accept && threshold(answer) <= 0)) return true;
  const std::vector<float> probabilities = probabilities_of(config_, logits);
  const AnswerQuery query = {.answer = given,
                             .logits = logits,
                             .probabilities = probabilities,
                             .score = probability_of_score(score),
                             .agreeing = trace.trail.agreeing,
                             .change = change,
                             .tokens = trace.tokens,
                             .multi_label = config_.multi_label};
  if (parts.accept) return parts.accept(query);
  return parts.confidence.of(query) >= threshold(answer);
}

double PolicyWalk::multiply_adds(Index sample) const {
  const Trace& trace = traces_[static_cast<std::size_t>(sample)];
  const double path = trace.furthest < 0 ? 0 : answers_[static_cast<std::size_t>(trace.furthest)].path.of(trace.tokens);
  return path + trace.own;
}

}  // namespace sharcs::internal
