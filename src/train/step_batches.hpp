#pragma once

#include <cstdint>
#include <functional>
#include <future>
#include <optional>
#include <span>
#include <vector>

#include "data/token_masking.hpp"
#include "model/ragged_batch.hpp"
#include "sharcs/tokenizer.hpp"
#include "train/epoch_plan.hpp"

namespace sharcs::internal {

/// Returns the tokens of some training samples, in the order given. Called on any thread, one call at a time.
using TokensOf = std::function<RaggedBatch(std::span<const Index> samples)>;

/// Replaces words by the mask token, so that a model learns not to depend on single words (Iyyer et al. 2015, "word
/// dropout"; Gal and Ghahramani 2016, arXiv:1512.05287, section 4).
class TokenDropout {
 public:
  /// Replaces nothing.
  TokenDropout() = default;
  /// Replaces each token with this probability, but never the tokens that every input has: [CLS], [SEP]. If the
  /// vocabulary has no mask token, its unknown token is used. Throws ConfigError when it has neither and
  /// probability > 0.
  TokenDropout(double probability, const Tokenizer& tokenizer);

  /// batch: the tokens of these training samples, in this order. What is replaced in a sample depends only on `key` and
  /// on the sample's number.
  void apply(std::span<const Index> samples, std::uint64_t key, RaggedBatch& batch) const;

 private:
  double probability_ = 0;
  std::int32_t replacement_ = 0;
  std::vector<std::int32_t> kept_ = {};
};

/// Makes the token batches of each step, on a thread of its own while the step before computes.
class StepBatches {
 public:
  /// masking: none where tokens are not to be told.
  StepBatches(TokensOf tokens_of, TokenDropout token_dropout, std::uint64_t seed,
              std::optional<TokenMasking> masking = {});

  /// Returns the tokens of each micro-batch of step `number`, whole micro-batches even if other ranks run a part. Then
  /// starts to make those of `next`, the step that follows; null: none. If another step is asked for next, what was
  /// started is thrown away, so the result never depends on it.
  std::vector<RaggedBatch> take(const PlannedStep& step, std::int64_t number, const PlannedStep* next);

 private:
  std::vector<RaggedBatch> make(const PlannedStep& step, std::int64_t number) const;

  TokensOf tokens_of_;
  TokenDropout token_dropout_;
  std::uint64_t seed_;
  std::optional<TokenMasking> masking_;
  // The step whose batches are being made, and the batches; last, since their thread reads the members above.
  PlannedStep started_ = {};
  std::int64_t started_number_ = 0;
  std::future<std::vector<RaggedBatch>> ahead_;
};

}  // namespace sharcs::internal
