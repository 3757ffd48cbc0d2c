#pragma once

#include <algorithm>
#include <functional>
#include <utility>
#include <vector>

#include "model/answering_pass.hpp"
#include "sharcs/routing.hpp"

namespace sharcs::internal::testing {

/// Gives every sample one answer: the one that `choose` names.
template <class T>
class OneAnswer final : public AnswerGuide<T> {
 public:
  using Choose = std::function<int(Index sample)>;
  explicit OneAnswer(Choose choose) : choose_(std::move(choose)) {}
  explicit OneAnswer(int answer) : choose_([answer](Index) { return answer; }) {}

  bool asks(Index sample, int answer, std::span<const T>) override { return answer == choose_(sample); }
  bool keeps(Index, int, std::span<const T>, const T*) override { return true; }

 private:
  Choose choose_;
};

/// Gives every sample the answer of the width with the largest router logit.
template <class T>
class RoutersChoice final : public AnswerGuide<T> {
 public:
  explicit RoutersChoice(const ModelConfig& config) : answers_(answers_of(config)) {}

  bool asks(Index, int answer, std::span<const T> router_logits) override {
    const Answer& asked = answers_[static_cast<std::size_t>(answer)];
    return !asked.is_exit() && asked.width_index == std::ranges::max_element(router_logits) - router_logits.begin();
  }
  bool keeps(Index, int, std::span<const T>, const T*) override { return true; }

 private:
  std::vector<Answer> answers_;
};

}  // namespace sharcs::internal::testing
