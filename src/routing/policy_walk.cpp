#include "routing/policy_walk.hpp"

#include <algorithm>

#include "model/answers.hpp"
#include "model/mask_guess.hpp"
#include "model/predicted_label.hpp"
#include "model/window_answer.hpp"
#include "routing/policy_access.hpp"
#include "sharcs/error.hpp"

namespace sharcs::internal {

PolicyWalk::PolicyWalk(std::span<const Policy> policies, const ModelConfig& config, const WidthSet& widths,
                       const std::vector<Answer>& answers)
    : widths_(widths),
      answers_(answers),
      stem_layers_(config.sharcs ? config.sharcs->adaptive_layer_idx : config.num_hidden_layers),
      config_(config) {
  for (const Policy& policy : policies) terms_.push_back(terms_for(policy));
}

PolicyWalk::Terms PolicyWalk::terms_for(const Policy& policy) const {
  const auto& parts = PolicyAccess::parts(policy);
  if ((config_.finds_answers || config_.fills_masks) && parts.confidence.name() == "entropy")
    throw ConfigError("the policy \"" + policy.name() +
                      "\" goes by entropy; expected max-probability or patience for " + what_is_labelled(config_));
  Terms terms = {.policy = &policy, .cap = widths_.size() - 1};
  if (parts.cap) terms.cap = widths_.at(*parts.cap).index();
  if (parts.fixed) terms.fixed = widths_.at(*parts.fixed).index();
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
  return terms;
}

void PolicyWalk::begin(std::span<const std::int32_t> tokens, Index first) {
  first_ = first;
  traces_.assign(tokens.size(), {});
  for (std::size_t i = 0; i < tokens.size(); ++i) traces_[i].tokens = tokens[i];
}

double PolicyWalk::threshold(const Policy& policy, int answer) const {
  const auto& parts = PolicyAccess::parts(policy);
  if (!parts.thresholds.empty()) return parts.thresholds[static_cast<std::size_t>(answer)];
  return answers_[static_cast<std::size_t>(answer)].is_exit() ? parts.exits : parts.narrow;
}

int PolicyWalk::chosen_width(const Terms& terms, Trace& trace, std::span<const float> router_logits) const {
  if (trace.chosen >= 0) return trace.chosen;
  const auto& parts = PolicyAccess::parts(*terms.policy);
  if (terms.fixed >= 0) return trace.chosen = terms.fixed;
  if (!parts.choose || router_logits.empty()) return trace.chosen = 0;
  const int index = parts.choose({router_logits, widths_, trace.tokens});
  if (index < 0 || index >= widths_.size())
    throw ConfigError("the policy \"" + terms.policy->name() + "\" chose width number " + std::to_string(index) +
                      "; expected 0 to " + std::to_string(widths_.size() - 1));
  return trace.chosen = index;
}

bool PolicyWalk::asks(Index sample, int answer, std::span<const float> router_logits) {
  const Terms& terms = terms_of(sample);
  const Policy& policy = *terms.policy;
  const auto& parts = PolicyAccess::parts(policy);
  const Answer& asked = answers_[static_cast<std::size_t>(answer)];
  if (parts.only_exit > 0) return asked.exit_layer == parts.only_exit;
  if (asked.is_exit()) {
    const bool behind_cap = asked.exit_layer > stem_layers_ && terms.cap + 1 < widths_.size();
    return !behind_cap && threshold(policy, answer) < PolicyRule::never;
  }
  const int narrowest =
      std::min(chosen_width(terms, traces_[static_cast<std::size_t>(sample)], router_logits), terms.cap);
  if (asked.width_index < narrowest || asked.width_index > terms.cap) return false;
  return threshold(policy, answer) < PolicyRule::never || asked.width_index == terms.cap;
}

bool PolicyWalk::keeps(Index sample, int answer, std::span<const float> logits, const float* score) {
  const Terms& terms = terms_of(sample);
  const Policy& policy = *terms.policy;
  const auto& parts = PolicyAccess::parts(policy);
  const Answer& given = answers_[static_cast<std::size_t>(answer)];
  Trace& trace = traces_[static_cast<std::size_t>(sample)];
  ++trace.asked;
  trace.own += given.own.of(trace.tokens);
  const auto path = [&](int index) { return answers_[static_cast<std::size_t>(index)].path.of(trace.tokens); };
  if (trace.furthest < 0 || path(answer) > path(trace.furthest)) trace.furthest = answer;

  std::vector<float> guesses;
  if (config_.fills_masks && !reads_guesses_)
    logits = guesses = mask_guesses(logits, static_cast<std::size_t>(config_.vocab_size), {});
  const double change = config_.fills_masks ? trace.trail.add_tags(guessed_tokens(logits))
                        : config_.per_token
                            ? trace.trail.add_tags(predicted_labels(config_, logits))
                            : trace.trail.add(config_.is_regression(), predicted_label<float>(config_, logits), logits);

  const bool is_widest = !given.is_exit() && given.width_index == terms.cap;
  const bool is_only = parts.only_exit > 0 || (terms.fixed >= 0 && !given.is_exit());
  if (is_widest || is_only || (!parts.accept && threshold(policy, answer) <= 0)) return true;
  // Of an answer in a text, and of masked tokens, the probability alone counts.
  const bool has_probability_alone = config_.finds_answers || config_.fills_masks;
  const std::vector<float> probabilities =
      config_.fills_masks     ? std::vector<float>{mean_probability(logits)}
      : config_.finds_answers ? std::vector<float>{static_cast<float>(WindowAnswer::in(logits).probability())}
                              : probabilities_of(config_, logits);
  const AnswerQuery query = {
      .answer = given,
      .logits = has_probability_alone ? std::span<const float>() : logits,
      .probabilities = probabilities,
      .score = probability_of_score(score),
      .agreeing = trace.trail.agreeing,
      .change = change,
      .tokens = trace.tokens,
      .multi_label = config_.multi_label,
      .words = config_.labels_tokens() && !config_.fills_masks ? logits.size() / config_.labels.size() : 1};
  if (parts.accept) return parts.accept(query);
  return parts.confidence.of(query) >= threshold(policy, answer);
}

double PolicyWalk::multiply_adds(Index sample) const {
  const Trace& trace = traces_[static_cast<std::size_t>(sample)];
  const double path = trace.furthest < 0 ? 0 : answers_[static_cast<std::size_t>(trace.furthest)].path.of(trace.tokens);
  return path + trace.own;
}

}  // namespace sharcs::internal
