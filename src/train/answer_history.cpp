#include "train/answer_history.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <utility>

#include "sharcs/error.hpp"

namespace sharcs::internal {
namespace {
constexpr float not_known = std::numeric_limits<float>::quiet_NaN();
}

AnswerHistory::AnswerHistory(Index samples, int widths)
    : narrow_(static_cast<std::size_t>(std::max(0, widths - 1))),
      past_(static_cast<std::size_t>(samples) * narrow_, not_known),
      current_(past_) {}

void AnswerHistory::finish_epoch() {
  for (std::size_t i = 0; i < past_.size(); ++i) {
    if (!std::isnan(current_[i])) past_[i] = std::isnan(past_[i]) ? current_[i] : 0.5f * (past_[i] + current_[i]);
    current_[i] = not_known;
  }
}

void AnswerHistory::write_target(Index sample, std::span<float> target) const {
  for (std::size_t w = 0; w < narrow_; ++w) target[w] = past_[at(sample, static_cast<int>(w))];
  target[narrow_] = narrow_ > 0 ? 1 - target[narrow_ - 1] : 1;
}

void AnswerHistory::restore(State state) {
  if (state.past.size() != past_.size() || state.current.size() != current_.size())
    throw CheckpointError("answer history: has " + std::to_string(state.past.size()) + " elements; expected " +
                          std::to_string(past_.size()));
  past_ = std::move(state.past);
  current_ = std::move(state.current);
}

}  // namespace sharcs::internal
