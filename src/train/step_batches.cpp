#include "train/step_batches.hpp"

#include <utility>

#include "core/random.hpp"

namespace sharcs::internal {

StepBatches::StepBatches(TokensOf tokens_of, TokenDropout token_dropout, std::uint64_t seed)
    : tokens_of_(std::move(tokens_of)), token_dropout_(std::move(token_dropout)), seed_(seed) {}

std::vector<RaggedBatch> StepBatches::take(const PlannedStep& step, std::int64_t number, const PlannedStep* next) {
  std::vector<RaggedBatch> batches;
  if (ahead_.valid()) batches = ahead_.get();
  if (begun_ != &step || begun_number_ != number) batches = make(step, number);
  begun_ = next;
  begun_number_ = number + 1;
  // Where no thread can be started, the standard library makes them when they are taken.
  if (next != nullptr)
    ahead_ = std::async(std::launch::async | std::launch::deferred,
                        [this, next, number] { return make(*next, number + 1); });
  return batches;
}

std::vector<RaggedBatch> StepBatches::make(const PlannedStep& step, std::int64_t number) const {
  const std::uint64_t key = derive_key(seed_, "token dropout", static_cast<std::uint64_t>(number));
  std::vector<RaggedBatch> batches;
  batches.reserve(step.size());
  for (const PlannedBatch& planned : step) {
    RaggedBatch& tokens = batches.emplace_back(tokens_of_(planned.samples));
    token_dropout_.apply(planned.samples, key, tokens);
  }
  return batches;
}

}  // namespace sharcs::internal
