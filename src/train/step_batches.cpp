#include "train/step_batches.hpp"

#include <algorithm>
#include <cassert>
#include <utility>

#include "core/random.hpp"
#include "sharcs/error.hpp"

namespace sharcs::internal {

TokenDropout::TokenDropout(double probability, const Tokenizer& tokenizer) : probability_(probability) {
  if (probability == 0) return;
  const char* const names[] = {"[MASK]", "<mask>", "[UNK]", "<unk>"};
  const auto* const name =
      std::ranges::find_if(names, [&](const char* token) { return tokenizer.id(token).has_value(); });
  if (name == std::end(names))
    throw ConfigError(
        "training options: \"token_dropout\" needs a mask token; the vocabulary has none of [MASK], "
        "<mask>, [UNK], <unk>");
  replacement_ = *tokenizer.id(*name);
  constexpr std::size_t enough = 16;
  kept_ = tokenizer.encode("", "", enough).ids;  // special tokens only
}

void TokenDropout::apply(std::span<const Index> samples, std::uint64_t key, RaggedBatch& batch) const {
  assert(static_cast<Index>(samples.size()) == batch.samples());
  if (probability_ == 0) return;
  for (std::size_t s = 0; s < samples.size(); ++s) {
    Random random(derive_key(key, "tokens of sample", static_cast<std::uint64_t>(samples[s])));
    for (Index t = batch.offsets[s]; t < batch.offsets[s + 1]; ++t) {
      std::int32_t& id = batch.ids[static_cast<std::size_t>(t)];
      const bool drop = random.uniform() < probability_;
      if (drop && std::ranges::find(kept_, id) == kept_.end()) id = replacement_;
    }
  }
}

StepBatches::StepBatches(TokensOf tokens_of, TokenDropout token_dropout, std::uint64_t seed,
                         std::optional<TokenMasking> masking)
    : tokens_of_(std::move(tokens_of)),
      token_dropout_(std::move(token_dropout)),
      seed_(seed),
      masking_(std::move(masking)) {}

std::vector<RaggedBatch> StepBatches::take(const PlannedStep& step, std::int64_t number, const PlannedStep* next) {
  const bool is_started = ahead_.valid() && started_number_ == number && started_ == step;
  std::vector<RaggedBatch> batches;
  if (ahead_.valid()) batches = ahead_.get();
  if (!is_started) batches = make(step, number);
  if (next != nullptr) {
    started_ = *next;
    started_number_ = number + 1;
    // Where no thread can be started, the standard library makes them in get().
    ahead_ = std::async(std::launch::async | std::launch::deferred, [this] { return make(started_, started_number_); });
  }
  return batches;
}

std::vector<RaggedBatch> StepBatches::make(const PlannedStep& step, std::int64_t number) const {
  const std::uint64_t key = derive_key(seed_, "token dropout", static_cast<std::uint64_t>(number));
  const std::uint64_t mask_key = derive_key(seed_, "masks", static_cast<std::uint64_t>(number));
  std::vector<RaggedBatch> batches;
  batches.reserve(step.size());
  for (const PlannedBatch& planned : step) {
    RaggedBatch& tokens = batches.emplace_back(tokens_of_(planned.samples));
    token_dropout_.apply(planned.samples, key, tokens);
    if (masking_) masking_->apply(planned.samples, mask_key, tokens);
  }
  return batches;
}

}  // namespace sharcs::internal
