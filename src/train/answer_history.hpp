#pragma once

#include <span>
#include <vector>

#include "core/matrix_view.hpp"

namespace sharcs::internal {

/// How often each narrow width was right on each training sample in past epochs: what the router learns when narrow
/// widths are distilled. An epoch counts as much as all epochs before it together. Where words are labelled, an answer
/// is as right as the share of them that it labels right.
class AnswerHistory {
 public:
  AnswerHistory(Index samples, int widths);

  /// Records how right, from 0 to 1, a narrow width (by index) was on a sample in the running epoch. The last call
  /// counts.
  void record(Index sample, int width, float right) { current_[at(sample, width)] = right; }
  void finish_epoch();

  /// The router's target for a sample, one number a width: the share of past epochs in which the width was right; for
  /// full width 1 minus that of the widest narrow one. NaN where no past epoch is known.
  void write_target(Index sample, std::span<float> target) const;

  struct State {
    std::vector<float> past, current;  ///< [samples, narrow widths]; NaN: not known
  };
  State state() const { return {past_, current_}; }
  /// Goes on from a saved state. Throws CheckpointError when its sizes are not those of this history.
  void restore(State state);

 private:
  std::size_t at(Index sample, int width) const {
    return static_cast<std::size_t>(sample) * narrow_ + static_cast<std::size_t>(width);
  }

  std::size_t narrow_;
  std::vector<float> past_, current_;
};

}  // namespace sharcs::internal
