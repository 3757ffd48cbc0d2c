#pragma once

#include <cstdint>
#include <functional>
#include <future>
#include <span>
#include <vector>

#include "model/ragged_batch.hpp"
#include "train/epoch_plan.hpp"
#include "train/token_dropout.hpp"

namespace sharcs::internal {

/// Gives the tokens of some training samples, in the order given. Called on any thread, one call at a time.
using TokensOf = std::function<RaggedBatch(std::span<const Index> samples)>;

/// Makes the batches of the training's steps, those of the step to come while the one before computes.
class StepBatches {
 public:
  StepBatches(TokensOf tokens_of, TokenDropout token_dropout, std::uint64_t seed);

  /// The tokens of step `number`'s micro-batches, whole (also where other ranks run a part), and begins with those of
  /// `next`, the step after it, where there is one. What comes out does not depend on what was begun. `next` must live
  /// until the next call.
  std::vector<RaggedBatch> take(const PlannedStep& step, std::int64_t number, const PlannedStep* next);

 private:
  std::vector<RaggedBatch> make(const PlannedStep& step, std::int64_t number) const;

  TokensOf tokens_of_;
  TokenDropout token_dropout_;
  std::uint64_t seed_;
  const PlannedStep* begun_ = nullptr;
  std::int64_t begun_number_ = 0;
  std::future<std::vector<RaggedBatch>> ahead_;  // last: its thread reads the others
};

}  // namespace sharcs::internal
