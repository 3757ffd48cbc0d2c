#pragma once

#include <span>
#include <vector>

#include "model/answering_pass.hpp"
#include "routing/answer_trail.hpp"
#include "sharcs/model_config.hpp"
#include "sharcs/policy.hpp"

namespace sharcs::internal {

/// A policy, or one a sample, on its way through the answers of some samples: says who is asked and whose answer is
/// kept, and counts what that costs. Guides an encoder, or walks through recorded answers.
class PolicyWalk final : public AnswerGuide<float> {
 public:
  /// The arguments must outlive the walk; begin() comes first. Throws ConfigError when the policy does not fit the
  /// model.
  PolicyWalk(const Policy& policy, const ModelConfig& config, const WidthSet& widths,
             const std::vector<Answer>& answers)
      : PolicyWalk(std::span(&policy, 1), config, widths, answers) {}
  /// One policy for all samples, or one for each.
  PolicyWalk(std::span<const Policy> policies, const ModelConfig& config, const WidthSet& widths,
             const std::vector<Answer>& answers);

  /// Starts with new samples of so many tokens each; `first` is the number of the first one's policy.
  void begin(std::span<const std::int32_t> tokens, Index first = 0);

  /// From here on keeps() is given what a recording has of masked tokens (see MaskGuess), in place of logits.
  void read_guesses() { reads_guesses_ = true; }

  bool asks(Index sample, int answer, std::span<const float> router_logits) override;
  bool keeps(Index sample, int answer, std::span<const float> logits, const float* score) override;

  /// Of a sample so far: multiply-adds, and how many answers it was asked for.
  double multiply_adds(Index sample) const;
  int asked(Index sample) const { return traces_[static_cast<std::size_t>(sample)].asked; }

  const std::vector<Answer>& answers() const { return answers_; }

 private:
  struct Trace {
    std::int32_t tokens = 0;
    int chosen = -1;  // the narrowest width that is asked; −1: the policy has not been asked yet
    int asked = 0;
    AnswerTrail trail = {};
    int furthest = -1;  // the answer with the longest path so far
    double own = 0;
  };
  /// A policy and what it means for this model.
  struct Terms {
    const Policy* policy;
    int cap;         // index of the widest width that is asked
    int fixed = -1;  // index of the width of a fixed policy
  };
  Terms terms_for(const Policy& policy) const;
  const Terms& terms_of(Index sample) const {
    return terms_[terms_.size() == 1 ? 0 : static_cast<std::size_t>(first_ + sample)];
  }
  double threshold(const Policy& policy, int answer) const;
  int chosen_width(const Terms& terms, Trace& trace, std::span<const float> router_logits) const;

  const WidthSet& widths_;
  const std::vector<Answer>& answers_;
  int stem_layers_;
  const ModelConfig& config_;
  std::vector<Terms> terms_;  // one, or one a sample
  Index first_ = 0;           // number of the first sample's terms
  std::vector<Trace> traces_;
  bool reads_guesses_ = false;
};

}  // namespace sharcs::internal
